# mypy: allow-untyped-calls
"""How a node starts on PostgreSQL: its tables, made once whoever starts with it, and why it does
not start.
"""

from __future__ import annotations

import os
import re
import socket
import subprocess
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest import mock

import psycopg
import pytest
from click.testing import CliRunner, Result
from psycopg.conninfo import conninfo_to_dict
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.apps.messages.records import Message
from sockcrud.cli.main import main
from sockcrud.config import ConfigError, format_settings, load
from sockcrud.errors import HistoryGone
from sockcrud.identity.accounts import Directory
from sockcrud.identity.passwords import InThisThread, Passwords, digest_of
from sockcrud.identity.records import Account
from sockcrud.identity.sessions import Sessions
from sockcrud.storage.capacity import MIB, Capacity
from sockcrud.storage.common import StoreError
from sockcrud.storage.history import CHANGE_BYTES
from sockcrud.storage.postgres import schema as postgres_schema
from sockcrud.storage.postgres import store as postgres
from sockcrud.storage.postgres.pool import Limits
from sockcrud.storage.postgres.schema import prepare
from sockcrud.storage.postgres.store import FORGOTTEN_BYTES, PostgresStore
from sockcrud.storage.postgres.url import without_password
from sockcrud.storage.weights import weight
from tests.storage.postgres.postgres_case import PostgresCase, opened
from tests.storage.sqlite.sqlite_case import settled, the_reactor
from tests.support import postgres_kit
from tests.support.model import STANDARD
from tests.support.running import SERVE, Daemon, environment

LIMITS = Limits()


class TablesTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.url = postgres_kit.new_database()
        self.addCleanup(postgres_kit.drop_database, self.url)

    def refused(self, url: str) -> str:
        error = str(self.assertRaises(StoreError, prepare, url, STANDARD, LIMITS))
        self.assertNotIn("\n", error)
        return error

    def execute(self, *statements: str) -> list[tuple[object, ...]]:
        return postgres_kit.execute(self.url, *statements)

    def a_newer_version(self, *statements: str) -> AbstractContextManager[object]:
        def migrate(connection: psycopg.Connection[Any]) -> None:
            for statement in statements:
                connection.execute(statement.encode())

        version = postgres_schema.VERSION
        return mock.patch.multiple(
            postgres_schema, VERSION=version + 1, MIGRATIONS={version: migrate}
        )

    def test_nodes_that_start_at_the_same_time_make_the_tables_once(self) -> None:
        with ThreadPoolExecutor(10) as threads:
            warned = list(threads.map(lambda _: prepare(self.url, STANDARD, LIMITS), range(10)))
        self.assertEqual(len(warned), 10)
        self.assertEqual(
            self.execute("SELECT version FROM schema_version"), [(postgres_schema.VERSION,)]
        )
        self.assertEqual(self.execute("SELECT rev FROM state"), [(0,)])

    def test_nodes_of_a_newer_version_that_start_at_the_same_time_migrate_once(self) -> None:
        prepare(self.url, STANDARD, LIMITS)
        way = (
            "ALTER TABLE messages ADD COLUMN seen integer NOT NULL DEFAULT 0",
            "UPDATE messages SET seen = seen + 1",
        )
        self.execute("INSERT INTO messages (id, rev, data) VALUES (1, 1, 'x')")
        with self.a_newer_version(*way), ThreadPoolExecutor(10) as threads:
            list(threads.map(lambda _: prepare(self.url, STANDARD, LIMITS), range(10)))
            self.assertEqual(
                self.execute("SELECT version FROM schema_version"), [(postgres_schema.VERSION,)]
            )
        self.assertEqual(self.execute("SELECT seen FROM messages"), [(1,)])

    def test_a_migration_that_fails_leaves_everything_as_it_was(self) -> None:
        prepare(self.url, STANDARD, LIMITS)
        way = (
            "ALTER TABLE messages ADD COLUMN seen integer",
            "ALTER TABLE nowhere ADD COLUMN seen integer",
        )
        with self.a_newer_version(*way):
            self.assertIn('relation "nowhere" does not exist', self.refused(self.url))
        self.assertEqual(
            self.execute("SELECT version FROM schema_version"), [(postgres_schema.VERSION,)]
        )
        prepare(self.url, STANDARD, LIMITS)

    def test_keys_that_were_not_normalized_are_made_anew_and_of_two_that_clash_both_are_named(
        self,
    ) -> None:
        prepare(self.url, STANDARD, LIMITS)
        companies = (("ＡＣＭＥ", "ａｃｍｅ"), ("STRASSE", "strasse"), ("ﬁne", "fine"), ("ﬁ", "ﬁ"))
        for id, (name, key) in enumerate(companies, 1):
            self.execute(
                f"INSERT INTO companies (id, rev, name, active, name_key) VALUES ({id}, 1, "
                f"'{name}', true, '{key}')"
            )
        self.execute("UPDATE schema_version SET version = 1")
        prepare(self.url, STANDARD, LIMITS)
        keys = self.execute("SELECT name_key FROM companies ORDER BY id")
        self.assertEqual(keys, [("acme",), ("strasse",), ("fine",), ("fi",)])
        self.execute(
            "UPDATE schema_version SET version = 1",
            "UPDATE companies SET name = 'FINE', name_key = 'x' WHERE id = 4",
        )
        refusal = self.refused(self.url)
        self.assertIn(
            r"Company 3 and 4 have the same name now, '\ufb01ne' and 'FINE': change one of them",
            refusal,
        )
        self.assertEqual(self.execute("SELECT version FROM schema_version"), [(1,)])

    def test_tables_of_a_newer_version_are_refused(self) -> None:
        prepare(self.url, STANDARD, LIMITS)
        self.execute("UPDATE schema_version SET version = 99")
        self.assertIn("from a newer sockcrud: its schema_version is 99", self.refused(self.url))

    def test_the_tables_of_another_program_are_left_alone(self) -> None:
        self.execute("CREATE TABLE users (name text)")
        self.assertIn(
            "User is new, and the store has a table users already, which is not sockcrud's",
            self.refused(self.url),
        )
        self.assertEqual(
            self.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"), [(1,)]
        )

    def test_tables_that_counted_nothing_are_counted(self) -> None:
        prepare(self.url, STANDARD, LIMITS)
        self.execute(
            "INSERT INTO messages (id, rev, data) VALUES (1, 1, repeat('a', 1000)), (2, 2, "
            "repeat('é', 1000))",
            *(
                f"INSERT INTO changes VALUES ({number}, {number}, 'Message', {number}, '{{}}', 0)"
                for number in (1, 2, 3)
            ),
            "UPDATE state SET rev = 3, journaled = 3, highest_messages = 2",
            "ALTER TABLE changes DROP COLUMN bytes_before",
            *(
                f"ALTER TABLE state DROP COLUMN {name}"
                for name in ("size_messages", "stored", "journaled_bytes")
            ),
            "UPDATE schema_version SET version = 2",
        )
        prepare(self.url, STANDARD, LIMITS)
        messages = [Message(id=1, rev=1, data="a" * 1000), Message(id=2, rev=2, data="é" * 1000)]
        stored = sum(weight(Message, message) for message in messages)
        counted = self.execute(
            "SELECT size_messages, size_users, stored, journaled_bytes FROM state"
        )
        self.assertEqual(counted, [(2, 0, stored, 3 * (CHANGE_BYTES + 2))])
        bytes_before = [
            bytes for (bytes,) in self.execute("SELECT bytes_before FROM changes ORDER BY number")
        ]
        self.assertEqual(bytes_before, [number * (CHANGE_BYTES + 2) for number in range(3)])
        with self.assertRaises(psycopg.errors.NotNullViolation):  # as a node of before would write
            self.execute("INSERT INTO changes (number, rev, kind, id) VALUES (4, 4, 'Message', 4)")

    def test_another_programs_schema_version_is_left_alone(self) -> None:
        self.execute(
            "CREATE TABLE schema_version (version text)",
            "INSERT INTO schema_version VALUES ('abc')",
        )
        self.assertIn("schema_version is not sockcrud's", self.refused(self.url))

    def test_the_schema_that_the_url_names_is_used(self) -> None:
        url = f"{self.url}&options=-csearch_path%3Dshop"
        self.assertIn("no schema has been selected to create in", self.refused(url))
        self.execute("CREATE SCHEMA shop", "CREATE TABLE users (name text)")
        store = opened(url)
        settled(store.insert(Message, data="x"))
        settled(store.close())
        self.assertEqual(self.execute("SELECT data FROM shop.messages"), [("x",)])

    def test_a_service_says_where_the_database_is(self) -> None:
        with TemporaryDirectory() as directory:
            file = Path(directory) / "services"
            parameters = "".join(
                f"{name}={value}\n" for name, value in conninfo_to_dict(self.url).items()
            )
            file.write_text(f"[other]\nhost=192.0.2.1\n[shop]\n{parameters}")
            with mock.patch.dict(os.environ, PGSERVICEFILE=str(file)):
                store = opened("postgresql:///?service=shop")
                settled(store.insert(Message, data="x"))
                settled(store.close())
                self.assertIn(
                    "cannot be used as a store", self.refused("postgresql:///?service=nowhere")
                )
                self.assertNotIn("PGSERVICE", os.environ)
        self.assertEqual(self.execute("SELECT data FROM messages"), [("x",)])

    def test_a_database_that_is_not_in_utf8_is_refused(self) -> None:
        name = "sockcrud_test_latin"
        postgres_kit.execute(
            self.url,
            f"CREATE DATABASE {name} ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE "
            f"template0",
        )
        url = postgres_kit.make_url(name)
        self.addCleanup(postgres_kit.drop_database, url)
        self.assertIn("its encoding is LATIN1", self.refused(url))

    def test_what_endangers_the_stores_promises_is_warned_of(self) -> None:
        [[fsync]] = self.execute("SHOW fsync")  # the tests' own server has none
        self.assertEqual(
            "fsync = off" in " ".join(prepare(self.url, STANDARD, LIMITS).dangers), fsync == "off"
        )
        self.execute(
            f'ALTER DATABASE "{self.execute("SELECT current_database()")[0][0]}" SET '
            f"synchronous_commit = off"
        )
        self.assertRegex(
            " ".join(prepare(self.url, STANDARD, LIMITS).dangers),
            "synchronous_commit = off: a crash of it takes back changes",
        )


