"""The store in PostgreSQL, for several nodes on one database."""
