"""Logins that are kept between commands: who can read them, what becomes of dead ones, and where
commands look.
"""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from sockcrud import config, loading
from sockcrud.cli import logins
from sockcrud.cli.dialects import variable
from sockcrud.cli.logins import Login, state_directory
from sockcrud.client.places import Place
from tests.cli.commands_kit import PASSWORD, Line, served
from tests.support.running import Daemon

HERE = Place("tcp", "127.0.0.1", 50000)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with served(tmp_path_factory) as daemon:
        yield daemon


@pytest.fixture
def line(daemon: Daemon, tmp_path: Path) -> Line:
    return Line(tmp_path, daemon.ports)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_login_is_kept_where_nobody_else_reads_it(line: Line) -> None:
    before = os.umask(0)
    try:
        line.log_in("way")
        line.log_in("members")
    finally:
        os.umask(before)
    assert (mode(line.logins.parent), mode(line.logins)) == (0o700, 0o700)
    kept = list(line.logins.iterdir())
    assert [mode(file) for file in kept] == [0o600, 0o600]
    assert all(PASSWORD not in file.read_text() for file in kept)
    line.does("way", "logout")
    assert [file.name.partition("-")[0] for file in line.logins.iterdir()] == ["members"]


@pytest.mark.parametrize("bits", [0o640, 0o604, 0o620, 0o666])
def test_a_login_that_others_can_read_is_not_used(line: Line, bits: int) -> None:
    line.log_in("way")
    [file] = line.logins.iterdir()
    file.chmod(bits)
    said = f"Error: {file} is open to others: chmod 600 it, or remove it and log in again"
    for words in (["list"], ["logout"], ["list", "--at", line.settings[variable("way")]]):
        assert line.refused(1, "way", *words) == said
    file.chmod(0o600)
    line.logins.chmod(0o750)
    assert f"{line.logins} is open to others: chmod 700 it" in line.refused(1, "way", "list")
    line.logins.chmod(0o700)
    assert line.does("way", "list")


def test_a_login_of_somebody_else_is_not_used(line: Line) -> None:
    line.log_in("way")
    with mock.patch("os.geteuid", return_value=os.geteuid() + 1):
        assert "belongs to somebody else" in line.refused(1, "way", "list")


@pytest.mark.parametrize(
    "content", ["", "{}", "[]", "null", '{"dialect": "way"}', "\x00", '{"place": 3}', "[" * 5000]
)
def test_a_file_that_holds_no_login_is_told_in_one_line(line: Line, content: str) -> None:
    line.log_in("way")
    [file] = line.logins.iterdir()
    file.write_text(content)
    assert (
        line.refused(1, "way", "list")
        == f"Error: {file} holds no login: remove it, and log in again"
    )
    line.log_in("way")
    assert line.does("way", "list")


def test_a_link_in_the_place_of_a_login_is_not_followed(line: Line) -> None:
    line.log_in("way")
    [file] = line.logins.iterdir()
    file.rename(line.directory / "elsewhere")
    file.symlink_to(line.directory / "elsewhere")
    assert str(file) in line.refused(1, "way", "list")
    file.unlink()
    file.mkdir(mode=0o700)
    assert str(file) in line.refused(1, "way", "list")


def test_a_login_that_cannot_be_kept_is_told_and_leaves_nothing(line: Line) -> None:
    line.log_in("way")
    [file] = line.logins.iterdir()
    before = file.read_bytes()
    with mock.patch("os.replace", side_effect=OSError(28, "No space left on device", "logins")):
        said = line.refused(1, "way", "login", "--login", "admin", "--password-file", line.old)
    assert said == "Error: logins: No space left on device"
    assert list(line.logins.iterdir()) == [file]
    assert file.read_bytes() == before


def test_a_dead_token_says_what_to_do(line: Line, daemon: Daemon) -> None:
    for dialect, words in {
        "shop": ["clients", "list"],
        "way": ["way", "list"],
        "members": ["members", "list"],
        "admin": ["accounts", "list"],
    }.items():
        line.log_in(dialect)
        [file] = line.logins.glob(f"{dialect}-*")
        file.write_text(json.dumps({**json.loads(file.read_text()), "token": "0" * 64}))
        at = "" if dialect == "shop" else f" --at 127.0.0.1:{daemon.ports[dialect]}"
        assert line.refused(1, *words) == f"Error: log in first: sockcrud {dialect} login{at}"
        if dialect != "members":
            assert (
                line.does(dialect, "logout")["logged_out"] is True
            )  # it is over, which is what was asked for
            assert not file.exists()


def test_a_login_is_that_of_its_place_alone(line: Line, daemon: Daemon) -> None:
    line.log_in("way")
    other = f"localhost:{daemon.ports['way']}"
    said = line.refused(1, "way", "list", "--at", other)
    assert said == f"Error: log in first: sockcrud way login --at {other}"
    line.does("way", "login", "--login", "admin", "--password-file", line.old, "--at", other)
    assert len(list(line.logins.iterdir())) == 2
    assert line.does("way", "list", "--at", other)
    assert line.refused(1, "way", "list").startswith(
        "Error: log in first"
    )  # the new login has ended the one before


def test_a_login_is_remembered_with_its_place(line: Line, daemon: Daemon) -> None:
    at = line.settings.pop(variable("way"))
    line.does(
        "way", "login", "--login", "admin", "--password-file", line.old, "--at", f"http://{at}"
    )
    assert line.does("way", "list")
    line.settings[variable("way")] = "127.0.0.1:1"
    assert "127.0.0.1:1" in line.refused(1, "way", "list")
    line.settings[variable("way")] = "nonsense at all"
    assert "Error: SOCKCRUD_WAY_AT: 'nonsense at all' is no place" in line.refused(2, "way", "list")


def test_of_several_logins_the_latest_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    first, second = (
        Login("way", HERE, "a", "1"),
        Login("way", Place("tls", "example.org", 1), "b", "2"),
    )
    logins.keep(first)
    logins.keep(second)
    [file] = [
        file
        for file in (tmp_path / "sockcrud" / "logins").iterdir()
        if "example.org" in file.read_text()
    ]
    os.utime(file, ns=(0, 0))
    assert logins.newest("way") == first
    assert logins.newest("way", host=Place("tls", "example.org", 9)) == second
    assert (
        logins.newest("way", host=Place("tcp", "example.org", 1)) is None
    )  # no token goes where TLS was, without it
    assert logins.find("way", second.place) == second
    assert logins.newest("members") is None
    logins.forget(first)
    logins.forget(first)
    assert logins.newest("way") == second
    assert "2" not in repr(second).replace("b", "")


def test_the_state_directory_is_that_of_the_system(tmp_path: Path) -> None:
    home = Path.home()
    assert state_directory({}, windows=False) == home / ".local" / "state" / "sockcrud"
    assert (
        state_directory({"XDG_STATE_HOME": str(tmp_path)}, windows=False) == tmp_path / "sockcrud"
    )
    assert (
        state_directory({"XDG_STATE_HOME": "relative"}, windows=False)
        == home / ".local" / "state" / "sockcrud"
    )
    assert state_directory({"LOCALAPPDATA": str(tmp_path)}, windows=True) == tmp_path / "sockcrud"
    assert state_directory({}, windows=True) == home / "AppData" / "Local" / "sockcrud"


def test_a_place_in_the_environment_is_no_setting_of_the_daemon() -> None:
    assert config.load({}, {variable("users"): "127.0.0.1:1"}).settings == config.defaults(
        loading.apps()
    )
