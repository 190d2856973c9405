"""The settings: defaults < tap.cfg < SOCKCRUD_* environment < flags, one typed result.

Each setting is declared once, as a field of `Settings` or by an app; the flags of both commands,
the environment variables, the example `tap.cfg` and `--check-config` follow from that.
"""

from __future__ import annotations

import configparser
import math
import re
import shlex
import textwrap
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs
from attrs import frozen

from sockcrud import loading
from sockcrud.app import App, AppError, Apps, Place
from sockcrud.setting import (
    SECTION,
    Setting,
    count,
    endless,
    none_or_count,
    open_or_closed,
    own_idle,
    percent,
    seconds,
    size,
    text,
    text_or_json,
    yes_or_no,
)
from sockcrud.setting import (
    ConfigError as ConfigError,
)
from sockcrud.storage.postgres import url as postgres_url

PREFIX: Final = "SOCKCRUD_"
FILE: Final = "tap.cfg"
SQLITE: Final = "sqlite:"
OFF: Final = "off"
"""Where a dialect listens that does not."""
_PLACE_SUFFIX: Final = (
    "_AT"  # SOCKCRUD_USERS_AT and its like say to the commands of clients where a server is
)
_OTHERS_PREFIX: Final = (
    "SOCKCRUD_TEST_"  # environment variables that are the test suite's, not the daemon's
)


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


