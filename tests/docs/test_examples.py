# mypy: allow-untyped-calls
"""The examples as their clients see them: in memory, and over a real socket by a client that is not
ours.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from shutil import which
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from twisted.internet.defer import Deferred
from twisted.internet.utils import getProcessOutputAndValue
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.access import Access
from sockcrud.app import Dialect, resolve
from sockcrud.apps.messages.records import Message
from sockcrud.apps.users.records import User
from sockcrud.errors import Unavailable
from sockcrud.loading import in_file
from sockcrud.protocols import LATER, Malformed
from sockcrud.protocols.admission import Connections, Listening
from sockcrud.storage.contract import R
from sockcrud.storage.memory.store import MemoryStore
from tests import ROOT
from tests.support.awaiting import awaits
from tests.support.connection_kit import Peer
from tests.support.dialect_case import FailingStore
from tests.support.feeding import cut, every_way
from tests.support.model import STANDARD
from tests.support.wire_kit import Named, Served, WireCase

EXAMPLES: Final = ROOT / "examples"
RESP: Final = in_file(str(EXAMPLES / "resp.py"))
LEGACY: Final = in_file(str(EXAMPLES / "legacy_csv.py"))
REDIS_CLI: Final = which("redis-cli")
LOCAL: Final = "127.0.0.1"
COMMAND: Final = some.lists(some.binary(max_size=30), min_size=1, max_size=4)


class ExampleCase(WireCase):
    """An empty store, and connections to an example's dialect."""

    def setUp(self) -> None:
        super().setUp()
        self.store = FailingStore(STANDARD)

    def peer_of(self, dialect: Dialect, **limits: Any) -> Peer:
        served = self.served(dialect.name, access=Access(self.clock), store=self.store)
        return self.peer(_Made(dialect), served, **limits)  # type: ignore[arg-type]

    def stored(self, kind: type[R]) -> list[R]:
        return self.successResultOf(Deferred.fromCoroutine(self.store.page(kind, 1000)))


class _Made:
    """A dialect as its app declares it."""

    def __init__(self, dialect: Dialect) -> None:
        self.factory: Any = resolve(dialect.factory)


def command(*words: str | bytes) -> bytes:
    """Return a command as redis-cli sends it."""
    raw = [word.encode() if isinstance(word, str) else word for word in words]
    return b"*%d\r\n" % len(raw) + b"".join(b"$%d\r\n%b\r\n" % (len(word), word) for word in raw)


