"""The settings: defaults < tap.cfg < SOCKCRUD_* environment < flags, one typed result.

Each setting is declared once, as a field of `Settings`; the flags of both commands, the environment variables, the
example `tap.cfg` and `--check-config` follow from that.
"""

from __future__ import annotations

import configparser
import math
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import attrs
from attrs import frozen

from sockcrud.stores import postgres_url

SECTION: Final = "sockcrud"
PREFIX: Final = "SOCKCRUD_"
FILE: Final = "tap.cfg"
SQLITE: Final = "sqlite:"
_PLACE_SUFFIX: Final = "_AT"  # SOCKCRUD_USERS_AT and its like say to the commands of clients where a server is
_OTHERS_PREFIX: Final = "SOCKCRUD_TEST_"  # environment variables that are the test suite's, not the daemon's


STORES: Final = (
    f"memory: or sqlite:PATH or {postgres_url.EXPECTED} (a password is best in ~/.pgpass; in the URL, @ is %40, / is %2F)"
)


class ConfigError(Exception):
    """A setting that cannot be used, in one line: where it stands, which value, what would be right."""


def _text(text: str) -> str:
    return text


def _yes_or_no(text: str) -> bool:
    try:
        return configparser.ConfigParser.BOOLEAN_STATES[text.lower()]
    except KeyError:
        raise ValueError("yes or no") from None


def _size(text: str) -> int:
    match = re.fullmatch(r"([0-9]{1,12}) *(KiB|MiB|GiB)?", text)
    if match is None or not int(match[1]):
        raise ValueError("a number of bytes, such as 65536, 64KiB or 2MiB")
    return int(match[1]) * {None: 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}[match[2]]


def _count(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,9}", text) is None or not int(text):
        raise ValueError("a whole number from 1")
    return int(text)


def _seconds(text: str) -> float:
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,3})?", text) is None or not float(text):
        raise ValueError("a number of seconds above 0")
    return float(text)


def _endless(text: str) -> float:
    if re.fullmatch(r"0+(\.0+)?", text):
        return math.inf
    try:
        return _seconds(text)
    except ValueError as error:
        raise ValueError(f"{error}, or 0 for no end") from None


def _own_idle(text: str) -> float | None:
    return _endless(text) if text else None


def _percent(text: str) -> int:
    if re.fullmatch(r"[0-9]{1,3}", text) is None or not 1 <= int(text) <= 100:
        raise ValueError("a whole number from 1 to 100")
    return int(text)


def _open_or_closed(text: str) -> str:
    if text not in ("open", "closed"):
        raise ValueError("open or closed")
    return text


def _store(text: str) -> str:
    if text != "memory:" and not postgres_url.is_file(text) and not postgres_url.is_url(text):
        raise ValueError(STORES)
    return text


def _hosts(text: str) -> tuple[str, ...]:
    names = tuple(name.lower().removesuffix(".") for name in text.split())
    for name in names:
        if name != "*" and re.fullmatch(r"[a-z0-9._-]+|\[[0-9a-f:.]+\]", name) is None:
            raise ValueError("*, or names such as shop.example.org or [2001:db8::1], without ports, with blanks between them")
    return names


def _origins(text: str) -> tuple[str, ...]:
    origins = tuple(text.split())
    for origin in origins:
        if origin != "*" and re.fullmatch(r"[a-z][a-z0-9+.-]*://[!-~]+[^/]", origin) is None:
            raise ValueError("*, or origins such as https://example.org with blanks between them, or nothing")
    return origins


def _setting(
    default: str, parse: Callable[[str], Any], meaning: str, section: str = SECTION, repr: bool | Callable[[Any], str] = True
) -> Any:
    metadata = {"text": default, "parse": parse, "meaning": meaning, "section": section}
    return attrs.field(default=parse(default), metadata=metadata, repr=repr)


_IDLE: Final = "seconds without a request after which a connection here is closed; 0 for no end, empty: as for all"
_LONG_IDLE: Final = "seconds without a request after which a connection here is closed: people type into it; 0 for no end"


