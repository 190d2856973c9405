"""The command line for clients: a group for each dialect, and the raw ways to ask."""
