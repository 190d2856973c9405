"""Tests of storage/postgres."""
