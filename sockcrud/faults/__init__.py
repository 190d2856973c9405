"""Faults on demand, for testers: a daemon is slow, refuses, or closes, where a rule says so."""
