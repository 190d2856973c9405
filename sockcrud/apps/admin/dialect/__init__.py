"""The admin's dialect: accounts, companies, sessions, changes, export and import, and how the
daemon does.
"""