class RestartTests(PostgresCase):
    async def test_another_node_goes_on_with_what_is_there(self) -> None:
        first = await self.store.insert(Message, data="x")
        await self.store.delete(Message, first.id)
        second = await self.store.insert(Message, data="y")
        await self.store.close()
        later = self.another()
        self.assertEqual(await later.page(Message, 10), [second])
        third = await later.insert(Message, data="z")
        self.assertEqual((third.id, third.rev), (second.id + 1, second.rev + 1))
        self.assertEqual([change.rev for change in await later.changes(0, 10)], [1, 2, 3, 4])

    async def test_old_changes_are_deleted_and_the_others_stay(self) -> None:
        store = opened(self.url, history=100)
        for part in range(4):
            for _ in range(10):
                await store.transact(lambda transaction: _insert_many(transaction, 60))
            self.assertEqual(len(await store.changes(600 * (part + 1) - 100, 1_000)), 100)
        await store.close()
        self.assertLess(postgres_kit.execute(self.url, "SELECT count(*) FROM changes")[0][0], 1_500)

    async def test_changes_are_deleted_by_their_bytes_too(self) -> None:
        store = opened(self.url, capacity=Capacity(history_bytes=MIB))
        message = await store.insert(Message, data="x")
        for number in range(220):
            await store.update(Message, message.id, data=f"{number:10}" + "\U0001f600" * 9_990)
        await store.close()
        [(count, bytes)] = postgres_kit.execute(
            self.url, "SELECT count(*), sum(octet_length(record)) FROM changes"
        )
        self.assertIn(count, range(26, 140))
        self.assertLess(bytes, FORGOTTEN_BYTES + 2 * MIB)

    async def test_however_many_changes_are_too_old_all_are_deleted(self) -> None:
        store = opened(self.url, history=100)
        with mock.patch.object(postgres, "DELETED_TOGETHER", 300):
            await store.transact(lambda transaction: _insert_many(transaction, 1_200))
            await store.close()
        self.assertEqual(postgres_kit.execute(self.url, "SELECT count(*) FROM changes"), [(101,)])

    async def test_what_another_node_has_deleted_is_not_stepped_over(self) -> None:
        strict, loose = opened(self.url, history=100), self.another()
        for _ in range(20):
            await strict.transact(lambda transaction: _insert_many(transaction, 60))
        await strict.close()
        [(oldest, newest)] = postgres_kit.execute(
            self.url, "SELECT min(rev), max(rev) FROM changes"
        )
        self.assertGreater(oldest, 1)
        self.assertEqual(
            [change.rev for change in await loose.changes(oldest - 1, 2_000)],
            list(range(oldest, newest + 1)),
        )
        with self.assertRaises(HistoryGone) as caught:
            await loose.changes(oldest - 2, 2_000)
        self.assertEqual((caught.exception.oldest, caught.exception.newest), (oldest - 1, newest))
        postgres_kit.execute(self.url, "DELETE FROM changes")
        self.assertEqual(await loose.changes(newest, 10), [])
        with self.assertRaises(HistoryGone):
            await loose.changes(newest - 1, 10)


