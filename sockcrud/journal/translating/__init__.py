"""A request in other words: as a line of a shell, as Python, as a request of another wire."""
