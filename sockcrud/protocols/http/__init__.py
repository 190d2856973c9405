"""HTTP/1.1 and 1.0: bytes in, requests out; responses in their order."""
