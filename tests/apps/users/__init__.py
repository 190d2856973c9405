"""Tests of apps/users."""
