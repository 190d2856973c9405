"""Tests of apps/shop."""
