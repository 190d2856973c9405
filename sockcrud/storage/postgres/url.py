"""The URL of a PostgreSQL database, as people may see it. Here the driver need not be installed."""

from __future__ import annotations

import re
from typing import Final

EXPECTED: Final = "postgresql://USER@HOST/DATABASE"

_HOST: Final = r"(?:\[[0-9A-Fa-f:.]+\]|[^\s@/?#:,\[\]]*)(?::[0-9]*)?"
_URL: Final = re.compile(
    r"(?P<scheme>postgres(?:ql)?)://"
    r"(?:(?P<user>[^\s@/?#:]*)(?P<password>:[^\s@/]*)?@)?"
    rf"(?P<hosts>{_HOST}(?:,{_HOST})*)"
    r"(?P<database>/[^\s@/?#:]*)?"
    r"(?:\?(?P<query>[^\s@#]*))?"
)
"""One that libpq and people read alike: an @ where a login ends, and nowhere else.

libpq takes the first @ for that end, and tells the rest of a password that has another as a host
that it cannot find.
"""

_SHOWN: Final = frozenset(
    (
        *(
            "host",
            "hostaddr",
            "port",
            "dbname",
            "user",
            "service",
            "passfile",
            "options",
            "application_name",
        ),
        *(
            "connect_timeout",
            "target_session_attrs",
            "load_balance_hosts",
            "sslmode",
            "sslrootcert",
            "sslcert",
            "sslkey",
        ),
        *(
            "sslnegotiation",
            "channel_binding",
            "gssencmode",
            "keepalives",
            "keepalives_idle",
            "tcp_user_timeout",
        ),
    )
)
"""Parameters whose values are no secrets. Of all others, also of those that are none, only the name
may be seen.
"""

_FILE: Final = re.compile("sqlite:(?!//[^/]|.*://).+", re.DOTALL)
"""The path of a file, and no URL behind the wrong word."""

_MAYBE: Final = re.compile(r"(?i)\b(?!https?:)[a-z][a-z0-9+.-]+:/|:.*@|postgres|pass(?:word|wd)?=")


def is_url(text: str) -> bool:
    """Return whether this is the URL of a PostgreSQL database, with what a password must not have
    in it written as %40.
    """
    return _URL.fullmatch(text) is not None


def is_file(text: str) -> bool:
    """Return whether this is a store in a file."""
    return _FILE.fullmatch(text) is not None


def may_hold_password(text: str) -> bool:
    """Return whether somebody may have meant this as a database, well or badly written."""
    return _MAYBE.search(text) is not None and not is_file(text)


def without_password(text: str) -> str:
    """Return the URL with *** for what may be a password; *** for what may be meant as one, and any
    other text as it is.
    """
    url = _URL.fullmatch(text)
    if url is None:
        return "***" if may_hold_password(text) else text
    login = ""
    if url["user"] is not None:
        login = f"{url['user']}{':***' if url['password'] else ''}@"
    query = "" if url["query"] is None else "?" + "&".join(map(_format, url["query"].split("&")))
    return f"{url['scheme']}://{login}{url['hosts']}{url['database'] or ''}{query}"


def _format(parameter: str) -> str:
    name, equals, _ = parameter.partition("=")
    return (
        parameter if name in _SHOWN or not equals else f"{name if name.isidentifier() else ''}=***"
    )
