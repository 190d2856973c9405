"""What can be done in the shop, and its rules, once. No word of any wire in here."""