async def _insert_many(transaction: object, number: int) -> None:
    for _ in range(number):
        await transaction.insert(Message, data="x")  # type: ignore[attr-defined]


SECRETS = re.compile("hunter2|PW1|PW2")
WELL_WRITTEN = (
    "postgresql://ana:hunter2@db.example.org:5432/shop",
    "postgres://ana:hunter2@one,two:5433/shop?sslmode=require",
    "postgresql://ana:PW1:PW2@db/shop",
    "postgresql://ana:PW1%40PW2@db/shop",
    "postgresql:///shop?user=ana&password=hunter2",
    "postgresql:///shop?user=ana&p%61ssword=hunter2",
    "postgresql://db/shop?sslpassword=hunter2&user=ana",
    "postgresql://db/shop?user=ana&scram_client_key=hunter2&PASSWORD=PW1",
    "postgresql://ana:hunter2@[::1]:5432/shop?application_name=x",
)
BADLY_WRITTEN = (
    "PostgreSQL://ana:hunter2@db/shop",
    "POSTGRES://ana:hunter2@db/shop",
    "host=db user=ana password=hunter2",
    "host=db user=ana password='PW1 PW2'",
    "postgresql://ana:PW1@PW2@db/shop",
    "postgresql://ana:PW1/PW2@db/shop",
    "postgresql://ana:PW1 PW2@db/shop",
    "postgresql://ana@PW1:PW2@db/shop",
    "postgresql://db:PW1/shop",
    "postgresql://db/shop?password=PW1@PW2",
    "postgresql:/ana:hunter2@db/shop",
    "postgresq://ana:hunter2@db/shop",
    "mysql://ana:hunter2@db/shop",
    " postgresql://ana:hunter2@db/shop",
    "'postgresql://ana:hunter2@db/shop'",
    "sqlite:postgresql://ana:hunter2@db/shop",
    "sqlite://ana:hunter2@db/shop",
)


