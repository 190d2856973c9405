"""The logins that are kept between commands: a file each, which nobody else can read.

They are in the user's state directory: `$XDG_STATE_HOME/sockcrud/logins`, or
`~/.local/state/sockcrud/logins`, and on Windows `%LOCALAPPDATA%\\sockcrud\\logins`. A file is there
whole or not at all, whenever the machine stops.
"""

from __future__ import annotations

import json
import os
import stat
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

import attrs
from attrs import field, frozen

from sockcrud.cli.outcomes import Failed, in_file
from sockcrud.client.places import Place

_LONGEST: Final = 64 * 1024
_HAS_MODES: Final = os.name == "posix"
_OTHERS: Final = 0o077


@frozen
class Login:
    """A login that was made: at which dialect, where, by whom, and the token that it gave."""

    dialect: str
    place: Place
    login: str
    token: str = field(repr=False)
    alone: bool = False
    """Whether the shop's services are not behind the port that gave the token, but each behind its
    own.
    """


def state_directory(
    environment: Mapping[str, str] = os.environ, windows: bool = os.name == "nt"
) -> Path:
    """Return where this user's commands keep what they remember."""
    base = Path(environment.get("LOCALAPPDATA" if windows else "XDG_STATE_HOME", ""))
    if not base.is_absolute():
        base = Path.home().joinpath(*(("AppData", "Local") if windows else (".local", "state")))
    return base / "sockcrud"


def keep(login: Login) -> None:
    """Keep a login, in place of one at the same dialect and place."""
    try:
        file = _file(_directory(made=True), login.dialect, login.place)
        _write(file, json.dumps(attrs.asdict(login)))
    except OSError as error:
        raise in_file(error) from None


def forget(login: Login) -> None:
    """Keep a login no longer. Harmless when repeated."""
    try:
        _file(_directory(made=False), login.dialect, login.place).unlink(missing_ok=True)
    except OSError as error:
        raise in_file(error) from None


def find(dialect: str, place: Place) -> Login | None:
    """Return the login at this dialect and place, if there is one; raise `Failed` where others may
    have read it.
    """
    return _read(_file(_directory(made=False), dialect, place))


def newest(dialect: str, host: Place | None = None) -> Login | None:
    """Return the latest login at this dialect, if there is one: on a host, reached in the same way,
    where one is given.
    """
    for file in _newest_first(_directory(made=False).glob(f"{dialect}-*.json")):
        found = _read(file)
        if found is not None and (host is None or _is_on(found.place, host)):
            return found
    return None


def _is_on(place: Place, host: Place) -> bool:
    return (place.kind, place.host) == (host.kind, host.host) and place.kind != "unix"


def _newest_first(files: Iterator[Path]) -> list[Path]:
    times: list[tuple[int, Path]] = []
    for file in files:
        with suppress(FileNotFoundError):  # forgotten meanwhile
            times.append((file.lstat().st_mtime_ns, file))
    return [file for _, file in sorted(times, reverse=True)]


def _file(directory: Path, dialect: str, place: Place) -> Path:
    key = json.dumps(attrs.astuple(place))
    return directory / f"{dialect}-{sha256(key.encode()).hexdigest()[:32]}.json"


def _directory(made: bool) -> Path:
    directory = state_directory() / "logins"
    if made:
        directory.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        directory.mkdir(mode=0o700, exist_ok=True)
    with suppress(FileNotFoundError):
        _require_private(directory, directory.lstat(), "700")
    return directory


def _require_private(path: Path, state: os.stat_result, mode: str) -> None:
    if not _HAS_MODES:
        return
    if state.st_uid != os.geteuid():
        raise Failed(f"{path} belongs to somebody else: it is not used")
    if stat.S_IMODE(state.st_mode) & _OTHERS:
        raise Failed(f"{path} is open to others: chmod {mode} it, or remove it and log in again")


def _write(file: Path, text: str) -> None:
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=".", suffix=".new")  # of mode 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as new:
            new.write(text)
            new.flush()
            os.fsync(new.fileno())
        os.replace(name, file)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _read(file: Path) -> Login | None:
    try:
        handle = os.open(
            file, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
        )
    except FileNotFoundError:
        return None
    except OSError as error:
        raise in_file(error) from None
    try:
        state = os.fstat(handle)
        if not stat.S_ISREG(state.st_mode):
            raise Failed(f"{file} is no file: remove it, and log in again")
        _require_private(file, state, "600")
        raw = os.read(handle, _LONGEST)
    finally:
        os.close(handle)
    return _parsed(file, raw)


def _parsed(file: Path, raw: bytes) -> Login:
    try:
        values: Any = json.loads(raw)
        login = Login(**{**values, "place": Place(**values["place"])})
        texts = (login.dialect, login.login, login.token, login.place.host, login.place.path)
        if all(isinstance(text, str) for text in texts) and isinstance(login.place.port, int):
            return login
    except (ValueError, TypeError, KeyError, RecursionError):
        pass
    raise Failed(f"{file} holds no login: remove it, and log in again")
