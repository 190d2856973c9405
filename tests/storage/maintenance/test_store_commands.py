"""The commands for a store as a whole, on real files, and through the admin port of a real
daemon.
"""

from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from click.testing import CliRunner, Result

from sockcrud import loading
from sockcrud.cli import progress
from sockcrud.cli.main import main
from sockcrud.identity.accounts import Directory
from sockcrud.identity.first_start import add_examples
from sockcrud.identity.passwords import InThisThread, Passwords, digest_of
from sockcrud.identity.records import Account, Session
from sockcrud.storage.maintenance.commands import COMMANDS
from sockcrud.storage.maintenance.transfer_commands import export, import_
from sockcrud.storage.sqlite.store import SqliteStore
from sockcrud.storage.waiting import Turns
from tests.support.model import STANDARD
from tests.support.running import Daemon, taken_port

OLD, NEW = "the old password", "the new password"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stand in a directory without settings, with a file for each password."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("SOCKCRUD_STORE", raising=False)
    Path("old").write_text(f"{OLD}\n")
    Path("new").write_text(f"{NEW}\n")


def run(*words: str, input: str | None = None) -> Result:
    result = CliRunner().invoke(main, words, input=input)
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def refused(status: int, *words: str) -> str:
    """Expect that status and one line on stderr; give it."""
    result = run(*words)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (status, "", 1), (
        result.output
    )
    return result.stderr


@contextmanager
def held(name: str) -> Iterator[tuple[SqliteStore, Turns]]:
    """Have a store open, as a daemon has."""
    turns = Turns()
    store = SqliteStore.open(Path(name).absolute(), STANDARD, turns, print)
    try:
        yield store, turns
    finally:
        turns.finish(store.close())


def made(name: str) -> str:
    """Make a store with the example records and an admin who is logged in; give its description."""
    with held(name) as (store, turns):
        now = datetime.now(timezone.utc)
        turns.finish(
            add_examples(store, [example for app in loading.apps() for example in app.examples])
        )
        directory = Directory(store, Passwords(InThisThread()), turns)
        admin = turns.finish(directory.ensure_admin("admin", digest_of(OLD)))
        assert admin is not None
        session: dict[str, Any] = {
            "token_hash": "0" * 64,
            "dialect": "admin",
            "address": "127.0.0.1",
            "created_at": now,
            "used_at": now,
        }
        turns.finish(store.insert(Session, account_id=admin.id, **session))
    return f"sqlite:{name}"


def spoiled(name: str, *statements: str) -> None:
    """Do to the file what the store would not."""
    with closing(sqlite3.connect(name)) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


def records(text: str) -> list[dict[str, Any]]:
    """Read an export, less the revisions, which are new ones after an import."""
    lines = [json.loads(line) for line in text.splitlines()]
    assert "trailer" in lines.pop()
    return [{name: value for name, value in line.items() if name != "rev"} for line in lines]


def test_a_sound_store_is_said_to_be() -> None:
    result = run("check", "--store", made("a.db"))
    assert (result.exit_code, result.output) == (0, "a.db is sound: 7 records, revision 7\n")


@pytest.mark.parametrize(
    ("statements", "says"),
    [
        (
            ("UPDATE accounts SET company_id = 99",),
            "row 1 of accounts refers to one of companies that is not there",
        ),
        (
            ("UPDATE clients SET balance = 'much' WHERE id = 4",),
            "row 4 of clients: balance does not fit",
        ),
        (("UPDATE counters SET value = 1 WHERE name = 'rev'",), "the counter 'rev' is 1, behind "),
        (
            ("UPDATE counters SET value = 3 WHERE name = 'highest clients'",),
            "the counter 'highest clients' is 3, behind 4 in",
        ),
        (
            (
                "PRAGMA writable_schema = 1",
                "DELETE FROM sqlite_master WHERE type = 'table' AND name = 'users'",
            ),
            "users",
        ),
    ],
    ids=["reference", "value", "revision", "highest", "table"],
)
def test_each_kind_of_damage_is_told_with_status_1(statements: tuple[str, ...], says: str) -> None:
    store = made("a.db")
    spoiled("a.db", *statements)
    result = run("check", "--store", store)
    assert (result.exit_code, result.stdout) == (1, "")
    assert says in result.stderr


