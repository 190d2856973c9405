"""The store notices that its file is no longer its own, before it acknowledges anything more. Shown
on real daemons.
"""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.proofs.durability.crash import STORE, flags
from tests.storage.sqlite.sqlite_case import rows
from tests.support.running import Daemon


def ask(daemon: Daemon, operation: str, **payload: object) -> dict[str, object]:
    """Return the answer of the users' port, or nothing where there is none."""
    request = json.dumps({"id_operation": operation, "payload": payload})
    try:
        answer = daemon.ask("users", request + "\n")
    except OSError:
        answer = ""
    return dict(json.loads(answer)) if answer else {}


def create(daemon: Daemon, name: str) -> bool:
    """Create a user. Return whether that was acknowledged."""
    return ask(daemon, "create_user", name=name, email="a@b.cd", age=30).get("code") in (200, 201)


def names(directory: Path) -> list[str]:
    return [name for [name] in rows(directory / STORE, "SELECT name FROM users ORDER BY id")]


def by_shell(store: Path, statement: str) -> None:
    """Do what somebody does in the `sqlite3` shell beside the daemon."""
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute(statement)


def remove(more: str) -> Callable[[Path], object]:
    return lambda store: Path(f"{store}{more}").unlink()


def put_another_in_place(store: Path) -> None:
    other = store.with_name("other.db")
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE things (id)")
    other.rename(store)


def put_a_link_in_place(store: Path) -> None:
    store.rename(store.with_name("elsewhere.db"))
    store.symlink_to("elsewhere.db")


DAMAGES = [
    pytest.param(remove(""), "store.db was removed", id="the file is removed"),
    pytest.param(remove("-wal"), "store.db-wal was removed", id="the log is removed"),
    pytest.param(remove("-shm"), "store.db-shm was removed", id="the log's index is removed"),
    pytest.param(
        put_another_in_place,
        "another file has the name .*store.db",
        id="another file takes its name",
    ),
    pytest.param(
        put_a_link_in_place,
        "another file has the name .*store.db",
        id="it is moved, and a link left",
    ),
    pytest.param(
        lambda store: by_shell(store, "DELETE FROM users WHERE id = 1"),
        "another program has written to it",
        id="another program deletes a row",
    ),
    pytest.param(
        lambda store: by_shell(store, "UPDATE users SET age = 99 WHERE id = 1"),
        "another program has written to it",
        id="another program changes a row",
    ),
]


@pytest.mark.parametrize(("damage", "reason"), DAMAGES)
@pytest.mark.parametrize("change", ["create_user", "update_user"])
def test_nothing_is_acknowledged_into_a_file_that_is_not_its_own(
    damage: Callable[[Path], object], reason: str, change: str, tmp_path: Path
) -> None:
    with Daemon(tmp_path, *flags(tmp_path)) as daemon:
        assert create(daemon, "before")
        damage(tmp_path / STORE)
        if change == "create_user":
            assert not create(daemon, "after")
        else:
            assert ask(daemon, change, user_id=1, data={"age": 1}).get("code") != 200
        assert daemon.process.wait(20) == 1
        log = daemon.log.read_text()
    assert "Traceback" not in log
    [line] = [line for line in log.splitlines() if "can no longer be written to" in line]
    assert re.search(reason, line), line


def test_what_was_acknowledged_is_in_the_file_when_its_log_was_removed(tmp_path: Path) -> None:
    with Daemon(tmp_path, *flags(tmp_path)) as daemon:
        assert all(create(daemon, f"user {number}") for number in range(5))
        Path(tmp_path / f"{STORE}-wal").unlink()
        create(daemon, "in doubt")
        assert daemon.process.wait(20) == 1
    assert names(tmp_path)[:5] == [f"user {number}" for number in range(5)]


def by_another_name(directory: Path) -> str:
    (directory / "link.db").hardlink_to(directory / STORE)
    return "link.db"


def without_the_lock(directory: Path) -> str:
    (directory / f"{STORE}-lock").unlink()
    return STORE


@pytest.mark.parametrize("prepare", [by_another_name, without_the_lock])
def test_a_second_daemon_on_the_same_file_is_refused(
    prepare: Callable[[Path], str], tmp_path: Path
) -> None:
    with Daemon(tmp_path, *flags(tmp_path)) as daemon:
        assert create(daemon, "before")
        name = prepare(tmp_path)
        second = tmp_path / "second"
        second.mkdir()
        with pytest.raises(AssertionError, match=r"did not start: .* in use by another process"):
            Daemon(second, "--store", f"sqlite:{tmp_path / name}", *flags(tmp_path)[2:])
        assert create(daemon, "after")
        assert daemon.stop() == 0
    assert names(tmp_path) == ["before", "after"]


def test_programs_that_only_read_are_no_trouble(tmp_path: Path) -> None:
    with Daemon(tmp_path, *flags(tmp_path)) as daemon:
        assert create(daemon, "one")
        assert names(tmp_path) == ["one"]
        with closing(sqlite3.connect(tmp_path / STORE)) as reader:
            reader.execute("SELECT * FROM users").fetchall()
            reader.execute("PRAGMA wal_checkpoint(PASSIVE)")
        shutil.copyfile(tmp_path / STORE, tmp_path / "copy.db")
        assert create(daemon, "two")
        assert daemon.stop() == 0
    assert names(tmp_path) == ["one", "two"]
