"""Tests of apps/members."""
