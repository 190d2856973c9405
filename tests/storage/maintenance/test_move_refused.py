"""What `sockcrud move` refuses, and what an interrupted one leaves: nothing."""

from __future__ import annotations

import signal
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from sockcrud.apps.messages.records import Message
from sockcrud.cli import progress
from sockcrud.storage.postgres import copy as postgres_copy
from tests.storage.maintenance.move_kit import (
    SECRET,
    asked,
    content,
    filled,
    held,
    is_empty,
    look_at,
    moved,
    new_places,
    refused,
    run,
)
from tests.storage.sqlite.sqlite_case import records_of
from tests.support import forked, postgres_kit
from tests.support.awaiting import awaits
from tests.support.running import environment, taken_port

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


def test_an_export_that_lacks_something_is_refused_with_its_lines(
    new: Callable[[str], str],
) -> None:
    company = '{"kind":"Company","id":1,"rev":1,"name":"Acme","active":true}\n'
    account = '{"kind":"Account","id":1,"rev":2,"login":"ana","role":"user","company_id":%d,"active":true%s}\n'  # noqa: E501
    Path("a").write_text(company + account % (1, ""))
    assert run("a", "sqlite:a.db").stderr.splitlines() == [
        "Error: 1 fault, and nothing was imported",
        "line 2, password_hash: expected what an export with --secrets has",
    ]
    Path("a").write_text(company.replace('"rev":1,', "") + account % (7, ',"password_hash":null'))
    assert "line 1, rev: expected a whole number" in run("a", "sqlite:a.db").stderr
    Path("a").write_text(company + account % (7, ',"password_hash":null'))
    assert "line 2, company_id: expected the id of a Company" in run("a", "sqlite:a.db").stderr
    Path("a").write_text("nonsense\n")
    assert run("a", "sqlite:a.db").exit_code == 1
    assert not Path("a.db").exists()
    assert "nowhere: No such file" in refused(1, "nowhere", "sqlite:a.db")


@BOTH
@awaits
async def test_a_store_that_holds_anything_takes_nothing(
    new: Callable[[str], str], target: str
) -> None:
    one, two = new("sqlite"), new(target)
    await filled(one)
    await asked(two, lambda store: store.insert(Message, data="mine"))
    before = content(two)
    assert "is not empty: it holds 1 Message" in refused(1, one, two)
    assert content(two) == before
    await asked(two, lambda store: store.delete(Message, 1))
    assert "is not empty: its records are gone, but it is at revision 2" in refused(1, one, two)
    three = "sqlite:three.db"
    await filled(three)
    full = new("postgresql")
    moved(three, full)
    assert refused(1, full, three).startswith("Error: three.db is not empty: ")
    assert refused(1, three, full).startswith("Error: postgresql://")
    assert refused(1, three, full).count("postgresql://") == 1


