"""The settings of the core: what can be set, with which default, and how its text is read.

Each is declared once, as a field of `Settings`; what apps add is in their own declarations. Where
their values come from is `config`'s.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import attrs
from attrs import frozen

from sockcrud.faults import rules
from sockcrud.ledger.brownouts import brownouts, days
from sockcrud.peers import read_networks
from sockcrud.setting import (
    SECTION,
    count,
    endless,
    none_or_count,
    open_or_closed,
    percent,
    seconds,
    size,
    text,
    text_or_json,
    yes_or_no,
)
from sockcrud.storage.postgres import url as postgres_url

SQLITE: Final = "sqlite:"
OFF: Final = "off"
"""Where a dialect listens that does not."""


STORES: Final = (
    f"memory: or sqlite:PATH or {postgres_url.EXPECTED} (a password is best in "
    f"~/.pgpass; in the URL, @ is %40, / is %2F)"
)


def _store(text: str) -> str:
    if text != "memory:" and not postgres_url.is_file(text) and not postgres_url.is_url(text):
        raise ValueError(STORES)
    if text.startswith(SQLITE) and Path(text.removeprefix(SQLITE)).is_dir():
        raise ValueError(
            f"a file, and this is a directory: name one in it, as {text.rstrip('/')}/sockcrud.db"
        )
    return text


def _hosts(text: str) -> tuple[str, ...]:
    names = tuple(name.lower().removesuffix(".") for name in text.split())
    for name in names:
        if name != "*" and re.fullmatch(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]", name) is None:
            raise ValueError(
                "*, or names such as shop.example.org or [2001:db8::1], without ports, with "
                "blanks between them"
            )
    return names


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(text.split())
    for origin in origins:
        if origin != "*" and re.fullmatch(r"[a-z][a-z0-9+.-]*://[!-~]+[^/]", origin) is None:
            raise ValueError(
                "*, or origins such as https://example.org with blanks between them, or nothing"
            )
    return origins


def file_names(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(
            f"names of files with blanks between them, quoted where one holds a blank ({error})"
        ) from None


def names(text: str) -> tuple[str, ...]:
    """Read names with commas or blanks between them."""
    return tuple(text.replace(",", " ").split())


def none_or_port(text: str) -> int | None:
    """Read the number of a port, or nothing; raise ValueError."""
    if not text:
        return None
    if re.fullmatch("[0-9]{1,5}", text) is None or not 0 < int(text) < 65_536:
        raise ValueError("a port from 1 to 65535, or nothing")
    return int(text)


def _setting(
    default: str,
    parse: Callable[[str], Any],
    meaning: str,
    section: str = SECTION,
    repr: bool | Callable[[Any], str] = True,
) -> Any:
    metadata = {"text": default, "parse": parse, "meaning": meaning, "section": section}
    return attrs.field(default=parse(default), metadata=metadata, repr=repr)


@frozen
class Settings:
    """Everything that can be set."""

    app: tuple[str, ...] = _setting(
        "",
        file_names,
        "files of apps that are served beside those installed, with blanks between them; a flag "
        "for each",
    )
    store: str = _setting(
        "memory:",
        _store,
        "where the records are: memory:, sqlite:PATH for a file, or postgresql://... for several "
        "nodes",
        repr=postgres_url.without_password,
    )
    seed: str = _setting(
        "",
        text,
        "a file of JSON lines or CSV with records that a store gets that has none of their kinds",
    )
    only: tuple[str, ...] = _setting(
        "", names, "the dialects that listen, with commas between them; empty: all"
    )
    base_port: int | None = _setting(
        "",
        none_or_port,
        "the port of the first dialect, and the others one after the other; empty: each its own."
        " Where a place is set, it counts",
    )
    workers: int = _setting(
        "1", count, "processes that serve together, on PostgreSQL; for sockcrud serve"
    )
    proxies: tuple[str, ...] = _setting(
        "",
        read_networks,
        "networks of proxies, whose connections begin with a PROXY header, version 1 or 2; unix for"
        " who comes by a Unix socket",
    )
    max_records: int = _setting("5000000", count, "records of each kind, at most; more are refused")
    max_accounts: int = _setting(
        "100000", count, "accounts, at most: while sign-up is open anybody makes some"
    )
    max_stored: int = _setting(
        "4GiB",
        size,
        "about the bytes that all records may take in memory, at most, wherever they are; none "
        "is taken beyond",
    )
    max_history: int = _setting(
        "64MiB", size, "about the bytes of the changes kept for the admin's /changes"
    )
    demo: bool = _setting(
        "no", yes_or_no, "start with the example records of the documents; they bring no account"
    )
    admin_login: str = _setting(
        "admin", text, "the login name of the first admin, made where there is no active one"
    )
    admin_password_file: str = _setting(
        "",
        text,
        "a file with that admin's password; empty: a random one, written to a file that the log "
        "names",
    )
    min_password: int = _setting(
        "8",
        count,
        "characters that a password has at least that is given at the admin port, or to the first"
        " admin; members and auth take two, as their clients expect",
    )
    sign_up: str = _setting(
        "open", open_or_closed, "whether people may make accounts for themselves: open or closed"
    )
    max_connections: int = _setting(
        "20000", count, "open connections in all; less where the system allows fewer descriptors"
    )
    max_request: int = _setting("64KiB", size, "the longest request line or JSON object")
    max_depth: int = _setting("64", count, "how deeply JSON may be nested")
    max_in_flight: int = _setting(
        "128", count, "requests of one connection that are under way; the rest waits"
    )
    max_unsent: int = _setting(
        "256KiB", size, "answers that one connection leaves unread, before no more of it is read"
    )
    max_unsent_total: int = _setting(
        "256MiB", size, "answers that all connections together leave unread; then some are closed"
    )
    max_unfinished_total: int = _setting(
        "256MiB", size, "unfinished requests of all connections together; likewise"
    )
    object_timeout: float = _setting(
        "10", seconds, "seconds from the first byte of a JSON object to its last"
    )
    max_share: int = _setting(
        "25", percent, "percent of the connections that one other machine may have (IPv6: one /64)"
    )
    max_lists: int = _setting(
        "64", count, "long lists that one other machine may be reading at a time"
    )
    idle_timeout: float = _setting(
        "300", endless, "seconds without a request after which a connection is closed; 0 for no end"
    )
    max_header: int = _setting("16KiB", size, "HTTP: the longest header block")
    max_fields: int = _setting("100", count, "HTTP: the most header fields")
    max_target: int = _setting("8KiB", size, "HTTP: the longest request target")
    max_body: int = _setting("1MiB", size, "HTTP: the longest body")
    max_import: int = _setting("64MiB", size, "the longest body of an import at the admin port")
    header_timeout: float = _setting("10", seconds, "HTTP: seconds a header may take")
    body_timeout: float = _setting("30", seconds, "HTTP: seconds a body may take")
    keep_alive_timeout: float = _setting(
        "75", endless, "HTTP: seconds between two requests of a connection; 0 for no end"
    )
    cors_origins: tuple[str, ...] = _setting(
        "", _origins, "origins whose web pages may call the HTTP dialects; * for any"
    )
    admin_cors_origins: tuple[str, ...] = _setting(
        "", _origins, "origins whose web pages may call the admin port"
    )
    hosts: tuple[str, ...] = _setting(
        "",
        _hosts,
        "HTTP: names and addresses that requests may be for, besides those of loopback; * for "
        "any. Listeners that other"
        " machines reach, and Unix sockets, take any while none is named here",
    )
    postgres_pool: int = _setting(
        "8", count, "connections of this node to PostgreSQL, at most; five at least", "postgres"
    )
    postgres_statement_timeout: float = _setting(
        "5",
        seconds,
        "seconds that PostgreSQL may take for a statement; one more, and the connection is given "
        "up",
        "postgres",
    )
    postgres_connect_timeout: float = _setting(
        "2", seconds, "seconds that a connection to PostgreSQL may take", "postgres"
    )
    brownouts_at: tuple[str, ...] = _setting(
        "",
        brownouts,
        "when dialects answer that they are busy, and for how long, such as "
        "users@2026-12-01T10:00Z/15m, with blanks between them",
        "brownouts",
    )
    brownouts_deprecated: tuple[str, ...] = _setting(
        "",
        days,
        "HTTP: from which day on answers say that a dialect is not to be used for anything new, "
        "such as way@2026-12-01",
        "brownouts",
    )
    brownouts_sunset: tuple[str, ...] = _setting(
        "", days, "HTTP: the day that answers name as the dialect's last; likewise", "brownouts"
    )
    stop_grace: float = _setting(
        "5", seconds, "seconds that requests under way have when the daemon is stopped"
    )
    session_idle: float = _setting(
        "1800", seconds, "seconds without use after which a session is over"
    )
    session_age: float = _setting(
        "43200", seconds, "seconds after which a session is over in any case"
    )
    kept_answers_age: float = _setting(
        "86400",
        seconds,
        "seconds for which the answer to a request with an Idempotency-Key is kept",
    )
    max_kept_answers: int = _setting(
        "50000",
        count,
        "such answers that are kept at once, of 1 KiB on average, and a tenth of them for one "
        "account or address; the oldest go first",
    )
    max_sessions: int = _setting(
        "1000",
        count,
        "sessions that an account has at once; at a login beyond them the one unused for longest "
        "ends",
    )
    free_login_failures: int = _setting(
        "10", count, "failed logins for one account and address before each must wait"
    )
    log_file: str = _setting(
        "", text, "the file that the log is appended to; empty: standard error, or what twistd has"
    )
    log_format: str = _setting("text", text_or_json, "text, or json for an object a line")
    log_refusals: int = _setting(
        "5",
        none_or_count,
        "lines a second in the log about requests of one peer that are refused; more are "
        "counted. 0: none",
    )
    journal: int = _setting(
        "1000",
        none_or_count,
        "requests kept in memory, with their answers, for /journal of the admin port; 0: none",
    )
    log_operations: bool = _setting("no", yes_or_no, "log a line for every operation")
    allow_faults: bool = _setting(
        "no", yes_or_no, "whether testers may have requests delayed, refused and cut off"
    )
    faults: str = _setting(
        "",
        rules.setting,
        "faults from the start, with semicolons between them, as in users users.get --delay 2s",
    )
    of_apps: dict[str, Any] = attrs.Factory(dict)
    """What the apps in use add: where their dialects listen, their idle times, their own."""

    def of(self, name: str) -> Any:
        """Return the value of the setting of this name, which may be one that an app adds."""
        return self.of_apps[name] if name in self.of_apps else getattr(self, name)

    @property
    def store_file(self) -> Path | None:
        """The file of the store, where it is in one."""
        return Path(self.store.removeprefix(SQLITE)) if self.store.startswith(SQLITE) else None


RELOADED: Final = frozenset(
    (
        "brownouts_at",
        "log_operations",
        "log_refusals",
        "max_connections",
        "max_lists",
        "max_share",
        "max_unfinished_total",
        "max_unsent_total",
        "sign_up",
        "stop_grace",
    )
)
"""The settings that SIGHUP changes. What connections, stores and sessions are made with changes at
the next start.
"""