@frozen
class Settings:
    """Everything that can be set."""

    users: str = _setting("tcp:8080", _text, "where the users (JSON on TCP) listen: an endpoint description, or off")
    messages: str = _setting("tcp:5000", _text, "where the messages (JSON on TCP) listen; likewise, as all that follow")
    clients: str = _setting("tcp:5001", _text, "where the shop's service of clients and addresses (HTTP) listens")
    products: str = _setting("tcp:5002", _text, "where the shop's service of products (HTTP) listens")
    inventory: str = _setting("tcp:5003", _text, "where the shop's service of inventory (HTTP) listens")
    auth: str = _setting("tcp:5004", _text, "where the shop's logins (HTTP) listen")
    shop: str = _setting("tcp:5080", _text, "where all four services of the shop (HTTP) listen on one port")
    way: str = _setting("tcp:50000", _text, "where the way dialect (HTTP, the session id in the URL) listens")
    members: str = _setting("tcp:9999", _text, "where the members (HTTP, by role) listen")
    admin: str = _setting("tcp:8000", _text, "where the administration (HTTP) listens")
    store: str = _setting(
        "memory:",
        _store,
        "where the records are: memory:, sqlite:PATH for a file, or postgresql://... for several nodes",
        repr=postgres_url.without_password,
    )
    max_records: int = _setting("5000000", _count, "records of each kind, at most; more are refused")
    max_accounts: int = _setting("100000", _count, "accounts, at most: while sign-up is open anybody makes some")
    max_stored: int = _setting(
        "4GiB", _size, "about the bytes that all records may take in memory, at most, wherever they are; none is taken beyond"
    )
    max_history: int = _setting("64MiB", _size, "about the bytes of the changes kept for the admin's /changes")
    demo: bool = _setting("no", _yes_or_no, "start with the example records of the documents; they bring no account")
    admin_login: str = _setting("admin", _text, "the login name of the first admin, made where there is no active one")
    admin_password_file: str = _setting(
        "", _text, "a file with that admin's password; empty: a random one, written to a file that the log names"
    )
    sign_up: str = _setting("open", _open_or_closed, "whether people may make accounts for themselves: open or closed")
    max_connections: int = _setting("20000", _count, "open connections in all; less where the system allows fewer descriptors")
    max_request: int = _setting("64KiB", _size, "the longest request line or JSON object")
    max_depth: int = _setting("64", _count, "how deeply JSON may be nested")
    max_in_flight: int = _setting("128", _count, "requests of one connection that are under way; the rest waits")
    max_unsent: int = _setting("256KiB", _size, "answers that one connection leaves unread, before no more of it is read")
    max_unsent_total: int = _setting(
        "256MiB", _size, "answers that all connections together leave unread; then some are closed"
    )
    max_unfinished_total: int = _setting("256MiB", _size, "unfinished requests of all connections together; likewise")
    object_timeout: float = _setting("10", _seconds, "seconds from the first byte of a JSON object to its last")
    max_share: int = _setting("25", _percent, "percent of the connections that one other machine may have (IPv6: one /64)")
    max_lists: int = _setting("64", _count, "long lists that one other machine may be reading at a time")
    idle_timeout: float = _setting(
        "300", _endless, "seconds without a request after which a connection is closed; 0 for no end"
    )
    max_header: int = _setting("16KiB", _size, "HTTP: the longest header block")
    max_fields: int = _setting("100", _count, "HTTP: the most header fields")
    max_target: int = _setting("8KiB", _size, "HTTP: the longest request target")
    max_body: int = _setting("1MiB", _size, "HTTP: the longest body")
    max_import: int = _setting("64MiB", _size, "the longest body of an import at the admin port")
    header_timeout: float = _setting("10", _seconds, "HTTP: seconds a header may take")
    body_timeout: float = _setting("30", _seconds, "HTTP: seconds a body may take")
    keep_alive_timeout: float = _setting("75", _endless, "HTTP: seconds between two requests of a connection; 0 for no end")
    cors_origins: tuple[str, ...] = _setting("", _origins, "origins whose web pages may call the HTTP dialects; * for any")
    admin_cors_origins: tuple[str, ...] = _setting("", _origins, "origins whose web pages may call the admin port")
    hosts: tuple[str, ...] = _setting(
        "",
        _hosts,
        "HTTP: names and addresses that requests may be for, besides those of loopback; * for any. Listeners that other"
        " machines reach, and Unix sockets, take any while none is named here",
    )
    users_idle: float | None = _setting("1800", _own_idle, _LONG_IDLE, "users")
    messages_idle: float | None = _setting("1800", _own_idle, _LONG_IDLE, "messages")
    clients_idle: float | None = _setting("", _own_idle, _IDLE, "clients")
    products_idle: float | None = _setting("", _own_idle, _IDLE, "products")
    inventory_idle: float | None = _setting("", _own_idle, _IDLE, "inventory")
    auth_idle: float | None = _setting("", _own_idle, _IDLE, "auth")
    shop_idle: float | None = _setting("", _own_idle, _IDLE, "shop")
    way_idle: float | None = _setting("", _own_idle, _IDLE, "way")
    members_idle: float | None = _setting("1800", _own_idle, _LONG_IDLE, "members")
    admin_idle: float | None = _setting("", _own_idle, _IDLE, "admin")
    members_strict: bool = _setting(
        "no", _yes_or_no, "take no request of a loosely framing field client at the members' port", "members"
    )
    postgres_pool: int = _setting("8", _count, "connections of this node to PostgreSQL, at most; four at least", "postgres")
    postgres_statement_timeout: float = _setting(
        "5", _seconds, "seconds that PostgreSQL may take for a statement; one more, and the connection is given up", "postgres"
    )
    postgres_connect_timeout: float = _setting("2", _seconds, "seconds that a connection to PostgreSQL may take", "postgres")
    stop_grace: float = _setting("5", _seconds, "seconds that requests under way have when the daemon is stopped")
    session_idle: float = _setting("1800", _seconds, "seconds without use after which a session is over")
    session_age: float = _setting("43200", _seconds, "seconds after which a session is over in any case")
    max_sessions: int = _setting(
        "1000", _count, "sessions that an account has at once; at a login beyond them the one unused for longest ends"
    )
    free_login_failures: int = _setting("10", _count, "failed logins for one account and address before each must wait")
    log_operations: bool = _setting("no", _yes_or_no, "log a line for every operation")

    @property
    def store_file(self) -> Path | None:
        """The file of the store, where it is in one."""
        return Path(self.store.removeprefix(SQLITE)) if self.store.startswith(SQLITE) else None


