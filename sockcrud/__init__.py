"""One Twisted daemon that serves CRUD systems in several wire formats at once."""

__version__ = "0.1.0"
