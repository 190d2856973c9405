"""What the monitor tells: lines, a table, pages, figures, JUnit."""