def test_an_index_that_is_not_the_tables_is_found() -> None:
    store = made("a.db")
    with closing(sqlite3.connect("a.db")) as connection:
        roots = [
            root
            for [root] in connection.execute(
                "SELECT rootpage FROM sqlite_master WHERE name LIKE '%autoindex_accounts%'"
            )
        ]
        [[size]] = connection.execute("PRAGMA page_size")
    with Path("a.db").open("r+b") as file:
        for root in roots:
            file.seek((root - 1) * size)
            index = file.read(size)
            assert b"admin" in index
            file.seek((root - 1) * size)
            file.write(index.replace(b"admin", b"nimda"))
    result = run("check", "--store", store)
    assert (result.exit_code, result.stdout) == (1, "")
    assert "missing from index" in result.stderr


def test_what_is_no_store_is_refused_in_one_line() -> None:
    Path("noise.db").write_bytes(b"noise " * 1000)
    spoiled("other.db", "CREATE TABLE pets (name)")
    made("newer.db")
    spoiled("newer.db", "UPDATE schema_version SET version = 1000")
    for command in (["check"], ["backup", "b.db"], ["export"]):
        assert "there is no store nowhere.db" in refused(
            1, *command, "--store", "sqlite:nowhere.db"
        )
        assert "noise.db cannot be used as a store" in refused(
            1, *command, "--store", "sqlite:noise.db"
        )
        assert "is no store of sockcrud" in refused(1, *command, "--store", "sqlite:other.db")
        assert "has schema_version 1000" in refused(1, *command, "--store", "sqlite:newer.db")
    assert not Path("nowhere.db").exists()
    assert not Path("b.db").exists()


@pytest.mark.parametrize(
    "command",
    [["check"], ["backup", "b.db"], ["export"], ["import", "old"], ["accounts", "passwd", "x"]],
)
def test_a_store_in_memory_and_a_setting_that_is_none_are_wrong_use(command: list[str]) -> None:
    assert refused(2, *command) == "Error: memory: has no file: name one with --store sqlite:PATH\n"
    assert "expected memory: or sqlite:PATH" in refused(2, *command, "--store", "no/place")
    assert "cannot read nowhere.cfg" in refused(2, *command, "--config", "nowhere.cfg")


def test_the_store_of_the_settings_is_meant_where_none_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made("a.db")
    Path("tap.cfg").write_text("[sockcrud]\nstore = sqlite:a.db\n")
    assert run("check").output.startswith("a.db is sound")
    monkeypatch.setenv("SOCKCRUD_STORE", made("b.db"))
    assert run("check").output.startswith("b.db is sound")


def test_a_backup_of_an_open_store_is_a_store_with_all_that_was_committed() -> None:
    store = made("a.db")
    with held("a.db") as (opened, turns):
        turns.finish(opened.update(Account, 1, login="boss"))
        assert run("backup", "b.db", "--store", store).exit_code == 0
    assert stat.S_IMODE(Path("b.db").stat().st_mode) == 0o600
    assert run("check", "--store", "sqlite:b.db").output == "b.db is sound: 7 records, revision 8\n"
    assert run("export", "--store", "sqlite:b.db").stdout == run("export", "--store", store).stdout
    before = Path("b.db").read_bytes()
    assert "b.db exists already" in refused(1, "backup", "b.db", "--store", store)
    assert Path("b.db").read_bytes() == before


def test_an_export_with_secrets_makes_the_same_store_anew() -> None:
    store = made("a.db")
    with held("a.db"):
        assert run("export", "all.jsonl", "--secrets", "--store", store).exit_code == 0
    assert stat.S_IMODE(Path("all.jsonl").stat().st_mode) == 0o600
    result = run("import", "all.jsonl", "--store", "sqlite:b.db")
    assert (result.exit_code, result.stdout) == (
        0,
        "6 records are imported: 2 Message, 2 Client, 1 Company, 1 Account\n",
    )
    again = run("export", "--secrets", "--store", "sqlite:b.db").stdout
    assert records(again) == records(Path("all.jsonl").read_text(encoding="utf-8"))
    with held("b.db") as (opened, turns):
        directory = Directory(opened, Passwords(InThisThread()), turns)
        assert turns.finish(directory.authenticate("admin", digest_of(OLD), "")).id == 1
    assert "all.jsonl: File exists" in refused(1, "export", "all.jsonl", "--store", store)


