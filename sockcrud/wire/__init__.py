"""Bytes in, requests out; answers in their order; limits. No word of business in here."""