class RespTests(ExampleCase):
    def resp(self, **limits: Any) -> Peer:
        return self.peer_of(RESP.dialects[0], **limits)

    def test_each_command_answers_as_redis_does(self) -> None:
        peer = self.resp()
        text = "안녕 😀\r\nwith a line"
        for words, answer in (
            (("PING",), "+PONG\r\n"),
            (("ping",), "+PONG\r\n"),
            (("GET", "7"), "$-1\r\n"),
            (("SET", "7", "hello"), "+OK\r\n"),
            (("GET", "7"), "$5\r\nhello\r\n"),
            (("SET", "7", text), "+OK\r\n"),
            (("GET", "7"), f"${len(text.encode())}\r\n{text}\r\n"),
            (("SET", "8", "x"), "+OK\r\n"),
            (("EXISTS", "7", "8", "9", "7"), ":3\r\n"),
            (("DEL", "7", "9", "7"), ":1\r\n"),
            (("EXISTS", "7"), ":0\r\n"),
            (("SET", "8", ""), "-ERR data: expected a text of 1 to 10000 characters\r\n"),
            (("SET", "8", "x" * 10_001), "-ERR data: expected a text of 1 to 10000 characters\r\n"),
            (("SET", "8", "a\0b"), "-ERR data: expected a text of 1 to 10000 characters\r\n"),
            (("SET", "8", b"\xff"), "-ERR data: expected a text of 1 to 10000 characters\r\n"),
            (("SET", "x", "y"), "-ERR key: expected a whole number of at most 64 bits\r\n"),
            (("GET", "9" * 19), "-ERR key: expected a whole number of at most 64 bits\r\n"),
            (("GET",), "-ERR unknown command, or wrong number of arguments\r\n"),
            (("FLUSHALL",), "-ERR unknown command, or wrong number of arguments\r\n"),
            (("DEL", *["1"] * 101), "-ERR unknown command, or wrong number of arguments\r\n"),
        ):
            self.assertEqual(peer.ask(command(*words)).decode(), answer, words)
        self.assertEqual([(each.id, each.data) for each in self.stored(Message)], [(8, "x")])

    def test_what_one_connection_sets_another_gets(self) -> None:
        self.resp().send(command("SET", "1", "one"))
        self.assertEqual(self.resp().ask(command("GET", "1")), b"$3\r\none\r\n")

    def test_commands_come_in_any_pieces_and_many_at_once(self) -> None:
        self.connections.most = 10_000
        said = command("SET", "1", "a\r\nb") + b"*0\r\n" + command("GET", "1") + command("DEL", "1")
        for pieces in every_way(said):
            self.assertEqual(
                self.spoken(self.resp, pieces), b"+OK\r\n$4\r\na\r\nb\r\n:1\r\n", pieces
            )

    def test_what_is_no_command_ends_the_connection(self) -> None:
        for said in (
            b"GET / HTTP/1.1\r\n\r\n",
            b"PING\r\n",
            b"*1\r\n:1\r\n",
            b"*1\r\n$3\r\nabcd\r\n",
            b"*-1\r\n",
            b"*x\r\n",
            b"*99999999\r\n",
            b"*1\r\n$99999999\r\n",
            b"*1\r\n$65600\r\n",
            b"*" + b"1" * 20,
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        ):
            peer = self.resp()
            answer = peer.ask(said + command("SET", "1", "x"))
            self.assertTrue(answer.startswith(b"-ERR request: expected "), (said, answer))
            self.assertEqual((answer.count(b"\r\n"), peer.is_closed), (1, True), said)
        self.assertEqual(self.stored(Message), [])

    def test_an_unfinished_command_has_10_seconds(self) -> None:
        peer = self.resp()
        for piece in (b"*2\r\n", b"$3\r\n", b"GET\r\n"):
            peer.send(piece)
            self.clock.advance(3)
        self.assertEqual(peer.hear(), b"")
        self.clock.advance(1)
        self.assertEqual((peer.hear()[:5], peer.is_closed), (b"-ERR ", True))

    def test_a_store_that_cannot_serve_is_told(self) -> None:
        self.store.error = Unavailable("db.internal")
        self.assertEqual(
            self.resp().ask(command("GET", "1")), b"-LOADING the store cannot be reached\r\n"
        )


class RespFramerTests(SynchronousTestCase):
    @given(
        some.lists(some.lists(some.binary(max_size=30), min_size=1, max_size=4), max_size=5),
        some.lists(some.integers(0, 300)),
    )
    def test_commands_come_out_as_they_went_in(
        self, commands: list[list[bytes]], places: list[int]
    ) -> None:
        framer = _framer()
        found: list[Any] = []
        for piece in cut(b"".join(command(*each) for each in commands), places):
            framer.feed(piece)
            while (request := framer.next()) is not None:
                if request is not LATER:
                    found.append(request)
        self.assertEqual((found, framer.pending), (commands, 0))

    @settings(deadline=None)
    @given(some.binary(max_size=200), some.lists(some.integers(0, 200)))
    def test_anything_is_taken_apart_and_never_without_end(
        self, data: bytes, places: list[int]
    ) -> None:
        framer = _framer()
        for piece in cut(data, places):
            framer.feed(piece)
            for _ in range(300):
                request = framer.next()
                if request is None or (isinstance(request, Malformed) and request.last):
                    break
            else:
                self.fail("it went on and on")


def _framer() -> Any:
    factory: Any = resolve(RESP.dialects[0].factory)(_served())
    return factory.buildProtocol(None)._framer


def _served(clock: Any = None, store: Any = None) -> Any:
    listening = Listening(Connections(10, clock))
    return Served(
        Named("resp"), clock, listening, access=Access(clock), store=store or MemoryStore(STANDARD)
    )


