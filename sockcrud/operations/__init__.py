"""The use cases: who may do what, and every rule of business, once. No word of any wire in here."""
