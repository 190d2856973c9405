"""Twisted's interfaces on uvloop's transports."""
