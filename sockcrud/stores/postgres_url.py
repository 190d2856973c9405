"""The URL of a PostgreSQL database, as people may see it. Here the driver need not be installed."""

from __future__ import annotations

import re
from typing import Final

SCHEMES: Final = ("postgresql://", "postgres://")

_PASSWORD: Final = re.compile(r"(?i)((?:pass[a-z]*|sslpassword|oauth_client_secret)=)[^&\s]*")


def is_url(text: str) -> bool:
    """Tell whether this is the URL of a PostgreSQL database, going by its beginning."""
    return text.startswith(SCHEMES)


def without_password(text: str) -> str:
    """Give the URL with *** for what may be a password, also one in a wrong place. What is no such URL stays as it is."""
    if not is_url(text):
        return text
    scheme, _, rest = text.partition("://")
    login, at, place = rest.rpartition("@")
    user, colon, _ = login.partition(":")
    shown = f"{user}:***" if colon else login
    return f"{scheme}://{shown}{at}" + _PASSWORD.sub(r"\1***", place)
