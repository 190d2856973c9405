"""Tests of protocols/http."""