@frozen
class Loaded:
    """The settings, where each that is no default comes from, and the file that was read, if any."""

    settings: Settings
    sources: Mapping[str, str]
    file: Path | None


def flags() -> Iterator[tuple[str, str, str, bool]]:
    """Give (flag, default, meaning, whether it is a switch) of every setting."""
    for field in attrs.fields(Settings):
        yield field.name.replace("_", "-"), field.metadata["text"], field.metadata["meaning"], isinstance(field.default, bool)


def load(given: Mapping[str, str], environment: Mapping[str, str], file: str | None = None) -> Loaded:
    """Put the settings together. `given` are the flags, by the names of the settings; raise `ConfigError`."""
    path = Path(file) if file is not None else Path(FILE)
    from_file = _read(path) if file is not None or path.exists() else {}
    layers = (
        (str(path), from_file),
        ("the environment", _from_environment(environment)),
        ("the command line", given),
    )
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, texts in layers:
        for name, text in texts.items():
            values[name] = _parsed(name, text, source)
            sources[name] = source
    return Loaded(Settings(**values), sources, path if file is not None or path.exists() else None)


def _parsed(name: str, text: str, source: str) -> Any:
    field = getattr(attrs.fields(Settings), name, None)
    if field is None:
        known = ", ".join(field.name for field in attrs.fields(Settings))
        raise ConfigError(f"{source}: unknown setting {_word(name)!r}; there are {known}")
    try:
        return field.metadata["parse"](text)
    except ValueError as error:
        # What is no store may be one that is misspelt, password and all: a pattern cannot tell where that stands.
        wrong = name if name == "store" else f"{name} = {postgres_url.without_password(text)!r}"
        raise ConfigError(f"{source}: {wrong}: expected {error}") from None


