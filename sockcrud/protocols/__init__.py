"""Bases for wire formats: lines, JSON lines, JSON-RPC, and bytes with a framer of one's own. (HTTP with routes: `dialects`.)"""
