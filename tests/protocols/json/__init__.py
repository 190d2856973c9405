"""Tests of protocols/json."""
