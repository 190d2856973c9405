# mypy: allow-untyped-calls
"""What is too long to be held: exports and imports over a connection in memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sockcrud.client import Admin
from sockcrud.client.errors import NotLoggedIn, TimedOut
from tests.client.client_kit import TIMEOUT, DriverCase


class ExportTests(DriverCase):
    def test_an_export_has_time_as_long_as_something_comes_and_what_waits_behind_it_has_not(
        self,
    ) -> None:
        admin = Admin(self.clock, self.server, timeout=TIMEOUT)
        pieces: list[bytes] = []
        export, waits = admin.export(pieces.append), admin.metrics()
        self.server.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n")
        for _ in range(19):
            self.clock.advance(TIMEOUT - 1)
            self.server.answers(b"x")
        self.assertFalse(self.fails(waits, TimedOut).may_have_happened)
        self.assertNoResult(export)
        self.server.answers(b"x")
        self.gives(export, None)
        self.assertEqual(b"".join(pieces), b"x" * 20)

    def test_an_export_that_is_silent_ends_in_its_time(self) -> None:
        export = Admin(self.clock, self.server, timeout=TIMEOUT).export(lambda piece: None)
        self.server.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nx")
        self.clock.advance(TIMEOUT)
        self.fails(export, TimedOut)


class ImportTests(DriverCase):
    """Imports, which are sent a piece at a time as there is room."""

    def setUp(self) -> None:
        super().setUp()
        self.admin = Admin(self.clock, self.server, timeout=TIMEOUT)
        self.taken: list[bytes] = []

    def pieces(self, *pieces: bytes) -> Iterator[bytes]:
        for piece in pieces:
            self.taken.append(piece)
            yield piece

    def goes_on(self) -> None:
        producer: Any = self.server.transports[-1].producer
        producer.resumeProducing()

    def test_an_import_is_sent_a_piece_at_a_time_and_what_waits_behind_it_afterwards(self) -> None:
        imported, waits = (
            self.admin.import_lines(self.pieces(b"a" * 10, b"b" * 10), 20),
            self.admin.metrics(),
        )
        self.assertIn(b"Content-Length: 20\r\n", self.server.said())
        self.assertEqual(self.taken, [])
        self.goes_on()
        self.assertEqual(self.server.said(), b"a" * 10)
        for _ in range(2):
            self.goes_on()
        self.assertEqual(self.server.said(), b"b" * 10)
        self.server.answers(b'HTTP/1.1 200 OK\r\nContent-Length: 23\r\n\r\n{"imported":{"User":3}}')
        self.gives(imported, {"User": 3})
        self.assertIn(b"GET /metrics", self.server.said())
        self.server.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")
        self.gives(waits, "x")

    def test_an_import_that_is_refused_before_it_is_sent_ends_the_connection(self) -> None:
        imported = self.admin.import_lines(self.pieces(b"a"), 20)
        self.goes_on()
        self.server.answers(b"HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n")
        self.assertEqual(self.fails(imported, NotLoggedIn).message, "No")
        self.assertTrue(self.server.is_cut)

    def test_an_import_whose_source_fails_ends_as_that_does_and_the_connection_with_it(
        self,
    ) -> None:
        def failing() -> Iterator[bytes]:
            yield b"a"
            raise OSError("no such disk")

        imported = self.admin.import_lines(failing(), 20)
        self.goes_on()
        self.goes_on()
        self.fails(imported, OSError)
        self.assertTrue(self.server.is_cut)
        self.server.ends()

    def test_an_export_whose_target_fails_ends_as_that_does_and_the_connection_with_it(
        self,
    ) -> None:
        def failing(piece: bytes) -> None:
            raise OSError("disk full")

        export = self.admin.export(failing)
        self.server.answers(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nx")
        self.fails(export, OSError)
        self.assertTrue(self.server.is_cut)
