"""What the `Authorization` of a request brings: a bearer token, or the login name and password of
HTTP Basic.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode
from typing import Final

from sockcrud.protocols.http.connection import Request

_BEARER: Final = re.compile(rb"bearer +([!-~]+)", re.IGNORECASE)
_BASIC: Final = re.compile(rb"basic +([A-Za-z0-9+/]+={0,2})", re.IGNORECASE)


def bearer(request: Request) -> str | None:
    """Return the token, None where there is none."""
    found = _BEARER.fullmatch(request.header(b"authorization") or b"")
    return None if found is None else found[1].decode("ascii")


def basic(request: Request) -> tuple[str, str] | None:
    """Return the login name and the password, None where there are none."""
    found = _BASIC.fullmatch(request.header(b"authorization") or b"")
    try:
        name, colon, password = (
            b64decode(found[1], validate=True).decode().partition(":") if found else ("", "", "")
        )
    except (binascii.Error, UnicodeDecodeError):
        return None
    return (name, password) if colon else None
