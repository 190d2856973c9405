"""The login of the console's page: a session's token in two parts, each of no use by itself.

| part | where it is | who cannot get at it |
|---|---|---|
| the cookie | the browser keeps it, and sends it to all ports of this host | scripts |
| the key | the page keeps it, and sends it in `X-Console-Key` | all but pages of this origin |

Each by itself is as good as random: the token is one exclusive-or the other. So a page of another
origin that has a request sent with the cookie has no key, and what else listens on this host, and
is sent the cookie too, cannot log in with it. To the sessions it is a token like any other.
"""

from __future__ import annotations

import re
import secrets
from typing import Final

from sockcrud.protocols.http.connection import Request

KEY_HEADER: Final = b"x-console-key"
_NAME: Final = "sockcrud_console"
_SECURE_PREFIX: Final = "__Host-"
"""A browser takes a cookie of such a name only over TLS, for all paths and for no other host."""
_PART: Final = re.compile("[0-9A-F]{64}")
_PORT: Final = re.compile(rb":([0-9]{1,5})$")


def split(token: str) -> tuple[str, str]:
    """Return the cookie and the key that make this token together."""
    cookie = secrets.token_hex(len(token) // 2).upper()
    return cookie, _combined(token, cookie)


def token_of(request: Request) -> str | None:
    """Return the token that the cookie and the key of a request make, None where one is missing."""
    key = (request.header(KEY_HEADER) or b"").decode("latin-1")
    cookie = _cookie(request)
    if cookie is None or _PART.fullmatch(key) is None:
        return None
    return _combined(cookie, key)


def set_cookie(request: Request, cookie: str, secure: bool) -> tuple[bytes, bytes]:
    """Return the header field that has the browser keep the cookie, or forget it where it is empty.

    Where a proxy speaks TLS for this port, the browser says so in `Origin`.
    """
    secure = secure or (request.header(b"origin") or b"").startswith(b"https://")
    name = f"{_SECURE_PREFIX * secure}{_name(request)}"
    ends = "" if cookie else "; Max-Age=0"
    value = f"{name}={cookie}; Path=/; HttpOnly; SameSite=Strict{'; Secure' * secure}{ends}"
    return b"Set-Cookie", value.encode()


def _cookie(request: Request) -> str | None:
    name = _name(request)
    found: dict[str, str] = {}
    for pair in (request.header(b"cookie") or b"").decode("latin-1").split(";"):
        named, _, value = pair.strip().partition("=")
        if _PART.fullmatch(value):
            found.setdefault(named, value)
    return found.get(_SECURE_PREFIX + name) or found.get(name)


def _name(request: Request) -> str:
    """Return the cookie's name, with the port: cookies are those of the host, for all its ports."""
    port = _PORT.search(request.header(b"host") or b"")
    return _NAME if port is None else f"{_NAME}_{int(port[1])}"


def _combined(one: str, other: str) -> str:
    return f"{int(one, 16) ^ int(other, 16):0{len(one)}X}"
