"""The journal: the last requests and answers of all wires as people read them, without secrets."""
