# mypy: allow-untyped-calls
"""What the RFCs call an error is one, however it comes; and nothing behind it is ever asked."""

from __future__ import annotations

import socket
from pathlib import Path

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.protocols.http.framing import RequestFramer
from sockcrud.protocols.http.loose import LooseFramer
from tests.protocols.http.http_rfc_table import RFC_CASES, TAKEN
from tests.protocols.http.http_tables import GOT_NEXT, NEXT
from tests.protocols.json.json_tables import JSON_CASES
from tests.rest.routed_kit import Dialect
from tests.support.feeding import byte_by_byte, every_way
from tests.support.http_kit import Got, HTTPClient, answers, framed, request
from tests.support.running import Daemon, received


def framer(kind: type[RequestFramer] = RequestFramer) -> RequestFramer:
    return kind("192.0.2.7", header_bytes=400, fields=8, target=60)


class Table(SynchronousTestCase):
    """Each case whole, byte by byte, at every split, and with other requests around it."""

    def test_it_has_no_case_twice(self) -> None:
        self.assertEqual(len({name for name, *_ in RFC_CASES}), len(RFC_CASES))
        self.assertGreater(len([status for _, _, status, _ in RFC_CASES if status != TAKEN]), 200)

    def check(self, kind: type[RequestFramer]) -> None:
        for name, data, status, closes in RFC_CASES:
            if kind is LooseFramer and name == "Host: none":
                continue
            with self.subTest(name):
                whole = framed(framer(kind), [data])
                self.assertEqual(
                    [TAKEN if isinstance(got, Got) else got for got in whole[:1]], [status], data
                )
                self.assertTrue(len(whole) == 1 or status != TAKEN)
                if isinstance(whole[0], Got):
                    self.assertEqual(whole[0].goes_on, not closes)
                expected = whole[:1] if closes else [*whole[:1], GOT_NEXT]
                for pieces in every_way(data + NEXT):
                    self.assertEqual(framed(framer(kind), pieces), expected, pieces)
                self.assertEqual(
                    framed(framer(kind), byte_by_byte(NEXT + data)), [GOT_NEXT, *whole]
                )

    def test_the_framer(self) -> None:
        self.check(RequestFramer)

    def test_the_loose_framer(self) -> None:
        self.check(LooseFramer)


def test_a_real_daemon(tmp_path: Path) -> None:
    """With a request behind each case, which is answered where the connection goes on."""
    behind = request("GET", "/user/health")
    with Daemon(tmp_path) as daemon:
        for name, data, status, closes in RFC_CASES:
            with daemon.connect("auth") as connection:
                connection.sendall(data + behind)
                if not closes:
                    connection.shutdown(socket.SHUT_WR)
                first, *rest = answers(received(connection))
            if status == TAKEN:
                # Nothing is at these paths, and most of these hosts are not this one.
                assert first.status in (204, 404, 421), (name, first)
            else:
                assert first.status == status, (name, first)
            assert [answered.status for answered in rest] == ([] if closes else [200]), name
            assert (first.field("Connection") == "close") is closes, name
        assert daemon.stop() == 0
        assert "Traceback" not in daemon.log.read_text()


class JSONBodies(SynchronousTestCase):
    """The table of JSON on the body of a request."""

    def test_each_is_taken_or_a_bad_request(self) -> None:
        client = HTTPClient(lambda peer: Dialect(), Clock())
        for name, data, is_object in JSON_CASES:
            for body in (data, data + b"\r\n"):
                answered = client.asks("POST", "/open", body)
                self.assertEqual(answered.status, 200 if is_object else 400, (name, body[:100]))
                self.assertFalse(client.closed, name)