def test_an_export_without_secrets_has_no_hash() -> None:
    text = run("export", "--store", made("a.db")).stdout
    assert "argon2" not in text
    assert [record["kind"] for record in records(text)] == [
        "Message",
        "Message",
        "Client",
        "Client",
        "Company",
        "Account",
    ]


def test_an_import_with_faults_tells_them_all_and_changes_nothing() -> None:
    store = made("a.db")
    before = run("export", "--secrets", "--store", store).stdout
    Path("bad").write_text(
        '{"kind":"Message","id":7,"data":"good"}\n{"kind":"Message","id":1,"data":"x"}\n\nnonsense\n'
    )
    result = run("import", "bad", "--store", store)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.splitlines() == [
        "Error: 2 faults, and nothing was imported",
        "line 2, id: expected an id that is free",
        "line 4, all of it: expected a JSON object in UTF-8",
    ]
    assert run("export", "--secrets", "--store", store).stdout == before
    assert run("import", "bad", "--store", "sqlite:new.db").exit_code == 1
    assert list(Path().glob("new.db*")) in ([], [Path("new.db-lock")])  # which means nothing
    assert "nowhere: No such file" in refused(1, "import", "nowhere", "--store", store)


def test_a_store_that_a_daemon_has_is_not_changed_beside_it() -> None:
    store = made("a.db")
    Path("more").write_text('{"kind":"Message","id":7,"data":"good"}\n')
    with held("a.db"):
        for command in (
            ["import", "more"],
            ["accounts", "passwd", "admin", "--password-file", "new"],
        ):
            said = refused(1, *command, "--store", store)
            assert "is in use by another process" in said
            assert "stop the daemon first" in said
    assert run("import", "more", "--store", store).exit_code == 0


def test_a_new_password_is_the_only_one_and_ends_the_sessions() -> None:
    store = made("a.db")
    result = run("accounts", "passwd", "admin", "--password-file", "new", "--store", store)
    assert (result.exit_code, result.output) == (0, "admin has a new password, and no sessions\n")
    with held("a.db") as (opened, turns):
        passwords = Passwords(InThisThread())
        hash = turns.finish(opened.get(Account, 1)).password_hash
        assert turns.finish(passwords.verify(digest_of(NEW), hash))
        assert not turns.finish(passwords.verify(digest_of(OLD), hash))
        assert turns.finish(opened.count(Session)) == 0


def test_a_new_password_is_refused_where_it_cannot_be() -> None:
    store = made("a.db")
    Path("short").write_text("x\n")
    passwd = ("accounts", "passwd", "admin", "--store", store)
    assert "no account has the login name nobody" in refused(
        1, "accounts", "passwd", "nobody", "--password-file", "new", "--store", store
    )
    assert "password: expected 8 characters or more" in refused(
        1, *passwd, "--password-file", "short"
    )
    assert "nowhere: No such file" in refused(1, *passwd, "--password-file", "nowhere")
    assert "nobody can be asked" in refused(2, *passwd)
    assert "there is no store b.db" in refused(
        1, "accounts", "passwd", "admin", "--store", "sqlite:b.db"
    )


def test_an_import_comes_from_a_pipe_as_from_a_file() -> None:
    store = made("a.db")
    result = run("import", "-", "--store", store, input='{"kind":"Message","id":7,"data":"good"}\n')
    assert (result.exit_code, result.stdout) == (0, "1 records are imported: 1 Message\n")
    assert '"data":"good"' in run("export", "--store", store).stdout


