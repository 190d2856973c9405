"""Records as people write them: without ids and dates, as JSON lines and as a spreadsheet has
them.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from click.testing import CliRunner
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockcrud import loading
from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Product
from sockcrud.apps.users.records import User
from sockcrud.cli.main import main
from sockcrud.records import Record
from sockcrud.storage.maintenance.import_rows import Fault, Given
from sockcrud.storage.maintenance.seeding import SeedRefused, entries_of, seed
from sockcrud.storage.memory.store import MemoryStore

SCHEMA = loading.apps().schema


class CSVTests(SynchronousTestCase):
    def entries(self, text: str | bytes, name: str = "users.csv") -> list[Given | Fault]:
        path = Path(self.mktemp())
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        with path.open("rb") as file:
            return list(entries_of(file, name, SCHEMA))

    def test_rows_are_what_their_columns_say(self) -> None:
        ana = {"kind": "User", "name": "Ana", "email": "a@b.c", "age": 30}
        for text in (
            "name,email,age\nAna,a@b.c,30\n",
            "\ufeffname;email;age\r\nAna;a@b.c;30\r\n",
            'name, email ,age\n"Ana",a@b.c,30\n\n',
            "kind,name,email,age\nuser,Ana,a@b.c,30",
        ):
            self.assertEqual([entry.fields for entry in self.entries(text)], [ana], text)  # type: ignore[union-attr]
        product = {
            "kind": "Product",
            "id": 7,
            "name": "Pen, blue",
            "description": "",
            "quantity": 3,
            "price": "1.50",
            "status": True,
        }
        for yes in ("yes", "1", "TRUE"):
            [entry] = self.entries(
                f'id,name,description,quantity,price,status\n7,"Pen, blue",,3,1.50,{yes}',
                "product.csv",
            )
            self.assertEqual(entry, Given(2, product))

    def test_what_is_wrong_is_told_with_its_line(self) -> None:
        for text, name, fault in (
            ("a,b\n1,2,3\n", "users.csv", Fault(2, None, "2 cells, as the first line has")),
            (b"name\n\xff\n", "users.csv", Fault(1, None, "CSV in UTF-8")),
        ):
            self.assertEqual(self.entries(text, name), [fault])
        for text, name, line in (
            ("a,b\n", "some.csv", 1),
            ("kind,b\nhat,1\n", "x.csv", 2),
            ("", "x.csv", 1),
        ):
            [found] = self.entries(text, name)
            assert isinstance(found, Fault)
            self.assertEqual((found.line, found.field), (line, "kind"))


class SeedTests(SynchronousTestCase):
    def setUp(self) -> None:
        self.store = MemoryStore(SCHEMA)
        self.reported: list[tuple[int, int]] = []

    def seeds(self, text: str, name: str = "seed.jsonl") -> str:
        path = Path(self.mktemp() + name)
        path.write_text(text)
        self.path = str(path)
        return self.successResultOf(self.begun())

    def begun(self) -> Deferred[str]:
        """Seed the store, through the rests that a slow machine takes in between."""
        clock = Clock()
        add = seed(self.store, clock, self.path, lambda *far: self.reported.append(far))
        adding: Deferred[str] = Deferred.fromCoroutine(add)
        while clock.getDelayedCalls():
            clock.advance(1)
        return adding

    async def all_of(self, kind: type[Record]) -> list[Any]:
        return [record async for page in self.store.stream(kind) for record in page]

    def test_a_new_store_gets_the_records_with_ids_and_dates(self) -> None:
        said = self.seeds(
            '{"kind": "Message", "data": "a"}\n{"kind": "Message", "data": "b", "id": 9}\n'
            '{"kind": "Message", "data": "c"}\n'
            '{"kind": "User", "name": "Ana", "email": "a@b.c", "age": 3}\n'
        )
        self.assertEqual(said, f"seed: {self.path}: 1 User, 3 Message")
        messages = self.successResultOf(Deferred.fromCoroutine(self.all_of(Message)))
        self.assertEqual(
            [(each.id, each.data) for each in messages], [(1, "a"), (9, "b"), (10, "c")]
        )
        [ana] = self.successResultOf(Deferred.fromCoroutine(self.all_of(User)))
        self.assertEqual(ana.created_at, ana.updated_at)
        self.assertEqual(self.reported[-1][0], self.reported[-1][1])

    def test_a_store_that_has_such_records_is_left(self) -> None:
        self.seeds('{"kind": "Message", "data": "a"}\n')
        said = self.seeds('{"kind": "Message", "data": "b"}\n')
        self.assertIn("is left: there are records of Message already", said)

    def test_what_cannot_be_taken_is_one_line(self) -> None:
        error = self.failureResultOf(self._failing(), SeedRefused)
        self.assertRegex(str(error.value), "^seed: .*: line 1, data: expected [^\n]*$")

    def _failing(self) -> Deferred[str]:
        path = Path(self.mktemp())
        path.write_text('{"kind": "Message"}\n')
        self.path = str(path)
        return self.begun()


class ImportTests(SynchronousTestCase):
    def test_a_spreadsheet_is_imported_by_the_name_of_its_kind(self) -> None:
        directory = Path(self.mktemp())
        directory.mkdir()
        file, store = directory / "2026.txt", f"sqlite:{directory / 'shop.db'}"
        file.write_text("name,description,quantity,price,status\nPen,,3,1.5,yes\n")
        words = ["import", str(file), "--csv", "--kind", Product.__name__, "--store", store]
        result = CliRunner().invoke(main, words)
        self.assertEqual(result.output, "1 records are imported: 1 Product\n")
