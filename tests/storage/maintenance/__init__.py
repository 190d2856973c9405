"""Tests of storage/maintenance."""