@BOTH
@awaits
async def test_a_store_that_a_daemon_is_on_is_not_moved(
    new: Callable[[str], str], target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = new(target), new("sqlite" if target == "postgresql" else "postgresql")
    await filled(one)
    async with held(one) as store:
        await look_at(store)
        assert "is in use" in refused(1, one, two)
    assert await is_empty(two)


@awaits
async def test_a_change_that_is_under_way_in_the_database_is_waited_for(
    new: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    one = new("postgresql")
    await filled(one)
    monkeypatch.setattr(postgres_copy, "LOCK_SECONDS", 0.05)
    with psycopg.connect(one) as connection:
        connection.execute("SELECT * FROM state FOR UPDATE")
        assert "changes are under way" in refused(1, one, "sqlite:two.db")
    assert run(one, "sqlite:two.db").exit_code == 0


@awaits
async def test_what_cannot_be_meant_is_wrong_use(new: Callable[[str], str]) -> None:
    one = new("sqlite")
    await filled(one)
    assert "name two stores" in refused(2, one, f"sqlite:./{one[7:]}")
    assert "TO: expected sqlite:PATH or postgresql://" in refused(2, one, "memory:")
    assert "TO: expected sqlite:PATH" in refused(2, one, "all.jsonl")
    assert "FROM: expected sqlite:PATH" in refused(2, "memory:", "sqlite:two.db")
    assert "belong to an admin port" in refused(2, one, "sqlite:two.db", "--login", "ana")
    assert "there is no store two.db" in refused(1, "sqlite:two.db", "sqlite:three.db")
    assert "there is no store in postgresql://" in refused(1, new("postgresql"), "sqlite:three.db")
    assert "nobody can be asked" in refused(2, "http://127.0.0.1:8000", "sqlite:two.db")
    Path("noise.db").write_bytes(b"noise " * 1000)
    assert "noise.db cannot be used as a store" in refused(1, "sqlite:noise.db", "sqlite:two.db")
    assert "noise.db cannot be used as a store" in refused(1, one, "sqlite:noise.db")
    assert not Path("three.db").exists()


@awaits
async def test_no_password_of_a_url_is_shown(new: Callable[[str], str]) -> None:
    one, two = "sqlite:one.db", new("postgresql")
    await filled(one)
    parts = conninfo_to_dict(two)
    place = f"{quote(str(parts['dbname']))}?host={quote(str(parts['host']), safe='')}&port={parts['port']}"  # noqa: E501
    url = f"postgresql://postgres:{SECRET}@/{place}"
    with taken_port() as silent:
        pass
    for words in (
        (one, url),
        (one, url),
        (url, "sqlite:two.db"),
        (url, url),
        (url, f"postgresql://postgres@/{place}&password={SECRET}"),
        (one, f"postgresql://ana:{SECRET}@127.0.0.1:{silent}/x"),
        (one, f"postgresql://ana:{SECRET}@127.0.0.1:nonsense/x"),
        (f"http://ana:{SECRET}@127.0.0.1", "sqlite:three.db"),
    ):
        output = run(*words).output
        assert SECRET not in output
        assert (
            "***" in output
            or words == (url, "sqlite:two.db")
            or "holds no login" in output
            or "cannot be used" in output
            or "TO: expected" in output
        )
    assert Path("two.db").exists()


@awaits
async def test_a_damaged_store_is_not_moved(new: Callable[[str], str]) -> None:
    one, two = "sqlite:one.db", new("postgresql")
    await filled(one)
    with closing(sqlite3.connect("one.db")) as connection:
        connection.execute("UPDATE users SET age = 400 WHERE id = 7")
        connection.commit()
    assert "one.db is damaged: row 7 of users: age does not fit" in refused(1, one, two)
    assert await is_empty(two)
    three = new("postgresql")
    await filled(three)
    postgres_kit.execute(three, "UPDATE users SET age = 400 WHERE id = 7")
    assert "is damaged: age of User 7 does not fit" in refused(1, three, "sqlite:four.db")
    assert not Path("four.db").exists()


PLANTS = {
    "a changed value": ("UPDATE users SET age = 31 WHERE id = 5", "the first that differs is 5"),
    "a lost record": ("DELETE FROM users WHERE id = 9", "the first that differs is 9"),
    "a changed revision": (
        "UPDATE users SET rev = rev + 1 WHERE id = 12",
        "the first that differs is 12",
    ),
    "a moment that is a microsecond later": (None, "the first that differs is 3"),
}


@BOTH
@pytest.mark.parametrize("plant", PLANTS)
@awaits
async def test_a_record_that_is_not_what_went_in_is_found_and_nothing_is_kept(
    new: Callable[[str], str], target: str, plant: str
) -> None:
    one, two = new("sqlite"), new(target)
    await filled(one)
    await asked(two, look_at)  # the tables are there
    change, said = PLANTS[plant]
    if target == "sqlite":
        change = (
            change
            or "UPDATE users SET created_at = replace(created_at, '123456', '123457') WHERE id = 3"
        )
        with closing(sqlite3.connect(two[7:])) as connection:
            connection.execute(
                f"CREATE TRIGGER wrong AFTER INSERT ON users WHEN new.id = 20 BEGIN {change}; END"
            )
            connection.commit()
    else:
        change = (
            change
            or "UPDATE users SET created_at = created_at + interval '1 microsecond' WHERE id = 3"
        )
        body = f"BEGIN {change}; RETURN NULL; END"
        postgres_kit.execute(
            two,
            f"CREATE FUNCTION wrong() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$",
            "CREATE TRIGGER wrong AFTER INSERT ON users FOR EACH STATEMENT EXECUTE FUNCTION "
            "wrong()",
        )
    result = run(one, two)
    assert (result.exit_code, result.stdout) == (1, "")
    first, *rest = result.stderr.splitlines()
    assert first.endswith("does not give back what was put in, and is left empty")
    assert len(rest) == 1
    assert rest[0].startswith("User: ")
    assert said in rest[0]
    assert await is_empty(two)


KILLED = """
import os, signal, sys
from contextlib import contextmanager
from sockcrud.cli import progress
from sockcrud.cli.main import main

phase, least = sys.argv[1], int(sys.argv[2])

@contextmanager
def shown(label):
    def told(done, total):
        if label == phase and done >= least:
            os.kill(os.getpid(), int(sys.argv[3]))
    yield told

progress.displayed = shown
main(["move", *sys.argv[4:]])
"""


@BOTH
@pytest.mark.parametrize(
    ("phase", "least", "end"),
    [
        ("copying", 30, signal.SIGKILL),
        ("copying", 70, signal.SIGINT),
        ("copying", 70, signal.SIGTERM),
        ("comparing", 30, signal.SIGKILL),
        ("comparing", 30, signal.SIGINT),
    ],
)
@awaits
async def test_an_interrupted_move_leaves_nothing_and_can_be_made_again(
    new: Callable[[str], str], target: str, end: int, phase: str, least: int
) -> None:
    one, two = new("sqlite"), new(target)
    records = await filled(one)
    before = content(one)
    told = [phase, str(least), str(int(end)), one, two]
    done = forked.run(told, environment(), 60, program=KILLED)
    assert done.returncode == (130 if end == signal.SIGINT else -end), done.stderr
    assert done.stdout == ""
    assert await is_empty(two)
    assert content(one) == before
    moved(one, two)
    assert await asked(two, records_of) == records


@awaits
async def test_a_database_that_goes_away_is_told_in_a_line_and_keeps_nothing() -> None:
    server = postgres_kit.Server()
    try:
        postgres_kit.execute(
            server.url("postgres"), "CREATE DATABASE two ENCODING 'UTF8' TEMPLATE template0"
        )
        two = server.url("two")
        await filled("sqlite:one.db")

        @contextmanager
        def shown(label: str) -> Iterator[progress.Progress]:
            yield lambda done, total: server.kill() if done == total else None

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(progress, "displayed", shown)
            assert two in refused(1, "sqlite:one.db", two)
        server.start()
        assert await is_empty(two)
        assert run("sqlite:one.db", two).exit_code == 0
    finally:
        server.remove()


def test_a_daemon_that_is_not_there_is_status_3(new: Callable[[str], str]) -> None:
    with taken_port() as silent:
        pass
    said = refused(3, f"http://127.0.0.1:{silent}", "sqlite:two.db", "--password-file", "password")
    assert f"127.0.0.1:{silent}: " in said
    assert not Path("two.db").exists()
