"""JSON on TCP: bytes in, objects out; JSON-RPC 2.0 on lines."""
