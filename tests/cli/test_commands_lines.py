"""The commands for what speaks JSON on TCP, against a real daemon."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.cli.commands_kit import PROGRAM, Line, served
from tests.support.running import Daemon


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Daemon]:
    with served(tmp_path_factory) as daemon:
        yield daemon


@pytest.fixture
def line(daemon: Daemon, tmp_path: Path) -> Line:
    return Line(tmp_path, daemon.ports)


def create(line: Line, name: str = "Ana") -> int:
    id: int = line.does(
        "users", "create", "--name", name, "--email", "ana@example.org", "--age", "30"
    )["id"]
    return id


def test_a_user_is_created_shown_changed_and_deleted(line: Line) -> None:
    made = line.does(
        "users", "create", "--name", "Zoë", "--email", "zoe@example.org", "--age", "150"
    )
    assert (made["name"], made["email"], made["age"]) == ("Zoë", "zoe@example.org", 150)
    assert datetime.fromisoformat(made["created_at"]).utcoffset() is not None
    id = str(made["id"])
    assert line.does("users", "show", id) == made
    changed = line.does("users", "update", id, "--age", "0")
    assert {**changed, "updated_at": ""} == {**made, "age": 0, "updated_at": ""}
    assert line.does("users", "delete", id) == {"id": made["id"], "deleted": True}
    for words in (["show", id], ["update", id, "--age", "3"], ["delete", id]):
        assert line.refused(1, "users", *words) == "Error: User Not Found (404)"


def test_users_are_listed_whole_or_in_part(line: Line) -> None:
    ids = [create(line) for _ in range(5)]
    assert [user["id"] for user in line.does("users", "list")][-5:] == ids
    assert [
        user["id"] for user in line.does("users", "list", "--after", str(ids[1]), "--limit", "2")
    ] == ids[2:4]
    assert line.does("users", "list", "--after", str(ids[-1])) == []


def test_a_list_of_many_pages_is_one_document(line: Line) -> None:
    before = len(line.does("users", "list"))
    request = {
        "id_operation": "create_user",
        "payload": {"name": "N", "email": "n@example.org", "age": 1},
    }
    send(line, f"{json.dumps(request)}\n" * 1200)
    users = line.does("users", "list")
    assert len({user["id"] for user in users}) == len(users) == before + 1200
    assert len(line.does("users", "list", "--limit", "700")) == 700


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["create", "--name", "A", "--email", "a@b.c", "--age", "x"],
            "--age: expected a whole number from 0 to 150, got 'x'",
        ),
        (
            ["create", "--name", "A", "--email", "a@b.c", "--age", "151"],
            "--age: expected a whole number from 0 to 150, got '151'",
        ),
        (
            ["create", "--name", "", "--email", "a@b.c", "--age", "1"],
            "--name: expected a text of 1 to 200 characters, got ''",
        ),
        (
            ["update", "1", "--email", "a"],
            "--email: expected a text of 5 to 254 characters like name@example.org, none of them "
            "invisible, got 'a'",
        ),
        (["update", "1"], "nothing to change: name one of --name, --email, --age"),
        (["show", "1.0"], "ID: expected a whole number of at most 64 bits, got '1.0'"),
        (["show", str(2**63)], f"ID: expected a whole number of at most 64 bits, got '{2**63}'"),
        (["list", "--limit", "0"], "--limit: expected a whole number from 1, got '0'"),
        (
            ["list", "--timeout", "nan"],
            "--timeout: expected seconds, more than 0 and up to 86400, got 'nan'",
        ),
        (["list", "--at", "a b"], "--at: 'a b' is no place of a server: expected HOST:PORT"),
    ],
)
def test_wrong_values_are_named_with_what_would_be_right(
    line: Line, words: list[str], says: str
) -> None:
    assert line.refused(2, "users", *words).startswith(f"Error: {says}")


def test_a_message_is_added_shown_and_deleted(line: Line) -> None:
    text = 'it\'s "quoted"\nand goes on: Olá'
    assert line.does("messages", "add", text, "--id", "70") == {"id": 70, "added": True}
    assert line.does("messages", "show", "70") == {"id": 70, "data": text}
    assert line.does("messages", "add", "no id") == {"added": True}
    assert line.does("messages", "show")[-2:] == [
        {"id": 70, "data": text},
        {"id": 71, "data": "no id"},
    ]
    assert line.refused(1, "messages", "add", "again", "--id", "70").endswith("(401)")
    assert line.does("messages", "delete", "70") == {"id": 70, "deleted": True}
    assert line.refused(1, "messages", "delete", "70").endswith("(402)")
    assert line.refused(1, "messages", "show", "70").endswith("(402)")
    assert "TEXT: expected a text of 1 to 10000 characters, got ''" in line.refused(
        2, "messages", "add", ""
    )


def test_one_raw_line_is_answered_as_it_comes(line: Line) -> None:
    result = line.run("send", "messages", '{"op": "deletar", "id": 2}')
    assert (result.exit_code, json.loads(result.stdout)["status"]) == (0, 202)
    result = line.run(
        "send", "users", '{"id_operation": "get_user", "payload": {"user_id": 999999}}'
    )
    assert (result.exit_code, result.stderr) == (1, "Error: User Not Found (404)\n")
    assert json.loads(result.stdout) == {"error": 404, "error_message": "User Not Found"}
    assert "not a blank one" in line.refused(2, "send", "users", " ")
    assert "not a blank one" in line.refused(2, "send", "users", "{}\n{}")
    result = line.run("send", "nobody", "{}")
    assert (result.exit_code, "'nobody' is not one of" in result.stderr) == (2, True)


def send(line: Line, requests: str, dialect: str = "users") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*PROGRAM, "send", dialect],
        input=requests,
        env=line.environment(),
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_lines_of_stdin_are_answered_in_their_order(line: Line) -> None:
    requests = "".join(
        f'{{"op": "adicionar", "id": {id}, "data": "x"}}\n\n' for id in range(1000, 3000)
    )
    added = send(line, requests, "messages")
    assert (added.returncode, added.stderr) == (0, "")
    assert [json.loads(answer)["status"] for answer in added.stdout.splitlines()] == [201] * 2000
    shown = send(
        line,
        '{"op":"mostrar","id":2999}\n{"op":"mostrar","id":7}\nnonsense\n{"op":"mostrar","id":1000}',
        "messages",
    )
    assert [json.loads(answer)["status"] for answer in shown.stdout.splitlines()] == [
        200,
        402,
        400,
        200,
    ]
    assert (shown.returncode, shown.stderr) == (1, "Error: 2 of 4 lines were refused\n")
    assert (send(line, "").stdout, send(line, "\n\n").returncode) == ("", 0)


def test_lines_of_stdin_are_answered_while_more_may_come(line: Line) -> None:
    process = subprocess.Popen(
        [*PROGRAM, "send", "users"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=line.environment(),
        text=True,
        bufsize=1,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        for id in (901, 902):
            process.stdin.write(
                f'{{"id_operation": "get_user", "payload": {{"user_id": {id * 10**6}}}}}\n'
            )
            assert json.loads(process.stdout.readline())["error"] == 404
        process.stdin.close()
        assert process.wait(20) == 1


def test_a_server_that_goes_amid_the_lines_is_said_to_be_gone(line: Line) -> None:
    gone = send(
        line, '{"id_operation": "close_connection"}\n' + '{"id_operation": "get_users"}\n' * 50
    )
    assert gone.returncode == 3
    assert "Connection closed" in gone.stdout.splitlines()[0]
    assert "(505)" in gone.stderr
