"""What commands say where nobody answers, too late, or garbage: status 3, one line, within their
time.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sockcrud.cli import logins
from sockcrud.cli.dialects import variable
from sockcrud.cli.logins import Login
from sockcrud.client.places import Place
from tests.cli.commands_kit import Line
from tests.support.running import DIALECTS

EVERY = [
    ["users", "list"],
    ["users", "create", "--name", "A", "--email", "a@b.cd", "--age", "1"],
    ["messages", "show"],
    ["shop", "signup", "--login", "ana", "--password-file", "old"],
    ["shop", "login", "--login", "ana", "--password-file", "old"],
    ["shop", "logout"],
    ["clients", "list"],
    ["addresses", "list"],
    ["products", "exists", "1"],
    ["inventory", "remove", "1"],
    ["way", "login", "--login", "ana", "--password-file", "old"],
    ["way", "list"],
    ["members", "login", "--login", "ana", "--password-file", "old"],
    ["members", "list"],
    ["members", "status"],
    ["admin", "login", "--password-file", "old"],
    ["accounts", "list"],
    ["companies", "add", "A"],
    ["sessions", "end", "1"],
    ["changes"],
    ["status"],
    ["send", "users", "{}"],
    ["send", "messages", "{}"],
]


@contextmanager
def server(answer: Callable[[socket.socket], object]) -> Iterator[int]:
    """A server that does this to each connection, one after the other."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                with connection:
                    connection.settimeout(20)
                    answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield listening.getsockname()[1]
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            thread.join(20)


def says(said: bytes) -> Callable[[socket.socket], object]:
    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(said)

    return answer


def silent(connection: socket.socket) -> None:
    while connection.recv(65536):
        pass


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Line:
    monkeypatch.chdir(tmp_path)
    return Line(tmp_path, {})


def at(line: Line, port: int) -> Line:
    """Have every dialect at this port, and be logged in."""
    line.settings |= {variable(name): f"127.0.0.1:{port}" for name in DIALECTS}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", line.settings["XDG_STATE_HOME"])
        for dialect in ("shop", "way", "members", "admin"):
            logins.keep(Login(dialect, Place("tcp", "127.0.0.1", port), "ana", "F" * 64))
    return line


@pytest.fixture(scope="module")
def nobody() -> int:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        return int(taken.getsockname()[1])


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_where_nobody_listens_it_says_so(line: Line, nobody: int, words: list[str]) -> None:
    said = at(line, nobody).refused(3, *words)
    assert f"127.0.0.1:{nobody}: Connection refused" in said
    assert said.endswith("(504)")


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_garbage_is_no_answer(line: Line, words: list[str]) -> None:
    with server(says(b"\x1b[31m" + b"\xff" * 200 + b"\n")) as port:
        result = at(line, port).run(*words)
    if words[0] == "send":
        assert "not UTF-8" in result.stderr
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (3, "", 1), result.output
    assert "\x1b" not in result.stderr


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
def test_a_server_that_says_nothing_is_not_waited_for(line: Line, words: list[str]) -> None:
    with server(silent) as port:
        said = at(line, port).refused(3, *words, "--timeout", "0.05")
    assert f"127.0.0.1:{port}: no answer within 0.05 s" in said


def test_a_change_that_was_not_answered_may_have_been_made(line: Line) -> None:
    with server(says(b"")) as port:
        at(line, port)
        said = line.refused(3, "users", "delete", "1")
        assert said.endswith("(505); what was asked for may have been done all the same")
        assert line.refused(3, "users", "show", "1").endswith("(505)")
        assert line.refused(3, "messages", "delete", "1").startswith("Error: Conexão encerrada")


def test_a_raw_request_that_nobody_answers_shows_no_session(line: Line, nobody: int) -> None:
    at(line, nobody)
    url = f"http://127.0.0.1:{nobody}/api/usuario/{{session}}"
    assert line.refused(3, "fetch", "GET", url, "--token-of", "way").endswith("(504)")
    with server(
        says(
            b"HTTP/1.1 200 "
            + b"F" * 64
            + b"\r\nX: "
            + b"F" * 64
            + b"\r\nContent-Length: 64\r\n\r\n"
            + b"F" * 64
        )
    ) as port:
        at(line, port)
        shown = line.run(
            "fetch", "GET", f"http://127.0.0.1:{port}/{{session}}", "--token-of", "way", "--include"
        )
    assert shown.stdout == "200 {session}\nx: {session}\ncontent-length: 64\n\n{session}"


def test_an_error_that_is_nobodys_is_one_harmless_line(line: Line) -> None:
    body = b'{"msg": "\\u001b[2Jtwo\\nlines \\u202e"}'
    with server(
        says(b"HTTP/1.1 400 Bad\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    ) as port:
        assert (
            at(line, port).refused(1, "clients", "list") == "Error: \\x1b[2Jtwo lines \\u202e (400)"
        )


def test_who_must_wait_is_told_how_long(line: Line) -> None:
    head = b"HTTP/1.1 429 Too Many\r\nRetry-After: 17\r\nContent-Length: 0\r\n\r\n"
    with server(says(head)) as port:
        said = at(line, port).refused(
            1, "shop", "login", "--login", "ana", "--password-file", "old"
        )
    assert said == "Error: Too Many (429): try again in 17 s"


def test_a_list_that_breaks_off_is_status_3_and_a_daemon_that_is_not_well_1(line: Line) -> None:
    body = (
        b'{"status": "bad", "dialects": {"users": {"listening": false}}, "store": '
        b'{"reachable": false}}'
    )
    with server(
        says(b"HTTP/1.1 503 Bad\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
    ) as port:
        result = at(line, port).run("status")
    assert (result.exit_code, result.stderr) == (1, "Error: the daemon says that not all is well\n")
    assert '"store_reachable": false' in result.stdout
