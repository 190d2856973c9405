"""The settings: defaults < tap.cfg < SOCKCRUD_* environment < flags, one typed result.

Each setting is declared once, in `sockcrud.settings` or by an app; the flags of both commands, the
environment variables, the example `tap.cfg` and `--check-config` follow from that.
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
from sockcrud.setting import SECTION, Setting, own_idle, text
from sockcrud.setting import (
    ConfigError as ConfigError,
)
from sockcrud.settings import OFF, Settings, file_names
from sockcrud.storage.postgres import url as postgres_url

PREFIX: Final = "SOCKCRUD_"
FILE: Final = loading.FILE
_PLACE_SUFFIX: Final = (
    "_AT"  # SOCKCRUD_USERS_AT and its like say to the commands of clients where a server is
)
_OTHERS_PREFIX: Final = (
    "SOCKCRUD_TEST_"  # environment variables that are the test suite's, not the daemon's
)
URL: Final = f"{PREFIX}URL"
"""Where the admin port is of the daemon that commands talk to."""
OF_COMMANDS: Final = (URL,)
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
    _place_dialects(apps, values, sources)
    # By its whole path: twistd may go to another directory.
    read = str(layers.file.absolute()) if layers.file is not None else None
    return Loaded(
        _settings(settings, values),
        sources,
        layers.file,
        apps,
        lambda: load(given, environment, read),
    )


def _place_dialects(apps: Apps, values: dict[str, Any], sources: dict[str, str]) -> None:
    """Have dialects listen where `base_port` and `only` say; raise `ConfigError`."""
    base, only = values.get("base_port"), values.get("only", ())
    known = [dialect.name for dialect in apps.dialects]
    if unknown := [name for name in only if name not in known]:
        wrong = f"{sources['only']}: only = {', '.join(only)!r}"
        raise ConfigError(f"{wrong}: expected some of {', '.join(known)}, not {_word(unknown[0])}")
    if base is not None and base + len(known) > 65_536:
        wrong = f"{sources['base_port']}: base_port = {base}"
        raise ConfigError(f"{wrong}: expected at most {65_536 - len(known)}: each dialect has one")
    for number, dialect in enumerate(apps.dialects):
        if base is not None and dialect.setting not in values:
            values[dialect.setting] = f"tcp:{base + number}"
            sources[dialect.setting] = f"base_port, {sources['base_port']}"
        if only and dialect.name not in only:
            values[dialect.setting] = OFF
            sources[dialect.setting] = f"only, {sources['only']}"


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
                    {"app": Setting("app", "", file_names, "")}, "app", texts["app"], source
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
    return (
        variable in OF_COMMANDS
        or variable.startswith(_OTHERS_PREFIX)
        or variable.endswith(_PLACE_SUFFIX)
    )


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
