"""Looking after a store as a whole: check, backup, export, import, move."""
