# mypy: allow-untyped-calls
"""A store takes in a new kind and a new field, and what the records that are there keep to; it
refuses all else.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Awaitable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import date, datetime, timezone
from decimal import Decimal
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar, cast
from unittest import mock

from click.testing import CliRunner
from twisted.trial.unittest import SynchronousTestCase

from sockcrud import Record, caseless, choice, day, flag, moment, money, reference, text, whole
from sockcrud.cli.main import main
from sockcrud.errors import DomainError, NotFound, StillReferred, Taken
from sockcrud.identity.records import Account, Company, KeptAnswer
from sockcrud.ledger.records import Usage
from sockcrud.records import RecordType
from sockcrud.records.schema import Schema
from sockcrud.storage import moving
from sockcrud.storage.common import StoreError, unheard
from sockcrud.storage.contract import IStore, Where
from sockcrud.storage.maintenance.import_rows import Unimportable
from sockcrud.storage.maintenance.postgres import opened_database
from sockcrud.storage.maintenance.record_lines import as_lines, from_lines
from sockcrud.storage.maintenance.transfer import add_records
from sockcrud.storage.memory.store import MemoryStore
from sockcrud.storage.memory.tables import Tables
from sockcrud.storage.postgres import copy as postgres_copy
from sockcrud.storage.postgres.pool import Limits
from sockcrud.storage.postgres.schema import prepare
from sockcrud.storage.sqlite import ends as sqlite_ends
from sockcrud.storage.sqlite import file as sqlite_file
from sockcrud.storage.sqlite.check import faults, opened_to_read, read_records
from sockcrud.storage.sqlite.file import copy
from sockcrud.storage.sqlite.lock import FileLock
from sockcrud.storage.sqlite.store import SqliteStore
from sockcrud.storage.waiting import Turns
from tests.support import postgres_kit
from tests.support.model import STANDARD

T = TypeVar("T")


class Author(Record):
    """Who wrote books."""

    name: str = text(1, 200, unique=caseless)


FIELDS: dict[str, tuple[type, Any]] = {
    "title": (str, lambda: text(1, 200)),
    "isbn": (str, lambda: text(10, 17, unique=True)),
    "year": (int, lambda: whole(1450, 2100)),
    "author_id": (int, lambda: reference(Author)),
}


def kind(name: str, /, **fields: tuple[type, Any]) -> Any:
    """Declare a record with these fields."""
    annotations = {name: type for name, (type, _) in fields.items()}
    return RecordType(
        name,
        (Record,),
        {"__annotations__": annotations, **{name: make() for name, (_, make) in fields.items()}},
    )


def book(**changes: tuple[type, Any] | None) -> Any:
    """Declare a book, with other fields than it usually has; None for one that it has not."""
    return kind(
        "Book",
        **{name: field for name, field in {**FIELDS, **changes}.items() if field is not None},
    )


Book = book()
LIBRARY = Schema([Author, Book])
PAGES = {"pages": (int, lambda: whole(1, 9999, default=100))}
EMMA = {"title": "Emma", "isbn": "0-19-953552-8", "year": 1815, "author_id": 1}
PERSUASION = {**EMMA, "title": "Persuasion", "isbn": "0-19-280263-1", "year": 1817}


def shown(record: Any) -> dict[str, Any]:
    return {name: getattr(record, name) for name in type(record)._names}


class Opened:
    """A store, and what it takes to ask it."""

    def __init__(self, store: IStore, turns: Turns) -> None:
        self.store = store
        self._turns = turns

    def have(self, asked: Awaitable[T]) -> T:
        result: T = self._turns.finish(cast(Any, asked))
        return result

    def add(self, kind: Any, **fields: Any) -> Any:
        return self.have(self.store.insert(kind, **fields))

    def all(self, kind: Any) -> list[dict[str, Any]]:
        return [shown(record) for record in self.have(self.store.page(kind, 1000))]

    def imports(self, *lines: bytes) -> Any:
        return self.have(add_records(self.store, self._turns, from_lines(BytesIO(b"".join(lines)))))


class TakingIn:
    """What each store that lasts does with a schema that is not the one it was made with."""

    @contextmanager
    def opened(self, *kinds: Any) -> Iterator[Opened]:
        raise NotImplementedError

    def fill(self) -> None:
        """Have two books in it, by one author of two."""
        with self.opened(Author, Book) as library:
            library.add(Author, name="Austen")
            library.add(Author, name="Brontë")
            library.add(Book, **EMMA)
            library.add(Book, **PERSUASION)

    def books(self, kind: Any = Book) -> list[dict[str, Any]]:
        with self.opened(Author, kind) as library:
            return library.all(kind)

    def fails(self: Any, error: type[DomainError], library: Opened, asked: Awaitable[Any]) -> Any:
        with self.assertRaises(error) as caught:
            library.have(asked)
        return caught.exception

    def refused(self: Any, *kinds: Any) -> str:
        with self.assertRaises(StoreError) as caught, self.opened(*kinds):
            pass
        line = str(caught.exception)
        self.assertNotIn("\n", line)
        return line

    def test_a_new_kind(self: Any) -> None:
        with self.opened(Author) as library:
            library.add(Author, name="Austen")
        with self.opened(Book, Author) as library:
            self.assertEqual(library.all(Book), [])
            emma = library.add(Book, **EMMA)
            self.assertEqual((emma.id, emma.rev), (1, 2))
            self.assertEqual(
                [change.kind for change in library.have(library.store.changes(1, 10))], [Book]
            )
            self.assertEqual(library.store.unknown_kinds, ())
        with self.opened(Author, Book) as library:
            self.assertEqual(library.all(Book), [{"id": 1, "rev": 2, **EMMA}])
            self.assertEqual(
                library.have(library.store.find(Book, "isbn", EMMA["isbn"])).title, "Emma"
            )
            self.fails(Taken, library, library.store.insert(Book, **EMMA))
            self.fails(
                NotFound, library, library.store.insert(Book, **{**PERSUASION, "author_id": 7})
            )
            self.fails(StillReferred, library, library.store.delete(Author, 1))
            self.assertEqual(library.have(library.store.count(Book)), 1)
            self.assertEqual(library.add(Book, **PERSUASION).id, 2)

    def test_a_new_field_with_a_default(self: Any) -> None:
        self.fill()
        defaults = {
            "pages": 100,
            "shelf": "o'\\",
            "price": Decimal("1.50"),
            "lent": True,
            "bought": date(2024, 2, 29),
            "seen": datetime(2024, 2, 29, 12, tzinfo=timezone.utc),
            "state": "used",
        }
        other = book(
            pages=(int, lambda: whole(1, 9999, default=100)),
            shelf=(str, lambda: text(0, 5, default="o'\\", indexed=True)),
            price=(Decimal, lambda: money(default=Decimal("1.50"))),
            lent=(bool, lambda: flag(default=True)),
            bought=(date, lambda: day(default=date(2024, 2, 29))),
            seen=(datetime, lambda: moment(default=datetime(2024, 2, 29, 12, tzinfo=timezone.utc))),
            state=(str, lambda: choice("new", "used", default="used")),
        )
        before = self.books()
        with self.opened(Author, other) as library:
            self.assertEqual(library.all(other), [{**each, **defaults} for each in before])
            library.have(library.store.update(other, 1, pages=474, lent=False))
            library.add(other, **{**EMMA, "isbn": "another one"}, **{**defaults, "shelf": ""})
            where = Where("shelf", "o'\\")
            self.assertEqual(
                [each.id for each in library.have(library.store.page(other, 9, None, where))],
                [1, 2],
            )
        expected = [(474, False, "o'\\"), (100, True, "o'\\"), (100, True, "")]
        self.assertEqual(
            [(each["pages"], each["lent"], each["shelf"]) for each in self.books(other)], expected
        )

    def test_a_field_without_a_default_where_there_is_no_record(self: Any) -> None:
        with self.opened(Author, Book) as library:
            library.add(Author, name="Austen")
        other = book(pages=(int, lambda: whole(1, 9999)))
        with self.opened(Author, other) as library:
            library.add(other, **EMMA, pages=5)
        self.assertEqual(self.books(other)[0]["pages"], 5)

    def test_words_of_sql_are_names_as_any(self: Any) -> None:
        names = (
            "select",
            "group",
            "table",
            "user",
            "offset",
            "values",
            "default",
            "rowid",
            "oid",
            "key",
            "record",
            "name",
        )
        fields = {name: (str, lambda: text(1, 20, unique=True)) for name in names}
        order = kind("Order", **fields)
        more = kind("Order", **fields, where=(str, lambda: text(0, 5, default="x", indexed=True)))
        with self.opened(order) as store:
            store.add(order, **{name: f"a {name}" for name in names})
            store.have(store.store.update(order, 1, select="from"))
        with self.opened(more) as store:
            self.assertEqual(store.have(store.store.find(more, "select", "from")).where, "x")
            store.have(store.store.delete(more, 1))

    def test_what_the_records_keep_to_already(self: Any) -> None:
        self.fill()
        before = self.books()
        unique = book(
            title=(str, lambda: text(1, 100, unique=caseless)),
            isbn=(str, lambda: text(10, 17, indexed=True)),
        )
        with self.opened(Author, unique) as library:
            self.assertEqual(library.all(unique), before)
            self.fails(Taken, library, library.store.insert(unique, **{**EMMA, "title": "EMMA"}))
            library.add(unique, **{**EMMA, "title": "Emma, again"})
        with self.opened(Author, unique) as library:
            self.assertEqual(len(library.all(unique)), 3)
        exactly = book(
            title=(str, lambda: text(1, 100, unique=True)), isbn=(str, lambda: text(10, 17))
        )
        with self.opened(Author, exactly) as library:
            library.add(exactly, **{**EMMA, "title": "EMMA"})
            self.fails(Taken, library, library.store.insert(exactly, **{**EMMA, "title": "EMMA"}))

    def test_what_is_refused_names_kind_and_field_and_leaves_all_as_it_was(self: Any) -> None:
        self.fill()
        before, new = self.books(), kind("Reader")
        for expected, other in (
            ("Book.year is gone from the record, and the store has it: declare it again, or "
             "export", book(year=None)),
            ("Book.pages is new, and the store has 2 books without it: give it a default",
             book(pages=(int, lambda: whole(1, 9)))),
            (
                "Book.year is to be a whole number from 1816 to 2100, and Book 1 has 1815: let "
                "the field hold it, or run",
                book(year=(int, lambda: whole(1816, 2100))),
            ),
            ("Book.title is to be a text of 1 to 4 characters, and Book 2 has 'Persuasion': ",
             book(title=(str, lambda: text(1, 4)))),
            ("Book.title is to be a text of 1 to 4 characters, and Book 2 has something else: ",
             book(title=(str, lambda: text(1, 4, secret=True)))),
            (
                "Book.author_id is to be unique, and Book 1 and 2 have the same: let it be as it "
                "was",
                book(author_id=(int, lambda: whole(0, 9, unique=True))),
            ),
            ("Book.year is to be a text of 1 to 9 characters, "
             "and ", book(year=(str, lambda: text(1, 9)))),
            ("Book.year is to refer to Author, and Book 1 has 1815, which is none: ",
             book(year=(int, lambda: reference(Author)))),
        ):  # fmt: skip
            with self.subTest(expected):
                # Another kind is taken in with it, or not at all.
                self.assertIn(expected, self.refused(Author, other, new))
                with self.opened(Author, Book) as library:
                    self.assertEqual(library.all(Book), before)
                    self.assertEqual(library.store.unknown_kinds, ())

    def test_a_kind_whose_table_another_has(self: Any) -> None:
        self.fill()
        other = kind("Books")
        said = (
            "Books is new, and the store has a table books already, of the kind Book: rename "
            "the record"
        )
        self.assertIn(said, self.refused(Author, other))

    def test_kinds_of_apps_that_are_not_in_use(self: Any) -> None:
        self.fill()
        before = self.books()
        with self.opened(Author) as library:
            self.assertEqual(library.store.unknown_kinds, ("Book",))
            self.assertEqual(library.store.schema.kinds, (Author,))
            refusal = self.fails(StillReferred, library, library.store.delete(Author, 1))
            self.assertIn("Book", str(refusal))
            library.have(library.store.update(Author, 1, name="Jane Austen"))
            library.have(library.store.delete(Author, 2))
            changes = library.have(library.store.changes(library.store.rev - 1, 10))
            self.assertEqual([change.kind for change in changes], [Author])
        self.assertEqual(self.books(), before)
        with self.opened(Author, Book) as library:
            self.assertEqual(library.add(Book, **{**EMMA, "isbn": "the next one"}).id, 3)

    def test_export_and_import_carry_the_kinds(self: Any) -> None:
        self.fill()
        with self.opened(Author, Book) as library:
            lines = as_lines(library.have(library.store.page(Author, 9))) + as_lines(
                library.have(library.store.page(Book, 9))
            )
        other = book(**PAGES)
        turns = Turns()
        memory = Opened(cast(IStore, MemoryStore(Schema([other, Author]))), turns)
        self.assertEqual(memory.imports(lines), {"Author": 2, "Book": 2})
        self.assertEqual([each["pages"] for each in memory.all(other)], [100, 100])
        plain = Opened(cast(IStore, MemoryStore(Schema([Author]))), turns)
        with self.assertRaises(Unimportable) as caught:
            plain.imports(lines)
        self.assertEqual(
            {(fault.field, fault.expected) for fault in caught.exception.faults},
            {("kind", "Author")},
        )


class SqliteTests(TakingIn, SynchronousTestCase):
    """A file."""

    def setUp(self) -> None:
        directory = TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = Path(directory.name) / "library.db"

    @contextmanager
    def opened(self, *kinds: Any) -> Iterator[Opened]:
        turns = Turns()
        store = SqliteStore.open(self.path, Schema(kinds), turns, self.fail)
        try:
            yield Opened(cast(IStore, store), turns)
        finally:
            turns.finish(store.close())

    @property
    def beside(self) -> list[str]:
        return sorted(
            path.name
            for path in self.path.parent.iterdir()
            if path.name not in ("library.db", "library.db-lock")
        )

    def test_the_file_is_copied_before_it_is_changed_and_only_then(self) -> None:
        self.fill()
        self.assertEqual(self.beside, [])
        other = book(**PAGES)
        for _ in range(2):
            self.books(other)
            self.assertEqual(self.beside, ["library.db-before-Book"])
        self.refused(Author, book(year=None))
        self.assertEqual(self.beside, ["library.db-before-Book"])
        self.path = self.path.with_name("library.db-before-Book")
        self.assertEqual([each["title"] for each in self.books()], ["Emma", "Persuasion"])

    def test_what_is_only_looked_at_again_is_not_copied(self) -> None:
        self.fill()
        self.books(book(year=(int, lambda: whole(1500, 2000))))
        self.assertEqual(self.beside, [])
        self.assertIn(
            "Book.year is to be", self.refused(Author, book(year=(int, lambda: whole(1900, 2000))))
        )

    def test_a_table_that_something_else_has_changed(self) -> None:
        self.fill()
        with closing(sqlite_file.connect(self.path)) as connection:
            connection.execute("ALTER TABLE books ADD COLUMN note TEXT")
        self.assertIn(
            "Book has a table books in the store that is not of a record",
            self.refused(Author, Book),
        )
        with closing(sqlite_file.connect(self.path)) as connection:
            connection.execute("ALTER TABLE books DROP COLUMN note")
            connection.execute("CREATE INDEX mine ON books (title)")
        self.assertEqual(len(self.books()), 2)

    def test_a_daemon_that_is_killed_at_any_statement_leaves_the_old_file_or_the_new_one(
        self,
    ) -> None:
        self.fill()
        whole_file = self.path.with_name("whole")
        copy(self.path, whole_file)
        before, other, reader = self.books(), book(**PAGES), kind("Reader")
        schema = Schema([Author, other, reader])
        statements, ended = 0, False
        while not ended:
            statements += 1
            for path in self.path.parent.glob("library.db*"):
                path.unlink()
            shutil.copy(whole_file, self.path)
            ended = self._dies_at(statements, schema)
            if not self._has_pages():
                with self.opened(Author, Book) as library:
                    self.assertEqual(library.all(Book), before)
            with self.opened(Author, other, reader) as library:
                self.assertEqual(library.all(other), [{**each, "pages": 100} for each in before])
                library.add(reader)
        self.assertGreater(statements, 20)

    def _has_pages(self) -> bool:
        with closing(sqlite_file.connect_to_read(self.path)) as connection:
            return "pages" in [
                name for _, name, *_ in connection.execute("PRAGMA table_info(books)")
            ]

    def _dies_at(self, statement: int, schema: Schema) -> bool:
        """Load the file in a process that dies at one of the statements of whoever may change it.
        Return whether it did not.
        """
        if not (pid := os.fork()):
            try:
                left, real = statement, sqlite_file.connect

                def count(sql: str) -> None:
                    nonlocal left
                    left -= 1
                    if not left:
                        os._exit(9)

                def connect(path: Path) -> Any:
                    connection = real(path)
                    connection.set_trace_callback(count)
                    return connection

                with mock.patch.object(sqlite_file, "connect", connect):
                    sqlite_file.load(FileLock(self.path), Tables(schema, history=0), unheard)
                os._exit(0)
            except BaseException:
                os._exit(1)
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        self.assertIn(status, (0, 9))
        return status == 0

    def test_what_reads_the_file_by_itself(self) -> None:
        self.fill()
        with opened_to_read(self.path, LIBRARY) as file:
            self.assertEqual(
                (file.kinds, file.unknown_kinds, faults(file, unheard)), ((Author, Book), (), [])
            )
            self.assertEqual(sum(map(len, read_records(file, LIBRARY.journaled, unheard))), 4)
        with opened_to_read(self.path, STANDARD) as file:
            self.assertEqual(
                (file.kinds, file.unknown_kinds, faults(file, unheard)),
                ((), ("Author", "Book"), []),
            )
        with self.assertRaisesRegex(
            StoreError, "has Book as declared before: start the daemon on it once"
        ):
            opened_to_read(self.path, Schema([Author, book(**PAGES)])).__enter__()

    def test_commands_say_what_they_leave_out(self) -> None:
        library = Schema([*STANDARD, Author])
        with self.opened(*library) as store:
            store.add(Author, name="Austen")
            store.add(Company, name="ACME", active=True)
        there, other = f"sqlite:{self.path}", f"sqlite:{self.path}-other"
        for words, said in (
            (
                ("check", "--store", there),
                "note: the store has Author of apps that are not in use: their records were not",
            ),
            (
                ("export", "--store", there),
                "note: the store has Author of apps that are not in use: their records are not "
                "exported",
            ),
            (
                ("move", there, other),
                f"note: Author stay behind in {self.path}: they are of apps that are not in use",
            ),
        ):
            result = CliRunner().invoke(main, words)
            self.assertEqual(result.exit_code, 0, result.output)
            self.assertIn(said, result.stderr)
        backup = self.path.with_name("backup.db")
        self.assertEqual(
            CliRunner().invoke(main, ("backup", str(backup), "--store", there)).exit_code, 0
        )
        for path, names in (
            (self.path, ["Austen"]),
            (backup, ["Austen"]),
            (Path(other.removeprefix("sqlite:")), []),
        ):
            self.path = path
            with self.opened(*library) as store:
                self.assertEqual([each["name"] for each in store.all(Author)], names)
                self.assertEqual([each["name"] for each in store.all(Company)], ["ACME"])

    def test_an_app_may_refer_to_an_account(self) -> None:
        loan = kind("Loan", account_id=(int, lambda: reference(Account, cascade=True)))
        account = {
            "login": "ana",
            "password_hash": "!",
            "role": "user",
            "company_id": 1,
            "active": True,
        }
        with self.opened(*STANDARD, loan) as store:
            store.add(Company, name="ACME", active=True)
            for number in (1, 2):
                store.add(Account, **{**account, "login": f"ana{number}"})
                store.add(loan, account_id=number)
            store.have(store.store.delete(Account, 1))
            self.assertEqual([each["account_id"] for each in store.all(loan)], [2])
        with self.opened(*STANDARD) as store:
            self.fails(StillReferred, store, store.store.delete(Account, 2))

    def test_a_file_of_the_version_before_has_the_kinds_that_it_always_had(self) -> None:
        then = [kind for kind in STANDARD if kind not in (KeptAnswer, Usage)]
        with self.opened(*then) as store:
            store.add(Company, name="ACME", active=True)
        with closing(sqlite_file.connect(self.path)) as connection:
            connection.execute("DROP TABLE kinds")
            connection.execute("UPDATE schema_version SET version = 2")
        with self.opened(Company, Author) as store:
            self.assertEqual(len(store.all(Company)), 1)
            self.assertEqual(len(store.store.unknown_kinds), len(then) - 1)
        self.assertEqual(self.beside, ["library.db-version-2"])
        with self.opened(*STANDARD, Author) as store:
            self.assertEqual((len(store.all(Company)), store.store.unknown_kinds), (1, ()))


class PostgresTests(TakingIn, SynchronousTestCase):
    """A database."""

    def setUp(self) -> None:
        self.url = postgres_kit.new_database()
        self.addCleanup(postgres_kit.drop_database, self.url)

    @contextmanager
    def opened(self, *kinds: Any) -> Iterator[Opened]:
        with opened_database(self.url, Schema(kinds)) as (store, turns):
            yield Opened(store, turns)

    def test_nodes_that_start_at_the_same_time_take_it_in_once(self) -> None:
        self.fill()
        schema = Schema([Author, book(**PAGES), kind("Reader")])
        with ThreadPoolExecutor(5) as threads:
            list(threads.map(lambda _: prepare(self.url, schema, Limits()), range(5)))
        self.assertEqual([each["pages"] for each in self.books(schema.by_name["Book"])], [100, 100])

    def test_a_node_that_runs_goes_on_while_another_takes_in_a_field(self) -> None:
        self.fill()
        other = book(**PAGES)
        with self.opened(Author, Book) as old, self.opened(Author, other) as new:
            self.assertEqual(old.add(Book, **{**EMMA, "isbn": "of the old node"}).id, 3)
            new.have(new.store.update(other, 3, pages=7))
            old.have(old.store.update(Book, 3, title="Lady Susan"))
            last = new.all(other)[-1]
            self.assertEqual((last["title"], last["pages"]), ("Lady Susan", 7))
            first = new.have(new.store.changes(4, 1))[0].record
            self.assertEqual(shown(first)["pages"], 100)  # the old node did not write it down

    def test_a_move_brings_the_kinds_of_the_schema_both_ways(self) -> None:
        self.fill()
        with TemporaryDirectory() as directory:
            path = Path(directory) / "library.db"
            with (
                postgres_copy.source(self.url, LIBRARY) as given,
                sqlite_ends.target(path, LIBRARY) as filled,
            ):
                moved = moving.move(given, filled, unheard, unheard)
            self.assertEqual(
                [(each.kind, each.records) for each in moved], [(Author, 2), (Book, 2)]
            )
            there, more = Schema([Author]), Schema([Author, Book, kind("Reader")])
            other = postgres_kit.new_database()
            self.addCleanup(postgres_kit.drop_database, other)
            with sqlite_ends.source(path, more) as back, postgres_copy.target(other, more) as to:
                self.assertEqual(
                    [each.records for each in moving.move(back, to, unheard, unheard)], [2, 2]
                )
            with postgres_copy.source(other, there) as known:
                self.assertEqual(
                    (known.kinds, known.unknown_kinds), ((Author,), ("Book", "Reader"))
                )
        before, self.url = self.books(), other
        self.assertEqual(self.books(), before)


class MemoryTests(SynchronousTestCase):
    """A store that ends with the process has whatever it is opened with."""

    def test_records_of_an_app(self) -> None:
        library = Opened(cast(IStore, MemoryStore(LIBRARY)), Turns())
        library.add(Author, name="Austen")
        library.add(Book, **EMMA)
        self.assertRaises(Taken, library.add, Author, name="AUSTEN")
        self.assertRaises(StillReferred, library.have, library.store.delete(Author, 1))
        self.assertEqual((library.store.unknown_kinds, library.store.schema), ((), LIBRARY))