def _files(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(
            f"names of files with blanks between them, quoted where one holds a blank ({error})"
        ) from None


def _setting(
    default: str,
    parse: Callable[[str], Any],
    meaning: str,
    section: str = SECTION,
    repr: bool | Callable[[Any], str] = True,
) -> Any:
    metadata = {"text": default, "parse": parse, "meaning": meaning, "section": section}
    return attrs.field(default=parse(default), metadata=metadata, repr=repr)


_LAST_OF_ALL_DIALECTS: Final = "hosts"
_IDLE: Final = (
    "seconds without a request after which a connection here is closed; 0 for no end, "
    "empty: as for all"
)
_LONG_IDLE: Final = (
    "seconds without a request after which a connection here is closed: people "
    "type into it; 0 for no end"
)


@frozen
class Settings:
    """Everything that can be set."""

    app: tuple[str, ...] = _setting(
        "",
        _files,
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
    stop_grace: float = _setting(
        "5", seconds, "seconds that requests under way have when the daemon is stopped"
    )
    session_idle: float = _setting(
        "1800", seconds, "seconds without use after which a session is over"
    )
    session_age: float = _setting(
        "43200", seconds, "seconds after which a session is over in any case"
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


@frozen
class Loaded:
    """The settings, where each that is no default comes from, the file that was read, if any, and
    the apps that add to them.
    """

    settings: Settings
    sources: Mapping[str, str]
    file: Path | None
    apps: Apps
    again: Callable[[], Loaded] = attrs.field(eq=False, repr=False)
    """Puts them together once more, from what stands in the same places now; raises as `load` does.
    """


def declared(apps: Apps) -> list[Setting]:
    """Return all settings in the order in which they are shown. Raises AppError where an app takes
    a name that is taken.
    """
    core = [
        Setting(
            each.name,
            each.metadata["text"],
            each.metadata["parse"],
            each.metadata["meaning"],
            each.metadata["section"],
        )
        for each in attrs.fields(Settings)
        if each.metadata
    ]
    # What is said of each dialect apart comes behind what is said of all.
    behind = 1 + next(
        at for at, setting in enumerate(core) if setting.name == _LAST_OF_ALL_DIALECTS
    )
    taken = {setting.name for setting in core}
    added: list[list[Setting]] = [[], [], []]
    for app in apps:
        for group, setting, place in _added(app):
            if setting.name in taken or _is_for_others(f"{PREFIX}{setting.name.upper()}"):
                raise AppError(
                    place, f"the setting {setting.name!r} is taken: expected another name"
                )
            taken.add(setting.name)
            added[group].append(setting)
    where, idle, own = added
    return [*where, *core[:behind], *idle, *own, *core[behind:]]


def _added(app: App) -> Iterator[tuple[int, Setting, Place]]:
    for dialect in app.dialects:
        name = dialect.setting
        yield 0, Setting(name, dialect.endpoint, text, dialect.about), dialect.place
        yield (
            1,
            Setting(
                f"{name}_idle", dialect.idle, own_idle, _LONG_IDLE if dialect.idle else _IDLE, name
            ),
            dialect.place,
        )
    for setting in app.settings:
        yield 2, setting, app.place


def defaults(apps: Apps) -> Settings:
    """Return the settings where nothing is set."""
    return _settings(declared(apps), {})


def apps_in(
    given: Mapping[str, str], environment: Mapping[str, str], file: str | None = None
) -> Apps:
    """Return the apps that are in use with these settings; raise `ConfigError` or AppError."""
    return _Layers.read(given, environment, file).apps()


def apps_and_file(words: Sequence[str]) -> tuple[dict[str, str], str | None]:
    """Return what the words of a command line say of apps, as flags, and which file they name: what
    has to be known of them before it is known which flags there are."""
    found: dict[str, list[str]] = {"--app": [], "--config": []}
    for at, word in enumerate(words):
        flag, equals, value = word.partition("=")
        if flag in found and (equals or at + 1 < len(words)):
            found[flag].append(value if equals else words[at + 1])
    files, configs = found["--app"], found["--config"]
    return {"app": shlex.join(files)} if files else {}, configs[-1] if configs else None


def load(
    given: Mapping[str, str], environment: Mapping[str, str], file: str | None = None
) -> Loaded:
    """Put the settings together. `given` are the flags, by the names of the settings; raise
    `ConfigError` or AppError.
    """
    layers = _Layers.read(given, environment, file)
    apps = layers.apps()
    settings = declared(apps)
    by_name = {setting.name: setting for setting in settings}
    values: dict[str, Any] = {}
    sources: dict[str, str] = {}
    for source, texts in layers.by_name(_by_section(settings)):
        for name, written in texts.items():
            values[name] = _parsed(by_name, name, written, source)
            sources[name] = source
    # By its whole path: twistd may go to another directory.
    read = str(layers.file.absolute()) if layers.file is not None else None
    return Loaded(
        _settings(settings, values),
        sources,
        layers.file,
        apps,
        lambda: load(given, environment, read),
    )


def _settings(declared: Sequence[Setting], values: Mapping[str, Any]) -> Settings:
    """Make the settings of these values, and of the defaults of the others."""
    core = {field.name for field in attrs.fields(Settings)}
    of_apps = {
        each.name: values.get(each.name, each.default) for each in declared if each.name not in core
    }
    return Settings(
        **{name: value for name, value in values.items() if name in core}, of_apps=of_apps
    )


@frozen
class _Layers:
    """The texts of settings from all their places."""

    given: Mapping[str, str]
    environment: Mapping[str, str]
    sections: Mapping[str, Mapping[str, str]]
    """What stands in the file, by section and key."""
    file: Path | None

    @classmethod
    def read(
        cls, given: Mapping[str, str], environment: Mapping[str, str], file: str | None
    ) -> _Layers:
        """Read them; raise `ConfigError`."""
        path = Path(file) if file is not None else Path(FILE)
        there = file is not None or path.exists()
        return cls(
            given,
            _from_environment(environment),
            _read(path) if there else {},
            path if there else None,
        )

    def apps(self) -> Apps:
        """Return the apps in use: which these are has to be known before the other settings are."""
        files: Sequence[str] = ()
        for source, texts in ((str(self.file), self.sections.get(SECTION, {})), *self._others()):
            if "app" in texts:
                files = _parsed(
                    {"app": Setting("app", "", _files, "")}, "app", texts["app"], source
                )
        return loading.apps(files)

    def by_name(self, sections: Collection[str]) -> Iterator[tuple[str, Mapping[str, str]]]:
        """Yield the texts under the names of the settings, the ones that count less first; raise
        `ConfigError`.
        """
        texts = {}
        for section, keys in self.sections.items():
            if section not in sections:
                known = ", ".join(f"[{known}]" for known in sections)
                raise ConfigError(
                    f"{self.file}: unknown section [{_word(section)}]; there are {known}"
                )
            for key, written in keys.items():
                texts[key if section == SECTION else f"{section}_{key}"] = written
        yield str(self.file), texts
        yield from self._others()

    def _others(self) -> tuple[tuple[str, Mapping[str, str]], ...]:
        return ("the environment", self.environment), ("the command line", self.given)


def _parsed(settings: Mapping[str, Setting], name: str, text: str, source: str) -> Any:
    setting = settings.get(name)
    if setting is None:
        raise ConfigError(
            f"{source}: unknown setting {_word(name)!r}; there are {', '.join(settings)}"
        )
    try:
        return setting.parse(text)
    except ValueError as error:
        # What is no store may be one that is misspelt, password and all: a pattern cannot tell
        # where that stands.
        wrong = name if name == "store" else f"{name} = {postgres_url.without_password(text)!r}"
        raise ConfigError(f"{source}: {wrong}: expected {error}") from None


def _read(path: Path) -> dict[str, dict[str, str]]:
    parser = configparser.ConfigParser(interpolation=None, default_section="")
    try:
        parser.read_string(path.read_text(encoding="utf-8"), str(path))
    except OSError as error:
        raise ConfigError(f"cannot read {path}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise ConfigError(f"cannot read {path}: it is not UTF-8") from None
    except configparser.Error as error:
        raise ConfigError(f"cannot read {path}: {_fault(error)}") from None
    return {section: dict(parser[section]) for section in parser.sections()}


def _fault(error: configparser.Error) -> str:
    """Say what is wrong with which line, and nothing of what stands there: that may be a
    password.
    """
    match error:
        case configparser.MissingSectionHeaderError():
            return (
                f"line {error.lineno}: expected a section such as [{SECTION}] before the "
                f"first setting"
            )
        case configparser.ParsingError():
            lines = ", ".join(str(line) for line, _ in error.errors)
            return f"line {lines}: expected NAME = VALUE"
        case configparser.DuplicateSectionError():
            return f"line {error.lineno}: expected each section once"
        case configparser.DuplicateOptionError():
            return f"line {error.lineno}: expected each setting once"
    return "expected sections such as [sockcrud], and lines such as NAME = VALUE"


def _word(text: str) -> str:
    """Return what stands in the place of a name, if it looks like one: else it may be anything."""
    return text if re.fullmatch("[A-Za-z][A-Za-z0-9_-]{0,40}", text) else "***"


def _by_section(settings: Sequence[Setting]) -> dict[str, list[Setting]]:
    sections: dict[str, list[Setting]] = {}
    for setting in settings:
        sections.setdefault(setting.section, []).append(setting)
    return sections


def _from_environment(environment: Mapping[str, str]) -> dict[str, str]:
    return {
        name[len(PREFIX) :].lower(): text
        for name, text in environment.items()
        if name.startswith(PREFIX) and not _is_for_others(name)
    }


def _is_for_others(variable: str) -> bool:
    return variable.startswith(_OTHERS_PREFIX) or variable.endswith(_PLACE_SUFFIX)


def format_settings(loaded: Loaded) -> str:
    """Show the settings in use as a `tap.cfg`, each with where it comes from."""
    lines = []
    for section, settings in _by_section(declared(loaded.apps)).items():
        lines.append(f"[{section}]")
        for setting in settings:
            source = loaded.sources.get(setting.name, "default")
            lines.append(
                f"# {source}\n{setting.key} = {_written(loaded.settings.of(setting.name))}".rstrip()
            )
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
    return (
        f"{value:g}"
        if isinstance(value, float) and value < 1e6
        else postgres_url.without_password(str(value))
    )


def example(apps: Apps) -> str:
    """Return the commented example file, which states every default."""
    lines = [
        "# The settings of sockcrud, each with its default. Take the # away from a line to "
        "change it.",
        "# A flag (--max-request 2MiB) goes before an environment variable "
        "(SOCKCRUD_MAX_REQUEST=2MiB), and that before",
        "# this file, which is read from the working directory, or from where --config says.",
    ]
    for section, settings in _by_section(declared(apps)).items():
        lines += ["", f"[{section}]"]
        for setting in settings:
            lines += [
                "",
                *textwrap.wrap(setting.meaning, 116, initial_indent="# ", subsequent_indent="# "),
            ]
            lines.append(f"#{setting.key} = {setting.text}".rstrip())
    return "\n".join(lines) + "\n"
