"""Who may log in: accounts, companies, sessions, failed logins, passwords, and the first admin."""
