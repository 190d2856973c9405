"""Clients: one for each wire."""
