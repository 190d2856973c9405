"""The password of somebody's admin: it is sent, and never shown, for Robot writes down every value
it sees.
"""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path


class Secret:
    """A text that shows itself to nobody but who asks for it by this name."""

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __repr__(self) -> str:
        return "<secret>"


class Secrets:
    """Keywords that read and hash passwords."""

    ROBOT_LIBRARY_SCOPE = "GLOBAL"

    def password_given(self, password: str, file: str) -> Secret | None:
        """Return the password, or the first line of the file; None where there is neither."""
        if password or not file:
            return Secret(password) if password else None
        first_line = Path(file).read_text(encoding="utf-8").partition("\n")[0]
        assert first_line, f"{file} has no password in its first line"
        return Secret(first_line)

    def sha256_of(self, password: str | Secret) -> str | Secret:
        """Return the SHA-256 of a password as 64 hex digits in upper case, as secret as the
        password is.
        """
        if isinstance(password, Secret):
            return Secret(_digest(password.reveal()))
        return _digest(password)


def _digest(password: str) -> str:
    return sha256(password.encode()).hexdigest().upper()