class LegacyTests(ExampleCase):
    def office(self, **limits: Any) -> Peer:
        peer = self.peer_of(LEGACY.dialects[0], **limits)
        self.assertEqual(peer.hear(), b"000;READY\r\n")
        return peer

    def test_each_command_answers_as_it_did_in_the_1990s(self) -> None:
        peer = self.office()
        for line, answer in (
            ("LST", "000;0"),
            ("NEW;Ann;ann@example.org;37", "000;1"),
            ('NEW;"Bob; the other";bob@example.org;41', "000;2"),
            ("GET;1", "000;1;Ann;ann@example.org;37"),
            ("GET;2", '000;2;"Bob; the other";bob@example.org;41'),
            ("UPD;1;;;38", "000;1;Ann;ann@example.org;38"),
            ("UPD;1;Zoë;;", "000;1;Zoë;ann@example.org;38"),
            ("LST", '1;Zoë;ann@example.org;38\r\n2;"Bob; the other";bob@example.org;41\r\n000;2'),
            ("LST;1", '2;"Bob; the other";bob@example.org;41\r\n000;1'),
            ("GET;3", "404;NO SUCH USER"),
            ("GET;x", "422;id;a whole number"),
            (
                "NEW;Ann;nowhere;37",
                "422;email;a text of 5 to 254 characters like name@example.org, none of them "
                "invisible",
            ),
            ("NEW;Ann;ann@example.org;200", "422;age;a whole number from 0 to 150"),
            ("NEW;Ann;ann@example.org", "400;UNKNOWN COMMAND"),
            ('NEW;"Ann', "400;UNKNOWN COMMAND"),
            ("get;1", "400;UNKNOWN COMMAND"),
            ("DEL;2", "000"),
            ("DEL;2", "404;NO SUCH USER"),
        ):
            self.assertEqual(
                peer.ask(f"{line}\r\n".encode("cp1252")).decode("cp1252"), answer + "\r\n", line
            )
        self.assertEqual((peer.ask(b"BYE\r\n"), peer.is_closed), (b"000;BYE\r\n", True))
        self.assertEqual([user.id for user in self.stored(User)], [1])

    def test_a_name_is_no_answer_of_its_own(self) -> None:

        fields: dict[str, Any] = {
            "email": "a@example.org",
            "age": 1,
            "created_at": Access(self.clock).now(),
            "updated_at": Access(self.clock).now(),
        }
        for name in ("Ann\r\n000;99", "Ann\n", "\u2028", "김철수 😀"):
            self.successResultOf(
                Deferred.fromCoroutine(self.store.insert(User, name=name, **fields))
            )
        said = self.office().ask(b"LST\r\n")
        self.assertEqual(len(said.splitlines()), 5)
        self.assertEqual(said.splitlines()[-2:], [b"4;??? ?;a@example.org;1", b"000;4"])

    def test_half_a_line_deletes_nobody(self) -> None:
        peer = self.office()
        peer.send(b"NEW;Ann;ann@example.org;37\r\nDEL;1")
        peer.half_close()
        self.assertIn(b"422;request;a line that ends in LF", peer.hear())
        self.assertEqual(len(self.stored(User)), 1)


@asynccontextmanager
async def listening(dialect: Dialect) -> AsyncIterator[int]:
    """Serve it on a port, and give that."""
    from twisted.internet import reactor

    served: Any = _served(reactor)
    clock: Any = reactor
    port = clock.listenTCP(0, resolve(dialect.factory)(served), interface=LOCAL)
    try:
        yield port.getHost().port
    finally:
        await port.stopListening()
        await served.connections.all.finish(reactor, 5.0)


@pytest.mark.skipif(REDIS_CLI is None, reason="redis-cli is not installed")
@awaits
async def test_redis_cli_is_a_client_of_resp() -> None:
    assert REDIS_CLI is not None
    async with listening(RESP.dialects[0]) as port:
        for words, answer in (
            (("PING",), "PONG"),
            (("SET", "1", "안녕 😀"), "OK"),
            (("--raw", "GET", "1"), "안녕 😀"),
            (("EXISTS", "1", "2"), "1"),
            (("DEL", "1"), "1"),
            (("GET", "1"), ""),
            (("SET", "x", "y"), "ERR key: expected a whole number of at most 64 bits"),
        ):
            found = await getProcessOutputAndValue(REDIS_CLI, ["-p", str(port), *words])
            assert found[0].decode().strip() == answer, (words, found)
