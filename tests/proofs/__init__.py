"""Proofs that take a real daemon: what strangers on the network can do to it, and to its other
clients.
"""
