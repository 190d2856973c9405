"""`sockcrud move`: everything from one store to another, and nobody notices."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Client
from sockcrud.apps.users.records import User
from sockcrud.cli import progress
from sockcrud.cli.main import main
from sockcrud.errors import HistoryGone
from sockcrud.identity.records import Session
from sockcrud.records import Record
from sockcrud.storage.contract import IStore
from sockcrud.storage.postgres.layout import LAYOUTS
from sockcrud.storage.weights import weight
from tests.storage.maintenance.move_kit import (
    SECRET,
    asked,
    content,
    filled,
    moved,
    new_places,
    refused,
    revision,
    run,
)
from tests.storage.sqlite.sqlite_case import records_of
from tests.storage.store_case import ALL, a_client, a_user
from tests.support import postgres_kit
from tests.support.awaiting import awaits
from tests.support.model import KINDS
from tests.support.running import Daemon

BOTH = pytest.mark.parametrize("target", ["sqlite", "postgresql"])


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a directory without settings."""
    monkeypatch.chdir(tmp_path)
    Path("password").write_text(f"{SECRET}\n")


@pytest.fixture
def new() -> Iterator[Callable[[str], str]]:
    """Yield what makes the name of a store that is not there yet."""
    yield from new_places()


@BOTH
@pytest.mark.parametrize("source", ["sqlite", "postgresql"])
@awaits
async def test_everything_arrives_and_nothing_given_out_is_given_again(
    new: Callable[[str], str], source: str, target: str
) -> None:
    one, two = new(source), new(target)
    records = await filled(one)
    before = content(one)
    counts = moved(one, two)
    assert {name: count for name, (count, _) in counts.items()} == {
        name: len(those) for name, those in records.items()
    }
    assert all(counts[kind.__name__][0] for kind in KINDS)
    assert content(one) == before
    assert await asked(two, records_of) == records
    assert revision(two) == revision(one)
    if target == "postgresql":  # whose quotas go by what is counted there
        counted = postgres_kit.execute(
            two, f"SELECT {', '.join(LAYOUTS[kind].counted for kind in KINDS)} FROM state"
        )
        assert counted == [tuple(len(records[kind.__name__]) for kind in KINDS)]
        everything = sum(
            weight(kind, record) for kind in KINDS for record in records[kind.__name__]
        )
        assert postgres_kit.execute(two, "SELECT stored FROM state") == [(everything,)]

    async def more(store: IStore) -> list[Record]:
        return [
            await store.insert(User, **a_user()),
            await store.insert(Message, data="x"),
            await store.insert(Client, **a_client(99)),
            await store.insert(Client, **a_client(29)),  # what was deleted is not taken
        ]

    assert await asked(two, more) == await asked(one, more)


@awaits
async def test_the_digests_are_the_same_there_and_back(new: Callable[[str], str]) -> None:
    one, two, three = new("sqlite"), new("postgresql"), "sqlite:back.db"
    await filled(one)
    assert moved(one, two) == moved(two, three)
    result = run(one, "sqlite:other.db")
    assert result.stdout == run(three, "sqlite:another.db").stdout.replace(
        "back.db", one[7:]
    ).replace("another", "other")


@awaits
async def test_a_moved_store_does_not_claim_to_know_changes_it_has_not_seen(
    new: Callable[[str], str],
) -> None:
    one, two, three = new("sqlite"), new("postgresql"), new("postgresql")
    await filled(one)
    moved(one, two)
    rev = revision(one)

    async def told(store: IStore) -> None:
        for since in (0, rev - 1):
            with pytest.raises(HistoryGone):
                await store.changes(since, ALL)
        assert await store.changes(rev, ALL) == []
        new = [(await store.insert(Message, data=f"{number}")).rev for number in range(5)]
        assert [change.rev for change in await store.changes(rev, ALL)] == new
        with pytest.raises(HistoryGone):
            await store.changes(rev - 1, ALL)

    await asked(two, told)
    moved(two, three)

    async def still_told(store: IStore) -> None:
        assert [change.rev for change in await store.changes(rev, ALL)] == list(
            range(rev + 1, rev + 6)
        )
        with pytest.raises(HistoryGone):
            await store.changes(rev - 1, ALL)

    await asked(three, still_told)


@awaits
async def test_the_history_of_one_database_goes_to_the_next(new: Callable[[str], str]) -> None:
    one, two = new("postgresql"), new("postgresql")
    await filled(one)
    moved(one, two)
    changes = await asked(one, lambda store: store.changes(0, ALL))
    assert len(changes) > 50
    assert await asked(two, lambda store: store.changes(0, ALL)) == changes


@BOTH
@awaits
async def test_an_export_is_moved_with_its_ids_and_revisions(
    new: Callable[[str], str], target: str
) -> None:
    one, two = "sqlite:one.db", new(target)
    records = await filled(one)
    exported = CliRunner().invoke(main, ["export", "--secrets", "--store", one]).stdout_bytes
    with_hash = exported.replace(b'"password_hash":"$"', b'"password_hash":null')
    with_hash = b"".join(
        with_hash.splitlines(keepends=True)[:-1]
    )  # changed, it is no longer what its last line says
    counts = moved("-", two, input=with_hash)
    assert list(counts) == [
        kind.__name__
        for kind in KINDS
        if kind.__name__ not in ("Session", "LoginFailures", "KeptAnswer", "Usage")
    ]
    there = await asked(two, records_of)
    for name in ("User", "Message", "Client", "Address", "Product", "InventoryItem", "Company"):
        assert there[name] == records[name]
    assert [(account.id, account.rev, account.login) for account in there["Account"]] == [
        (account.id, account.rev, account.login) for account in records["Account"]
    ]
    Path("all.jsonl").write_bytes(with_hash)
    assert moved("all.jsonl", "sqlite:three.db") == counts
    assert "without its last line" in run("all.jsonl", "sqlite:four.db").stderr