class SecretsTests(SynchronousTestCase):
    def test_no_password_of_a_url_is_shown(self) -> None:
        for url in WELL_WRITTEN:
            self.assertIn("ana", without_password(url))
            self.assertIn("***", without_password(url))
            self.assertNotRegex(without_password(url), SECRETS)
            self.assertNotRegex(format_settings(load({"store": url}, {})), SECRETS)
            self.assertNotRegex(repr(load({"store": url}, {})), SECRETS)
        for text in (
            *(
                "memory:",
                "sqlite:shop.db",
                "sqlite:/var/pass=1",
                "sqlite:///shop.db",
                "postgresql://ana@db/shop",
                "postgresql://db/shop",
                "postgresql:///?service=shop",
            ),
            *(
                "postgresql://a.org,[::1]:5433/shop?passfile=/etc/pass&options=-csearch_path%3Dshop",
                "postgresql://%2Frun/shop",
            ),
        ):
            self.assertEqual(without_password(text), text)
            self.assertEqual(load({"store": text}, {}).settings.store, text)

    def test_a_store_that_cannot_be_used_is_refused_without_being_shown(self) -> None:
        for text in BADLY_WRITTEN:
            for given, environ in (
                ({"store": text}, {}),
                (dict[str, str](), {"SOCKCRUD_STORE": text}),
            ):
                error = str(self.assertRaises(ConfigError, load, given, environ))
                self.assertRegex(
                    error,
                    "store: expected memory: or sqlite:PATH or postgresql://USER@HOST/DATABASE",
                )
                self.assertNotRegex(error, SECRETS)

    def test_a_store_in_the_wrong_place_is_not_shown_either(self) -> None:
        for text in (*WELL_WRITTEN, *BADLY_WRITTEN):
            self.assertNotRegex(
                str(self.assertRaises(ConfigError, load, {"max_body": text}, {})), SECRETS
            )

    def test_no_line_of_a_file_is_shown(self) -> None:
        with TemporaryDirectory() as directory:
            file = Path(directory) / "tap.cfg"
            for url in (*WELL_WRITTEN, *BADLY_WRITTEN):
                for line in (
                    f"store {url}",
                    f"store = {url}",
                    url,
                    f"[{url}]",
                    f"[sockcrud]\n[sockcrud]\nstore={url}",
                ):
                    for before in (
                        "[sockcrud]\n",
                        "",
                        "[sockcrud]\nstore = memory:\n",
                        "[sockcrud]\nstore:\n",
                    ):
                        file.write_text(f"{before}{line}\n")
                        try:
                            loaded = load({}, {}, str(file))
                        except ConfigError as error:
                            self.assertNotRegex(str(error), SECRETS)
                        else:
                            self.assertNotRegex(format_settings(loaded), SECRETS)

    def test_no_command_shows_one(self) -> None:
        for url in BADLY_WRITTEN:
            for words in (
                *(
                    ["serve", "--store", url],
                    ["serve", url],
                    ["serve", "--check-config", "--store", url],
                ),
                *(
                    ["check", "--store", url],
                    ["check", url],
                    ["backup", "x", "--store", url],
                    ["export", "--store", url],
                ),
                *(
                    ["export", "x", url],
                    ["import", url],
                    ["import", "-", "--store", url],
                    ["passwd", "ana", "--store", url],
                ),
                *(
                    ["move", url, "sqlite:x"],
                    ["move", "sqlite:x", url],
                    ["move", "x", "y", url],
                    ["check", "--url", url],
                ),
                *(
                    ["accounts", "passwd", "ana", "--store", url],
                    ["monitor", url],
                    ["users", "list", "--at", url],
                    [url],
                ),
            ):
                result = CliRunner().invoke(main, words, catch_exceptions=False)
                self.assertNotEqual(result.exit_code, 0, words)
                self.assertNotRegex(result.output, SECRETS, words)


def test_without_a_database_the_daemon_ends_with_one_line_and_status_1(tmp_path: Path) -> None:
    for url, says in (
        (
            "postgresql://ana:secret@127.0.0.1:1/shop",
            "postgresql://ana:***@127.0.0.1:1/shop cannot be used as a store",
        ),
        (
            "postgresql://ana:sec%zzret@db/shop",
            "the store's URL cannot be used: expected postgresql://",
        ),
        (
            "postgresql://ana:secret@db/shop?colour=red",
            "the store's URL cannot be used: expected postgresql://",
        ),
    ):
        command = [*SERVE, "--store", url]
        done = subprocess.run(
            command, capture_output=True, text=True, cwd=tmp_path, env=environment(), timeout=60
        )
        assert done.returncode == 1
        [line] = done.stderr.strip().splitlines()
        assert line.startswith(f"sockcrud: {says}")
        assert "sec" not in line.replace("second", "")


