"""Tests of apps/way."""
