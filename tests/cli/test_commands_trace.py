"""`sockcrud trace` and `serve --trace`: what is asked is seen as it comes."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from threading import Thread

import pytest

from sockcrud.client.events import EventStream
from sockcrud.client.places import Place
from tests.cli.commands_kit import PROGRAM, Line, served
from tests.support.running import Daemon

ASK = b'{"id_operation":"create_user","payload":{"name":"Ana","password":"hunter2 hunter2"}}\n'


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with served(tmp_path_factory, "--trace") as daemon:
        yield daemon


@pytest.fixture
def line(daemon: Daemon, tmp_path: Path) -> Line:
    return Line(tmp_path, daemon.ports)


def ask(daemon: Daemon) -> None:
    with socket.create_connection(("127.0.0.1", daemon.ports["users"]), 10) as connection:
        connection.sendall(ASK)
        assert b"400" in connection.recv(1000)


def started(line: Line, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*PROGRAM, "trace", *words],
        env=line.environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_what_is_refused_is_seen_and_ctrl_c_ends_it(daemon: Daemon, line: Line) -> None:
    ask(daemon)
    words = ("--after", "0", "--refused", "--dialect", "users", "--login", "admin")
    process = started(line, *words, "--password-file", line.old)
    assert process.stdout is not None
    assert process.stderr is not None
    entry = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGINT)
    rest, said = process.communicate(timeout=30)
    assert entry["operation"] == "create_user"
    assert [refusal["field"] for refusal in entry["refused"]] == ["email"]
    assert entry["fields"]["payload"] == {"name": "Ana", "password": "***"}
    assert (process.returncode, rest, said.strip()) == (130, "", "")
    assert "hunter2" not in json.dumps(entry)


def test_it_ends_when_nobody_reads_it(daemon: Daemon, line: Line) -> None:
    line.log_in("admin")
    process = started(line, "--after", "0")
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.readline()
    process.stdout.close()
    assert "Traceback" not in process.stderr.read()
    process.stderr.close()
    assert process.wait(30) in (0, 1)


def test_who_has_no_login_is_told_so(line: Line) -> None:
    assert "log in first" in line.refused(1, "trace")


def test_who_may_not_is_told_so(daemon: Daemon, line: Line) -> None:
    line.does("members", "signup", "--login", "eva", "--password-file", line.new)
    said = line.refused(1, "trace", "--login", "eva", "--password-file", line.new)
    assert said == "Error: only an admin may do this (403)"


def test_where_nobody_answers_that_is_said(line: Line) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        at = f"127.0.0.1:{free.getsockname()[1]}"
    line.settings["SOCKCRUD_ADMIN_AT"] = at
    assert at in line.refused(3, "trace", "--login", "admin", "--password-file", line.old)


def test_the_daemon_shows_the_same_on_its_terminal(daemon: Daemon) -> None:
    ask(daemon)
    seen = ""
    while "create_user: email" not in seen:
        seen = daemon.stdout.readline().decode()


class Server:
    """A server that ends each of its streams after an event."""

    def __init__(self, events: list[bytes]) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.place = Place("tcp", "127.0.0.1", self._listening.getsockname()[1])
        self.asked: list[bytes] = []
        self._events = events
        Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        for event in self._events:
            connection, _ = self._listening.accept()
            with connection:
                self.asked.append(connection.recv(10_000))
                connection.sendall(
                    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                    b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(event), event)
                )
        self._listening.close()


def test_it_goes_on_behind_what_it_had(line: Line) -> None:
    entry = json.dumps({"kind": "open", "id": 7})
    events = [
        b": a comment\n\nid: 7\ndata: %b\n\n" % entry.encode(),
        b'event: missed\nid: 9\ndata: {"count":2}\n\n',
    ]
    server = Server(events)
    kept = {"dialect": "admin", "login": "admin", "token": "A" * 64, "alone": False}
    place = {"kind": "tcp", "host": "127.0.0.1", "port": server.place.port, "path": ""}
    line.settings["SOCKCRUD_ADMIN_AT"] = str(server.place)
    from sockcrud.cli import logins

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", line.settings["XDG_STATE_HOME"])
        logins.keep(logins.Login(**{**kept, "place": Place(**place)}))  # type: ignore[arg-type]
    process = started(line)
    assert process.stdout is not None
    shown = [json.loads(process.stdout.readline()) for _ in range(2)]
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert shown == [json.loads(entry), {"missed": 2}]
    assert b"Last-Event-ID" not in server.asked[0]
    assert b"Last-Event-ID: 7\r\n" in server.asked[1]


def test_events_are_read_whatever_their_pieces() -> None:
    server = Server([b"retry: 1\n\nid: 1\ndata: {\ndata: }\n\ndata: x\r\n\r\nid: 3\n\n"])
    stream = EventStream(server.place, "/", {}, 5.0, None)
    try:
        events = [(event.kind, event.id, event.data) for event in stream]
    finally:
        stream.close()
    assert events == [("message", "1", "{}"), ("message", "1", "x")]
