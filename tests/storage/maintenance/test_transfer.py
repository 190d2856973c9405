# mypy: allow-untyped-calls
"""An export: everything as of one moment; and what is kept on disk of an import until it is
read.
"""

from __future__ import annotations

import json
from decimal import Decimal

import orjson
from twisted.internet.defer import Deferred

from sockcrud.apps.messages.records import Message
from sockcrud.apps.shop.records import Client, Product
from sockcrud.errors import Forbidden, NotLoggedIn, Unavailable
from sockcrud.identity.credentials import HIDDEN
from sockcrud.identity.records import Account, Session
from sockcrud.records import Record
from sockcrud.records.constraints import INT64
from sockcrud.storage.maintenance.import_rows import Fault, Given
from sockcrud.storage.maintenance.record_lines import LONGEST_LINE, Spool, as_lines, from_lines
from tests.storage.maintenance.transfer_case import TransferCase, without_rev
from tests.support.model import STANDARD


class ExportTests(TransferCase):
    def test_all_kinds_but_what_only_logins_need(self) -> None:
        self.filled()
        kinds = {type(record) for record in self.exported()}
        self.assertEqual(kinds, set(STANDARD.journaled))
        self.assertNotIn(Session, kinds)

    def test_hashes_only_where_secrets_are_asked_for(self) -> None:
        hidden = [record.password_hash for record in self.exported() if isinstance(record, Account)]
        told = [
            record.password_hash
            for record in self.exported(secrets=True)
            if isinstance(record, Account)
        ]
        self.assertEqual(hidden, [HIDDEN] * 4)
        self.assertEqual(
            told, [account.password_hash for account in self.have(self.store.page(Account, 9))]
        )
        self.assertNotIn(b"password_hash", as_lines(self.exported()))
        self.assertEqual(
            as_lines(self.exported(secrets=True)).count(b'"password_hash":"$argon2id$'), 4
        )

    def test_what_changes_while_it_is_read_does_not_show(self) -> None:
        self.filled()
        stream = self.have(self.transfer.export(self.boss))
        before = without_rev(self.exported())
        self.have(self.store.delete(Client, 7))
        self.have(self.store.insert(Message, 1, data="new"))

        async def read() -> list[Record]:
            return [record async for slice in stream for record in slice]

        self.assertEqual(without_rev(self.have(read())), before)
        self.assertTrue(stream.ended)

    def test_who_stops_reading_lets_go_of_the_moment(self) -> None:
        stream = self.have(self.transfer.export(self.boss))
        stream.close()
        stream.close()
        self.assertTrue(stream.ended)
        self.assertEqual(
            [self.store._tables.table(kind).open_streams for kind in STANDARD.journaled],
            [0] * len(STANDARD.journaled),
        )

    def test_a_store_that_fails_is_let_go_of(self) -> None:
        stream = self.have(self.transfer.export(self.boss))

        class Broken:
            ended = False

            async def __anext__(self) -> list[Record]:
                raise Unavailable

            def close(self) -> None:
                self.ended = True

        broken = stream._streams[0] = Broken()  # type: ignore[call-overload]
        self.failureResultOf(Deferred.fromCoroutine(stream.__anext__()), Unavailable)
        self.assertTrue(broken.ended)

    def test_only_admins_may(self) -> None:
        for principal, error in ((self.as_(self.anna), Forbidden), (self.nobody(), NotLoggedIn)):
            self.refused(self.transfer.export(principal), error)
            self.refused(self.transfer.import_(principal, []), error)


class SpoolTests(TransferCase):
    def lines(self, *pieces: bytes) -> list[Given | Fault]:
        spool = Spool(2**20)
        for piece in pieces:
            spool.write(piece)
        spool.done()
        found = list(from_lines(spool.file))
        spool.abandon()
        spool.abandon()
        return found

    def test_each_line_is_a_record_however_it_came(self) -> None:
        expected = [Given(1, {"a": 1}), Given(4, {"b": 2}), Given(5, {})]
        body = b'{"a":1}\r\n\n  \n{"b":2}\n{}'
        self.assertEqual(self.lines(body), expected)
        self.assertEqual(self.lines(*(body[i : i + 1] for i in range(len(body)))), expected)
        self.assertEqual(self.lines(body + b"\n"), expected)
        self.assertEqual(self.lines(), [])

    def test_what_is_no_record_is_a_fault_of_its_line(self) -> None:
        deep = b'{"a":' * 65 + b"1" + b"}" * 65
        for line in (
            b"[]",
            b"1",
            b"null",
            b"{",
            b'{"a":NaN}',
            b'{"a":"\xff"}',
            b'{"a":"\\ud800"}',
            deep,
        ):
            self.assertEqual(
                self.lines(line + b"\n{}"),
                [Fault(1, None, "a JSON object in UTF-8"), Given(2, {})],
                line,
            )

    def test_a_line_may_be_so_long_and_no_longer(self) -> None:
        longest = b'{"a":"%b"}' % (b"x" * (LONGEST_LINE - 8))
        self.assertEqual(len(longest), LONGEST_LINE)
        self.assertIsInstance(self.lines(longest)[0], Given)
        self.assertIsInstance(self.lines(longest + b"\n{}")[0], Given)
        for more in (b" ", b"x" * 200_000):
            found = self.lines(longest + more + b"\n{}\n")
            self.assertEqual([(one.line, type(one)) for one in found], [(1, Fault), (2, Given)])
            self.assertEqual([one.line for one in self.lines(longest + more)], [1])

    def test_the_longest_record_there_is_fits_a_line(self) -> None:
        product = Product(
            id=INT64.stop - 1,
            rev=1,
            name="🎈" * 100,
            description="🎈" * 10_000,
            quantity=0,
            price=Decimal("99999999.99"),
            status=True,
        )
        escaped = orjson.loads(as_lines([product]))
        self.assertLess(len(json.dumps(escaped)), LONGEST_LINE)
