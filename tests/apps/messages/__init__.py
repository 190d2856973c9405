"""Tests of apps/messages."""