def _read(path: Path) -> dict[str, str]:
    parser = configparser.ConfigParser(interpolation=None, default_section="")
    try:
        parser.read_string(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"cannot read {path}: it is not UTF-8") from None
    except configparser.Error as error:
        raise ConfigError(f"cannot read {path}: {_fault(error)}") from None
    texts = {}
    for section in parser.sections():
        if section not in _sections():
            known = ", ".join(f"[{known}]" for known in _sections())
            raise ConfigError(f"{path}: unknown section [{_word(section)}]; there are {known}")
        for key, text in parser[section].items():
            texts[key if section == SECTION else f"{section}_{key}"] = text
    return texts


def _fault(error: configparser.Error) -> str:
    """Say what is wrong with which line, and nothing of what stands there: that may be a password."""
    match error:
        case configparser.MissingSectionHeaderError():
            return f"line {error.lineno}: expected a section such as [{SECTION}] before the first setting"
        case configparser.ParsingError():
            lines = ", ".join(str(line) for line, _ in error.errors)
            return f"line {lines}: expected NAME = VALUE"
        case configparser.DuplicateSectionError():
            return f"line {error.lineno}: expected each section once"
        case configparser.DuplicateOptionError():
            return f"line {error.lineno}: expected each setting once"
    return "expected sections such as [sockcrud], and lines such as NAME = VALUE"


def _word(text: str) -> str:
    """Give what stands in the place of a name, if it looks like one: else it may be anything."""
    return text if re.fullmatch("[A-Za-z][A-Za-z0-9_-]{0,40}", text) else "***"


def _sections() -> dict[str, list[Any]]:
    """Give the fields by the section of the file they stand in, each under its name less that of the section."""
    sections: dict[str, list[Any]] = {}
    for field in attrs.fields(Settings):
        sections.setdefault(field.metadata["section"], []).append(field)
    return sections


def _key(field: Any) -> str:
    name: str = field.name
    return name.removeprefix(f"{field.metadata['section']}_")


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name[len(PREFIX) :].lower(): text
        for name, text in environment.items()
        if name.startswith(PREFIX) and not name.startswith(_OTHERS_PREFIX) and not name.endswith(_PLACE_SUFFIX)
    }


def shown(loaded: Loaded) -> str:
    """Show the settings in use as a `tap.cfg`, each with where it comes from."""
    lines = []
    for section, fields in _sections().items():
        lines.append(f"[{section}]")
        for field in fields:
            source = loaded.sources.get(field.name, "default")
            lines.append(f"# {source}\n{_key(field)} = {_written(getattr(loaded.settings, field.name))}".rstrip())
    return "\n".join(lines) + "\n"


def _written(value: Any) -> str:
    if value is None:
        return ""
    if value == math.inf:
        return "0"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, tuple):
        return " ".join(value)
    return f"{value:g}" if isinstance(value, float) and value < 1e6 else postgres_url.without_password(str(value))


def example() -> str:
    """Give the commented example file, which states every default."""
    lines = [
        "# The settings of sockcrud, each with its default. Take the # away from a line to change it.",
        "# A flag (--max-request 2MiB) goes before an environment variable (SOCKCRUD_MAX_REQUEST=2MiB), and that before",
        "# this file, which is read from the working directory, or from where --config says.",
    ]
    for section, fields in _sections().items():
        lines += ["", f"[{section}]"]
        for field in fields:
            lines += ["", *textwrap.wrap(field.metadata["meaning"], 116, initial_indent="# ", subsequent_indent="# ")]
            lines.append(f"#{_key(field)} = {field.metadata['text']}".rstrip())
    return "\n".join(lines) + "\n"
