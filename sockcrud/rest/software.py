"""What a request tells of the program that sent it: which programs are still in use."""

from __future__ import annotations

import re
from typing import Final

from sockcrud.protocols.http.connection import Request

LONGEST: Final = 80

_ODD: Final = re.compile(rb"[^ -~]+")


def software_of(request: Request) -> str:
    """Return its User-Agent, as much of it as matters, and what else it may be known by."""
    agent = _ODD.sub(b"?", request.header(b"user-agent") or b"").decode("ascii")
    habits = "" if request.has_host else ", no Host"
    return f"{agent[: LONGEST - len(habits)] or 'no User-Agent'}{habits}"
