"""The store in memory, and the tables that the SQLite store reads from, too."""
