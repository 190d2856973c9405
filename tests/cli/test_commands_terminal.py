"""The commands on a terminal of their own: tables, questions, Ctrl-C, and a pipe that closes."""

from __future__ import annotations

import json
import os
import re
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sockcrud.cli import progress
from sockcrud.cli.dialects import variable
from tests.cli.commands_kit import NEW, PASSWORD, PROGRAM, Line, served
from tests.support.running import Daemon

if sys.platform == "win32":
    pytest.skip("there is no pty", allow_module_level=True)

import pty


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with served(tmp_path_factory) as daemon:
        yield daemon


@pytest.fixture
def line(daemon: Daemon, tmp_path: Path) -> Line:
    return Line(tmp_path, daemon.ports)


class Terminal:
    """A command on a terminal."""

    def __init__(self, line: Line, *words: str, **settings: str) -> None:
        self._end, theirs = pty.openpty()
        environment = line.environment(
            TERM="xterm-256color", COLUMNS="120", LC_ALL="C.UTF-8", **settings
        )
        environment.pop("NO_COLOR", None) if "NO_COLOR" not in settings else None
        self.process = subprocess.Popen(
            [*PROGRAM, *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env=environment,
            start_new_session=True,
        )
        os.close(theirs)
        self.shown = ""
        self._seen = 0

    def type(self, text: str) -> None:
        os.write(self._end, text.encode())

    def wait_for(self, text: str) -> None:
        """Read on until this is shown behind what was waited for before: what is typed ahead of a
        question is lost.
        """
        while (found := self.shown.find(text, self._seen)) < 0:
            assert self._read(), self.shown
        self._seen = found + len(text)

    def finish(self) -> tuple[int, str]:
        """Return the status, and all that was shown."""
        while self._read():
            pass
        os.close(self._end)
        return self.process.wait(20), self.shown

    def _read(self) -> bool:
        if not select.select([self._end], [], [], 30)[0]:
            self.process.kill()
            raise AssertionError(f"nothing more is shown: {self.shown}")
        try:
            data = os.read(self._end, 65536)
        except OSError:  # nobody has the other end any more
            return False
        self.shown += data.decode().replace("\r\n", "\n")
        return bool(data)


def test_a_terminal_gets_a_table_and_a_pipe_gets_json(line: Line) -> None:
    status, shown = Terminal(line, "messages", "show", NO_COLOR="1").finish()
    rows = [row.split() for row in shown.splitlines() if row.strip()]
    assert (status, rows[0], rows[2:]) == (
        0,
        ["id", "data"],
        [["1", "abc"], ["2", "fgh"], ["messages:", "2"]],
    )
    assert [message["data"] for message in line.does("messages", "show")] == ["abc", "fgh"]
    status, shown = Terminal(line, "messages", "show", "1", NO_COLOR="1").finish()
    assert [row.split() for row in shown.splitlines() if row.strip()] == [
        ["id", "1"],
        ["data", "abc"],
    ]
    status, shown = Terminal(line, "messages", "show", "--json").finish()
    assert [message["data"] for message in json.loads(shown)] == ["abc", "fgh"]


def test_colors_are_shown_unless_they_are_not_wanted(line: Line) -> None:
    assert "\x1b[" in Terminal(line, "messages", "show").finish()[1]
    assert "\x1b" not in Terminal(line, "messages", "show", "--no-color").finish()[1]
    assert "\x1b" not in Terminal(line, "messages", "--no-color", "show").finish()[1]
    assert "\x1b" not in Terminal(line, "messages", "show", NO_COLOR="1").finish()[1]


def test_what_others_wrote_does_nothing_to_the_terminal(line: Line) -> None:
    line.does("messages", "add", "a\x1b[2Jb\x9b1mc\nd‮e", "--id", "50")
    for words in (
        ["messages", "show"],
        ["messages", "show", "50"],
        ["send", "messages", '{"op":"mostrar","id":50}'],
    ):
        shown = Terminal(line, *words, NO_COLOR="1").finish()[1]
        assert not {"\x1b", "\x9b", "‮"} & set(shown)
        assert "[2Jb" in shown
    line.does("messages", "delete", "50")


def test_what_was_done_is_said_in_a_sentence(line: Line) -> None:
    assert Terminal(line, "messages", "add", "x", "--id", "60").finish() == (
        0,
        "message 60 is added\n",
    )
    assert Terminal(line, "messages", "delete", "60").finish() == (0, "message 60 is deleted\n")
    assert Terminal(line, "users", "list").finish() == (0, "no users\n")
    line.log_in("shop")
    assert Terminal(line, "clients", "exists", "1").finish() == (0, "there is a client 1\n")
    assert "30.25" in Terminal(line, "clients", "list").finish()[1]


def test_the_status_of_the_daemon_is_a_table(line: Line, daemon: Daemon) -> None:
    status, shown = Terminal(line, "status", NO_COLOR="1").finish()
    assert status == 0
    assert re.search(r"store +reachable", shown)
    assert len(re.findall(r"\w+ +listens", shown)) == 10
    shown = Terminal(
        line, "fetch", "GET", f"http://127.0.0.1:{daemon.ports['admin']}/health"
    ).finish()[1]
    assert shown.startswith('{\n  "status": "good",\n')


def test_passwords_are_asked_for_and_not_shown(line: Line) -> None:
    signup = Terminal(line, "shop", "signup", "--login", "ana")
    signup.wait_for("New password of ana: ")
    signup.type(f"{NEW}\n")
    signup.wait_for("Repeat for confirmation: ")
    signup.type("something else\n")
    signup.wait_for("do not match")
    for question in ("New password of ana: ", "Repeat for confirmation: "):
        signup.wait_for(question)
        signup.type(f"{NEW}\n")
    status, shown = signup.finish()
    assert (status, shown.splitlines()[-1], NEW in shown) == (0, "ana has an account", False)

    login = Terminal(line, "shop", "login")
    login.wait_for("Login: ")
    login.type("ana\n")
    at = line.settings[variable("shop")]
    login.wait_for(f"Password of ana at {at}: ")
    login.type(f"{NEW}\n")
    status, shown = login.finish()
    assert (status, shown.splitlines()[-1], NEW in shown) == (0, f"ana is logged in at {at}", False)

    again = Terminal(line, "way", "login", "--login", "admin")
    again.wait_for("Password of admin")
    again.type("wrong\n")
    status, shown = again.finish()
    assert (status, "(ERROR)" in shown, PASSWORD in shown) == (1, True, False)


def test_ctrl_c_ends_a_question_with_130_and_no_traceback(line: Line) -> None:
    asked = Terminal(line, "shop", "login", "--login", "ana")
    asked.wait_for("Password of ana")
    asked.process.send_signal(signal.SIGINT)
    status, shown = asked.finish()
    assert status == 130
    assert "Traceback" not in shown


@pytest.mark.parametrize(
    "words", [["users", "list"], ["send", "users", "{}"], ["send", "users"]], ids=" ".join
)
def test_ctrl_c_ends_a_wait_with_130_and_no_traceback(line: Line, words: list[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(30)
        line.settings[variable("users")] = f"127.0.0.1:{silent.getsockname()[1]}"
        waiting = Terminal(line, *words)
        if len(words) == 2 and words[0] == "send":
            waiting.type("{}\n")
        connection, _ = silent.accept()
        with connection:
            connection.settimeout(30)
            assert connection.recv(100)
            waiting.process.send_signal(signal.SIGINT)
            status, shown = waiting.finish()
    assert status == 130
    assert "Traceback" not in shown


def test_a_pipe_that_closes_is_no_news(line: Line) -> None:
    for id in range(100, 105):
        line.does("messages", "add", "x" * 9_000, "--id", str(id))
    requests = b'{"op": "mostrar"}\n' * 100
    for words, input in ((["messages", "show"], b""), (["send", "messages"], requests)):
        with subprocess.Popen(
            [*PROGRAM, *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=line.environment(PYTHONUNBUFFERED="1"),
        ) as process:
            assert process.stdout is not None
            process.stdout.close()
            _, said = process.communicate(input, timeout=60)
        assert (process.returncode, said) == (1, b"")


def test_a_long_list_tells_how_far_it_is(
    line: Line, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress, "SHORT", 0.0)
    monkeypatch.setattr(progress, "SELDOM", 0.0)
    with progress.counted("reading users") as told:
        told(500)
        told(1500)
    assert capsys.readouterr().err == "reading users: 500\nreading users: 1,500\n"
    monkeypatch.setattr(progress, "OFTEN", 0.0)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    with progress.counted("reading users") as told:
        told(500)
    assert capsys.readouterr().err == "\rreading users: 500\r\x1b[K"
