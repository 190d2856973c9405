"""One check a dialect: what a user would do there, step by step."""
