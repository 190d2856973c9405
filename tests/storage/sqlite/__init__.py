"""Tests of storage/sqlite."""
