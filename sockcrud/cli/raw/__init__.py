"""Requests as they stand, to any server."""
