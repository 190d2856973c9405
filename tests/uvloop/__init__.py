"""Tests of uvloop."""
