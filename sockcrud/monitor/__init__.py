"""The synthetic monitor: asks every dialect as a user would, from outside of the daemon, and tells
what it found.
"""