@awaits
async def test_a_long_move_is_told_in_lines(
    new: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await filled("sqlite:one.db")
    monkeypatch.setattr(progress, "SHORT", 0.0)
    told = run("sqlite:one.db", new("postgresql")).stderr.splitlines()
    assert any(line.startswith("copying: 100 % (") for line in told)
    assert any(line.startswith("comparing: 100 % (") for line in told)


def _request(
    daemon: Daemon, method: str, path: str, body: object = None, token: str = "", **headers: str
) -> str:
    text = "" if body is None else json.dumps(body)
    given = {
        "Host": "localhost",
        "Connection": "close",
        "Content-Length": str(len(text)),
        **headers,
    }
    if token:
        given["Authorization"] = f"Bearer {token}"
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in given.items())
    return daemon.ask("shop", f"{method} {path} HTTP/1.1\r\n{head}\r\n{text}")


def _log_in(daemon: Daemon) -> str:
    _request(daemon, "POST", "/user/create", {"username": "ana", "password": SECRET})
    answer = _request(daemon, "POST", "/user/login", Authorization="Basic YW5hOmh1bnRlcjIy")
    token: str = json.loads(answer.partition("\r\n\r\n")[2])["token"]
    return token


def _etag(answer: str) -> str:
    assert answer.startswith("HTTP/1.1 200 "), answer
    [found] = [line for line in answer.splitlines() if line.lower().startswith("etag: ")]
    return found


def test_the_clients_of_a_moved_daemon_notice_nothing(
    new: Callable[[str], str], tmp_path: Path
) -> None:
    admin = ("--admin-password-file", "password")
    person = {"name": "Rita", "email": "rita@example.org", "cpf": "12345678901", "balance": 10}
    with Daemon(tmp_path, "--store", "sqlite:a.db", *admin) as daemon:
        token = _log_in(daemon)
        for number in range(1, 4):
            one = {**person, "email": f"rita{number}@example.org", "cpf": f"1234567890{number}"}
            assert f'"id":{number}' in _request(daemon, "POST", "/clients/create", one, token)
        _request(daemon, "DELETE", "/clients/delete/3", None, token)
        before = _request(daemon, "GET", "/clients/fetch/2", None, token)
        assert daemon.stop() == 0
    url = new("postgresql")
    counts = moved("sqlite:a.db", url)
    assert counts["Client"][0] == 2
    with Daemon(tmp_path, "--store", url, *admin) as daemon:
        after = _request(daemon, "GET", "/clients/fetch/2", None, token)
        assert (_etag(after), after.splitlines()[-1]) == (_etag(before), before.splitlines()[-1])
        one = {**person, "email": "rita4@example.org", "cpf": "12345678904"}
        assert '"id":4' in _request(daemon, "POST", "/clients/create", one, token)
        changed = _request(
            daemon, "PUT", "/clients/update/2", {**one, "email": "x@example.org", "cpf": "99999999999"}, token,  # noqa: E501
            If_Match=_etag(before).partition(": ")[2],
        )  # fmt: skip
        assert changed.startswith("HTTP/1.1 200 "), changed
        assert daemon.stop() == 0


@BOTH
@awaits
async def test_a_store_in_memory_is_moved_from_its_daemon(
    new: Callable[[str], str], tmp_path: Path, target: str
) -> None:
    two = new(target)
    with Daemon(tmp_path, "--demo", "--admin-password-file", "password") as daemon:
        daemon.ask(
            "messages", '{"op": "adicionar", "id": 70, "data": "x"}\n{"op": "deletar", "id": 70}\n'
        )
        url = f"http://127.0.0.1:{daemon.ports['admin']}"
        assert "the login or the password is wrong" in refused(
            1, url, two, "--login", "eva", "--password-file", "password"
        )
        result = run(url, two, "--password-file", "password")
        assert (result.exit_code, SECRET in result.output) == (0, False), result.output
        assert "runs on" in result.stderr
        port = ("--url", url, "--password-file", "password", "--secrets")
        exported = CliRunner().invoke(main, ["export", *port]).stdout
        assert daemon.stop() == 0
    assert await asked(two, lambda store: store.count(Session)) == 0
    next_one = await asked(two, lambda store: store.insert(Message, data="next"))
    assert next_one.id == 71
    revs = {
        (each["kind"], each["id"]): each["rev"]
        for each in map(json.loads, exported.splitlines()[:-1])
    }
    there = await asked(two, records_of)
    assert {
        (kind, record.id): record.rev
        for kind, those in there.items()
        for record in those
        if record != next_one
    } == revs


def test_help_teaches_by_example() -> None:
    assert "\n  sockcrud move sqlite:shop.db postgresql://" in run("--help").output
