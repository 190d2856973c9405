"""What a translation prints is run, and does the same as the request that it is of."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests import ROOT
from tests.cli.commands_kit import PASSWORD, Line, served
from tests.support.running import Daemon, environment

QUOTED = 'It\'s "$HOME" `id` \\ 한 -- %s'
ASKED: Mapping[str, tuple[str, ...]] = {
    "users": (
        '{"id_operation": "get_users", "payload": {"limit": 1}}',
        json.dumps(
            {
                "id_operation": "create_user",
                "payload": {"name": QUOTED, "email": "a@b.cc", "age": 3},
            }
        ),
        '{"id_operation": "get_user", "payload": {"user_id": 1}}',
        '{"id_operation": "update_user", "payload": {"user_id": 1, "data": {"age": 31}}}',
    ),
    "messages": (
        '{"op": "mostrar", "id": 1}',
        '{"op": "adicionar", "data": "-x; exit 9"}',
    ),
    "library-lines": (
        '{"jsonrpc":"2.0","id":1,"method":"books.list","params":{}}',
        '{"jsonrpc":"2.0","id":1,"method":"books.get","params":{"id":1}}',
    ),
    "library-rest": ("GET /books/1 HTTP/1.1\nHost: x", "GET /books?limit=1 HTTP/1.1\nHost: x"),
    "admin": (
        'POST /login HTTP/1.1\nHost: x\n\n{"login": "admin", "password": "PASSWORD"}',
        "GET /accounts?limit=1 HTTP/1.1\nHost: x\nAuthorization: Bearer TOKEN",
    ),
    "members": (
        "POST / HTTP/1.1\nHost: x\n\nuser:admin,PASSWORD",
        "HEAD / HTTP/1.1\nHost: x",
    ),
    "shop": (
        "POST /user/login HTTP/1.1\nHost: x\nAuthorization: Basic eDp5",
        "GET /clients/fetch HTTP/1.1\nHost: x\nAuthorization: Bearer TOKEN",
    ),
    "way": ("GET /api/usuario/SESSION?id=1 HTTP/1.1\nHost: x",),
}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    library = str(ROOT / "examples" / "library.py")
    flags = ("--app", library, "--library-lines", "tcp:0", "--library-rest", "tcp:0")
    with served(tmp_path_factory, *flags) as daemon:
        while "library-rest" not in daemon.ports:
            daemon.hear()
        book = {"title": QUOTED, "isbn": "1234567890", "year": 2000}
        made = {"jsonrpc": "2.0", "id": 1, "method": "books.create", "params": book}
        with socket.create_connection(("127.0.0.1", daemon.ports["library-lines"])) as connection:
            connection.sendall(json.dumps(made).encode() + b"\n")
            assert b'"id":1' in connection.recv(4096)
        yield daemon


class Shell:
    """Where translations are run: what they need is in the environment."""

    def __init__(self, daemon: Daemon, directory: Path) -> None:
        self.line = Line(directory, daemon.ports)
        self.daemon = daemon
        self.variables = {
            "LOGIN": "admin",
            "PASSWORD": PASSWORD,
            "PASSWORD_SHA256": sha256(PASSWORD.encode()).hexdigest(),
        }
        (directory / "sockcrud").write_text(
            f'#!/bin/sh\nexec {sys.executable} -m sockcrud --app {ROOT}/examples/library.py "$@"\n'
        )
        (directory / "sockcrud").chmod(0o755)
        self.directory = directory

    def run(self, translation: Mapping[str, Any], **more: str) -> str:
        """Run one, and return what it says."""
        path = f"{self.directory}:{os.environ['PATH']}"
        variables = environment(
            **{**self.line.settings, **self.variables, **more, "PATH": path},
            PYTHONPATH=f"{ROOT}:{ROOT}/examples",
        )
        is_python = translation["form"] in ("python", "socket")
        words = [sys.executable if is_python else "sh", "-c", translation["text"]]
        done = subprocess.run(
            words, env=variables, capture_output=True, timeout=60, stdin=subprocess.DEVNULL
        )
        assert (done.returncode, done.stderr) == (0, b""), (translation, done)
        return done.stdout.decode()

    def translated(self, dialect: str, text: str) -> list[Mapping[str, Any]]:
        """Return the translations that the daemon gives."""
        token = self.token("admin")
        body = json.dumps({"dialect": dialect, "request": text})
        said = self.fetch("POST", "/translate", body, token)
        items: list[Mapping[str, Any]] = json.loads(said)["items"]
        assert items, said
        return items

    def token(self, dialect: str) -> str:
        """Log in at a dialect, and return the token."""
        self.line.log_in(dialect)
        newest = max(self.line.logins.glob(f"{dialect}-*.json"), key=os.path.getmtime)
        token: str = json.loads(newest.read_text())["token"]
        return token

    def fetch(self, method: str, path: str, body: str, token: str) -> str:
        import http.client

        connection = http.client.HTTPConnection("127.0.0.1", self.daemon.ports["admin"], timeout=20)
        fields = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        connection.request(method, path, body.encode(), fields)
        said = connection.getresponse().read().decode()
        connection.close()
        return said


@pytest.fixture(scope="module")
def shell(daemon: Daemon, tmp_path_factory: pytest.TempPathFactory) -> Shell:
    return Shell(daemon, tmp_path_factory.mktemp("shell"))


def is_there(form: str) -> bool:
    return {"httpie": "http"}.get(form, form) in ("sockcrud", "python", "socket") or bool(
        shutil.which({"httpie": "http"}.get(form, form))
    )


def meaning(said: str) -> Any:
    """Return the JSON of an answer without what differs from one to the next."""
    body = said.rpartition("\r\n\r\n")[2]
    if not body.startswith(("{", "[")):
        return body[:15]
    value = json.loads(body)
    if isinstance(value, dict):
        for name in ("token", "IDSessao"):
            value.pop(name, None)
        payload = value.get("payload")
        for name in ("id", "created_at", "updated_at"):
            if isinstance(payload, dict):
                payload.pop(name, None)
    return value


@pytest.mark.parametrize("dialect", sorted(ASKED))
def test_all_forms_do_the_same(shell: Shell, dialect: str) -> None:
    if dialect in ("shop", "way", "admin"):
        token = shell.token(dialect)
        shell.variables |= {"TOKEN": token, "SESSION": token}
    for text in ASKED[dialect]:
        items = shell.translated(dialect, text)
        assert PASSWORD not in json.dumps(items)
        own = [item for item in items if item["dialect"] == dialect]
        forms = {item["form"] for item in own}
        assert forms >= {"nc", "socket", "python"}, (text, forms)
        raw = [item for item in own if item["form"] in ("nc", "socket", "curl", "httpie")]
        answers = [meaning(shell.run(item)) for item in raw if is_there(item["form"])]
        assert len(answers) > 1
        if not text.startswith("HEAD"):
            assert all(answer == answers[0] for answer in answers), (text, answers)
            assert "error" not in str(answers[0]).lower(), answers[0]
        for item in own:
            if item["form"] in ("python", "sockcrud") and (
                item["form"] == "python" or dialect not in ("admin", "shop", "way")
            ):
                said = shell.run(item)
                assert "Traceback" not in said


def test_a_login_is_said_at_all_four_doors(shell: Shell) -> None:
    items = shell.translated("admin", ASKED["admin"][0])
    elsewhere = {item["dialect"]: item for item in items if item["dialect"] != "admin"}
    assert set(elsewhere) == {"shop", "auth", "way", "members"} & set(shell.daemon.ports)
    for dialect, item in elsewhere.items():
        answer = json.loads(shell.run(item))
        assert answer.get("token") or answer.get("IDSessao"), (dialect, answer)


def test_a_record_is_asked_for_at_both_of_its_wires(shell: Shell) -> None:
    text = ASKED["library-lines"][1]
    items = shell.translated("library-lines", text)
    there = {item["form"]: item for item in items if item["dialect"] == "library-rest"}
    assert set(there) == {"curl", "sockcrud"}  # commands talk to that wire
    other = there["curl"]
    book = json.loads(shell.run(other))
    assert book["title"] == QUOTED
    (back,) = [
        item
        for item in shell.translated("library-rest", "GET /books/1 HTTP/1.1\nHost: x")
        if item["dialect"] == "library-lines"
    ]
    assert json.loads(shell.run(back))["result"] == book


def test_a_request_of_the_journal_is_translated_by_its_number(shell: Shell) -> None:
    shell.run(shell.translated("users", ASKED["users"][1])[0])
    page = json.loads(shell.fetch("GET", "/journal?dialect=users", "", shell.token("admin")))
    entry = [each for each in page["items"] if each["kind"] == "request"][-1]
    text = shell.line.run("translate", str(entry["id"]), "--form", "nc", raw=True)
    assert text.exit_code == 0, text.output
    said = json.loads(shell.run({"form": "nc", "text": text.stdout}))
    assert said["payload"]["name"] == QUOTED


def test_what_cannot_be_translated_is_said(shell: Shell) -> None:
    shell.token("admin")
    assert "ID of an entry" in shell.line.refused(2, "translate", "no number")
    assert "(404)" in shell.line.refused(1, "translate", "99999999")
    assert "expected one of" in shell.line.refused(2, "translate", "{}", "--dialect", "nobody")
    said = shell.line.refused(1, "translate", "{}", "--dialect", "users", "--form", "curl")
    assert said == "Error: there is no curl for this request"