class CommandsTests(PostgresCase):
    """The commands for a store as a whole, on one in PostgreSQL that others have open."""

    def run_command(self, *words: str) -> Result:
        return CliRunner().invoke(main, [*words, "--store", self.url])

    def test_a_new_password_can_be_set_while_nodes_run(self) -> None:
        directory = Directory(self.store, Passwords(InThisThread()), the_reactor())
        self.settle(directory.create("ana", digest_of("the old password")))
        file = self.mktemp()
        Path(file).write_text("quite another password", encoding="utf-8")
        result = self.run_command("accounts", "passwd", "ana", "--password-file", file)
        self.assertEqual(
            (result.exit_code, result.stdout), (0, "ana has a new password, and no sessions\n")
        )
        account = self.settle(
            directory.authenticate("ana", digest_of("quite another password"), "")
        )
        self.assertEqual(account.login, "ana")
        nobody = self.run_command("accounts", "passwd", "eva", "--password-file", file)
        self.assertEqual((nobody.exit_code, nobody.stdout), (1, ""))

    def test_records_are_imported_while_nodes_run(self) -> None:
        lines = [f'{{"kind":"Message","id":{number},"data":"x"}}\n' for number in range(1, 451)]
        file = self.mktemp()
        Path(file).write_text("".join(lines), encoding="utf-8")
        result = self.run_command("import", file)
        self.assertEqual(
            (result.exit_code, result.stdout), (0, "450 records are imported: 450 Message\n")
        )
        self.assertEqual(self.settle(self.store.get(Message, 450)).data, "x")
        again = self.run_command("import", file)
        self.assertEqual(again.exit_code, 1)
        self.assertIn("line 1, id: expected an id that is free", again.stderr)

    def test_what_needs_a_file_says_that_there_is_none(self) -> None:
        result = CliRunner().invoke(
            main, ["check", "--store", "postgresql://ana:hidden-word@db/shop"]
        )
        self.assertEqual(result.exit_code, 2)
        self.assertIn("postgresql://ana:***@db/shop is a database and has no file", result.stderr)
        self.assertNotIn("hidden-word", result.output)


def ask(connection: socket.socket, method: str, body: str = "") -> bytes:
    """Send one of the members' requests, without Host, on a connection that stays open; give its
    answer.
    """
    connection.sendall(f"{method} / HTTP/1.1\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())
    answer = b""
    while b"\r\n\r\n" not in answer:
        answer += connection.recv(65536)
    head, _, rest = answer.partition(b"\r\n\r\n")
    length = next(
        int(line[15:])
        for line in head.lower().split(b"\r\n")
        if line.startswith(b"content-length:")
    )
    while len(rest) < length:
        rest += connection.recv(65536)
    return head + rest


async def end_all_sessions(store: PostgresStore) -> int:
    sessions = Sessions(store, the_reactor())
    return sum([await sessions.end_all(account.id) for account in await store.page(Account, 100)])


@pytest.mark.parametrize("twistd", [False, True])
def test_two_daemons_serve_one_database(tmp_path: Path, twistd: bool) -> None:
    url = postgres_kit.new_database()
    directories = [tmp_path / name for name in ("one", "two")]
    for directory in directories:
        directory.mkdir()
    try:
        with (
            Daemon(directories[0], "--store", url, twistd=twistd) as one,
            Daemon(directories[1], "--store", url, twistd=twistd) as two,
        ):
            one.ask("messages", '{"op":"adicionar","id":7,"data":"hello"}')
            assert "hello" in two.ask("messages", '{"op":"mostrar"}')
            assert [one.stop(), two.stop()] == [0, 0]
    finally:
        postgres_kit.drop_database(url)


class LoggedOutTests(PostgresCase):
    """The open connections of a daemon, when another node ends their sessions."""

    def test_an_open_connection_is_logged_out_as_soon_as_another_node_ends_its_session(
        self,
    ) -> None:
        with (
            TemporaryDirectory() as directory,
            Daemon(Path(directory), "--store", self.url) as daemon,
            daemon.connect("members") as connection,
        ):
            member = '{"email":"ana@example.org","password":"correct horse battery"}'
            self.assertIn(b" 201 ", ask(connection, "PUT", member))
            self.assertIn(b" 200 ", ask(connection, "POST", member))
            self.assertIn(b"ana@example.org", ask(connection, "GET"))
            self.assertEqual(self.settle(end_all_sessions(self.store)), 1)
            self.assertIn(b" 403 ", ask(connection, "GET"))
            self.assertEqual(daemon.stop(), 0)