def test_a_new_password_is_asked_for_twice() -> None:
    store = made("a.db")
    with mock.patch("sockcrud.cli.passwords.somebody_is_there", return_value=True):
        result = run(
            "accounts", "passwd", "admin", "--store", store, input=f"{NEW}\nanother\n{NEW}\n{NEW}\n"
        )
    assert (result.exit_code, result.stdout) == (0, "admin has a new password, and no sessions\n")
    assert NEW not in result.output
    with held("a.db") as (opened, turns):
        hash = turns.finish(opened.get(Account, 1)).password_hash
        assert turns.finish(Passwords(InThisThread()).verify(digest_of(NEW), hash))


def test_a_long_work_is_told_in_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "SHORT", 0.0)
    result = run("export", "all.jsonl", "--store", made("a.db"))
    assert "exporting: 100 % (6 of 6)\n" in result.stderr


def test_a_running_daemon_is_copied_checked_exported_and_filled(tmp_path: Path) -> None:
    flags = ("--store", "sqlite:a.db", "--demo", "--admin-password-file", "old")
    with Daemon(tmp_path, *flags) as daemon:
        port = ("--url", f"http://127.0.0.1:{daemon.ports['admin']}", "--password-file", "old")
        assert run("check", "--store", "sqlite:a.db").exit_code == 0
        assert run("backup", "b.db", "--store", "sqlite:a.db").exit_code == 0
        assert run("check", *port).output == f"the store of {port[1]} is sound\n"
        assert run("backup", "c.db", *port).output.startswith(
            f"the store of {port[1]} is copied to c.db: "
        )
        assert stat.S_IMODE(Path("c.db").stat().st_mode) == 0o600
        assert run("check", "--store", "sqlite:c.db").exit_code == 0
        assert "c.db: File exists" in refused(1, "backup", "c.db", *port)
        assert run("export", "all.jsonl", "--secrets", *port).exit_code == 0
        assert records(Path("all.jsonl").read_text(encoding="utf-8")) == records(
            run("export", "--secrets", "--store", "sqlite:b.db").stdout
        )

        Path("more").write_text(
            "".join(
                f'{{"kind":"Message","id":{id},"data":"{"x" * 500}"}}\n' for id in range(10, 5010)
            )
        )
        result = run("import", "more", *port)
        assert (result.exit_code, result.stdout) == (
            0,
            "5,000 records are imported: 5,000 Message\n",
        )
        assert run("export", *port).stdout.count('"kind":"Message"') == 5002  # more than one piece
        result = run("import", "more", *port)
        assert (result.exit_code, result.stderr.splitlines()[1]) == (
            1,
            "line 1, id: expected an id that is free",
        )

        assert "the login or the password is wrong" in refused(
            1, "export", *port[:2], "--password-file", "new"
        )
        assert "is in use by another process" in refused(
            1, "import", "more", "--store", "sqlite:a.db"
        )
        assert daemon.stop() == 0
    assert run("check", "--store", "sqlite:a.db").exit_code == 0
    with held("a.db") as (opened, turns):
        assert turns.finish(opened.count(Session)) == 0  # each command has logged out


def test_a_port_that_does_not_answer_is_status_3_and_one_that_cannot_be_is_wrong_use() -> None:
    with taken_port() as silent:
        pass
    assert f"127.0.0.1:{silent}: " in refused(
        3, "export", "--url", f"http://127.0.0.1:{silent}", "--password-file", "old"
    )
    for url in (
        "no/place",
        "ftp://127.0.0.1",
        "http://",
        "http://a:b@127.0.0.1",
        "http://127.0.0.1:x",
    ):
        assert "Error: --url" in refused(2, "export", "--url", url, "--password-file", "old")
    assert "name one" in refused(2, "export", "--url", "http://127.0.0.1", "--store", "sqlite:a.db")
    assert "belong to --url" in refused(2, "export", "--login", "admin", "--store", "sqlite:a.db")


def test_help_teaches_by_example() -> None:
    for command in (*COMMANDS, export, import_):
        words = ["accounts", "passwd"] if command.name == "passwd" else [command.name or ""]
        assert f"\n  sockcrud {' '.join(words)} " in run(*words, "--help").output
