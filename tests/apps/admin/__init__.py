"""Tests of apps/admin."""
