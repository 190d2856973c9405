# mypy: allow-untyped-calls
"""The bases for wire formats of one's own: what an author writes, and what comes from the base."""

from __future__ import annotations

from typing import Any, Final

from twisted.internet.defer import Deferred

from sockcrud.errors import Busy, DomainError, Forbidden, Invalid, NotFound
from sockcrud.protocols import (
    LATER,
    ByteDialect,
    CloseAfter,
    JSONLineDialect,
    Later,
    LineDialect,
    Malformed,
    Stream,
    WireLimits,
)
from tests.support.feeding import every_way
from tests.support.wire_kit import WireCase

WAITING: Final[list[Deferred[None]]] = []


class Echo(LineDialect):
    """Lines: says what it hears, unless the line says otherwise."""

    greeting = b"HELLO\r\n"
    farewell = b"BYE\r\n"
    words = {  # noqa: RUF012
        NotFound: "NONE",
        Invalid: "WRONG {field}: {expected}",
        Busy: "BUSY",
        DomainError: "SORRY",
    }

    def only_reads(self, request: str) -> bool:
        return request.startswith("read")

    async def lineReceived(self, line: str) -> str | CloseAfter | None:
        if line.startswith(("wait", "read")):
            WAITING.append(Deferred())
            await WAITING[-1]
        if line == "crash":
            raise RuntimeError("a secret")
        errors: dict[str, DomainError] = {
            "none": NotFound("User", 1),
            "wrong": Invalid("age", "a number"),
            "no": Forbidden(),
        }
        if line in errors:
            raise errors[line]
        if line == "end":
            return CloseAfter(b"THE END\r\n")
        return None if line == "quiet" else line


class Mute(LineDialect):
    """Has no words at all."""

    async def lineReceived(self, line: str) -> str:
        raise NotFound("User", 1)


class Doubler(JSONLineDialect):
    """JSON lines: doubles every number."""

    words = {DomainError: {"error": "no"}}  # noqa: RUF012

    async def objectReceived(self, object: dict[str, Any]) -> Any:
        return {name: 2 * value for name, value in object.items()}


class Netstrings:
    """`5:hello,` is hello."""

    def __init__(self) -> None:
        self._data = b""

    @property
    def pending(self) -> int:
        return len(self._data)

    def feed(self, data: bytes) -> None:
        self._data += data

    def end(self) -> None:
        """Nothing to do."""

    def next(self) -> bytes | Malformed | Later | None:
        length, colon, rest = self._data.partition(b":")
        if not colon:
            return None
        if not length.isdigit() or int(length) > 999:
            return Malformed("a length below 1000", last=True)
        if len(rest) <= int(length):
            return None
        self._data = rest[int(length) + 1 :]
        return (
            rest[: int(length)]
            if rest[int(length) : int(length) + 1] == b","
            else Malformed("a comma")
        )


class Strings(ByteDialect[bytes, bytes]):
    """Bytes with a framer of one's own: says the string the other way round."""

    words = {Invalid: b"1:?,", DomainError: b"1:!,"}  # noqa: RUF012

    def framer(self, limits: WireLimits) -> Netstrings:
        return Netstrings()

    async def reply(self, request: bytes) -> bytes:
        return b"%d:%b," % (len(request), request[::-1])


class LinesTests(WireCase):
    def setUp(self) -> None:
        super().setUp()
        WAITING.clear()

    def test_a_line_is_a_request_however_it_comes(self) -> None:
        self.connections.most = 10_000
        for pieces in every_way("one\r\n책 😀\nquiet\nthree\n".encode()):
            said = self.spoken(lambda: self.peer(Echo), pieces)
            self.assertEqual(said.decode(), "HELLO\r\none\r\n책 😀\r\nthree\r\n", pieces)

    def test_errors_have_the_words_of_the_table(self) -> None:
        peer = self.peer(Echo)
        peer.hear()
        for line, words in (
            (b"none", b"NONE"),
            (b"wrong", b"WRONG age: a number"),
            (b"no", b"SORRY"),
        ):
            self.assertEqual(peer.ask(line + b"\n"), words + b"\r\n")
        self.assertEqual(peer.ask(b"crash\n"), b"SORRY\r\n")
        self.assertEqual(len(self.flushLoggedErrors(RuntimeError)), 1)
        self.assertEqual(peer.ask(b"\xff\n"), b"WRONG request: a text in UTF-8\r\n")
        self.assertEqual(peer.ask(b"still here\n"), b"still here\r\n")

    def test_an_error_without_words_closes_the_connection(self) -> None:
        peer = self.peer(Mute)
        self.assertEqual((peer.ask(b"x\ny\n"), peer.is_closed), (b"", True))

    def test_answers_come_in_order_and_only_reads_overlap(self) -> None:
        peer = self.peer(Echo)
        peer.hear()
        self.assertEqual(peer.ask(b"read 1\nread 2\nwait 3\nfour\n"), b"")
        self.assertEqual(len(WAITING), 2)
        WAITING[1].callback(None)
        self.assertEqual(peer.hear(), b"")
        WAITING[0].callback(None)
        self.assertEqual((peer.hear(), len(WAITING)), (b"read 1\r\nread 2\r\n", 3))
        WAITING[2].callback(None)
        self.assertEqual(peer.hear(), b"wait 3\r\nfour\r\n")

    def test_no_more_than_allowed_is_under_way_and_reading_pauses(self) -> None:
        peer = self.peer(Echo, in_flight=3)
        peer.send(b"read\n" * 5)
        self.assertEqual((len(WAITING), peer.wire.reads), (3, False))
        for waiting in list(WAITING):
            waiting.callback(None)
        self.assertEqual((len(WAITING), peer.wire.reads), (5, True))

    def test_who_does_not_read_is_not_served_without_end(self) -> None:
        peer = self.peer(Echo, unsent=1000)
        peer.wire.stall()
        peer.send(b"x" * 400 + b"\n" + (b"y" * 400 + b"\n") * 100)
        self.turn(3)
        self.assertFalse(peer.wire.reads)
        peer.wire.flow()
        self.turn(100)
        self.assertEqual(peer.hear().count(b"\r\n"), 102)

    def test_an_unfinished_line_is_told_so_after_its_time_and_the_connection_closes(self) -> None:
        peer = self.peer(Echo)
        self.assertEqual(peer.ask(b"one\nDEL;1"), b"HELLO\r\none\r\n")
        self.clock.advance(10)
        self.assertEqual(
            peer.hear(), b"WRONG request: a request that is complete within 10 s\r\nBYE\r\n"
        )
        self.assertTrue(peer.is_closed)
        self.assertEqual(peer.ask(b"2\none\n"), b"")

    def test_an_unfinished_line_at_the_end_of_input_is_no_request(self) -> None:
        peer = self.peer(Echo)
        peer.send(b"one\nDEL;1")
        peer.half_close()
        self.assertEqual(
            peer.hear(), b"HELLO\r\none\r\nWRONG request: a line that ends in LF\r\nBYE\r\n"
        )
        self.assertTrue(peer.is_closed)

    def test_a_line_too_long_ends_the_connection(self) -> None:
        peer = self.peer(Echo, request=10)
        peer.send(b"x" * 10 + b"\r\n" + b"y" * 11 + b"\r\none\n")
        self.assertEqual(
            peer.hear(),
            b"HELLO\r\nxxxxxxxxxx\r\nWRONG request: a line of at most 10 bytes\r\nBYE\r\n",
        )
        self.assertTrue(peer.is_closed)

    def test_no_web_page_drives_it(self) -> None:
        peer = self.peer(Echo)
        self.assertNotIn(b"one", peer.ask(b"POST / HTTP/1.1\r\n\r\none\r\n"))
        self.assertTrue(peer.is_closed)

    def test_idle_and_stopped_connections_are_told_good_bye(self) -> None:
        idle, stopped = self.peer(Echo, idle=5), self.peer(Echo)
        self.clock.advance(5)
        self.assertEqual((idle.hear(), idle.is_closed), (b"HELLO\r\nBYE\r\n", True))
        idle.vanish()
        finished = self.finishing()
        self.assertEqual((stopped.hear(), stopped.is_closed), (b"HELLO\r\nBYE\r\n", True))
        stopped.vanish()
        self.successResultOf(finished)

    def test_the_last_answer_ends_it(self) -> None:
        peer = self.peer(Echo)
        self.assertEqual((peer.ask(b"end\none\n"), peer.is_closed), (b"HELLO\r\nTHE END\r\n", True))

    def test_a_connection_too_many_is_told_so_and_not_greeted(self) -> None:
        self.connections.most = 0
        peer = self.peer(Echo)
        self.assertEqual((peer.hear(), peer.is_closed), (b"BUSY\r\n", True))

    def test_the_factory_is_named_after_the_dialect(self) -> None:
        self.assertEqual(type(Echo.factory(self.served())).__name__, "EchoFactory")  # type: ignore[arg-type]

    def test_nothing_is_left_when_they_go(self) -> None:
        peers = [self.peer(Echo) for _ in range(50)]
        for peer in peers:
            peer.send(b"unfinished")
            peer.vanish()
        self.assertEqual(
            (len(self.connections), self.connections.unfinished, self.clock.getDelayedCalls()),
            (0, 0, []),
        )


class JSONLinesTests(WireCase):
    def test_an_object_is_a_request_and_so_is_its_answer(self) -> None:
        peer = self.peer(Doubler)
        self.assertEqual(peer.ask(b'{"a":1,"b":2}\n{"a":"x"}\r\n'), b'{"a":2,"b":4}\n{"a":"xx"}\n')

    def test_what_is_no_object_is_an_error(self) -> None:
        for line in (
            b"[1]",
            b"null",
            b"1",
            b"{",
            b'{"a":NaN}',
            b'{"a":' + b"[" * 70 + b"]" * 70 + b"}",
        ):
            self.assertEqual(self.peer(Doubler).ask(line + b"\n"), b'{"error":"no"}\n', line)

    def test_a_crash_is_an_error_and_the_connection_goes_on(self) -> None:
        peer = self.peer(Doubler)
        self.assertEqual(peer.ask(b'{"a":{}}\n{"a":1}\n'), b'{"error":"no"}\n{"a":2}\n')
        self.assertEqual(len(self.flushLoggedErrors(TypeError)), 1)


class OwnFramerTests(WireCase):
    def test_its_requests_are_answered_in_order(self) -> None:
        self.connections.most = 10_000
        for pieces in every_way(b"3:abc,0:,4:a:b,,"):
            self.assertEqual(
                self.spoken(lambda: self.peer(Strings), pieces), b"3:cba,0:,4:,b:a,", pieces
            )

    def test_what_is_malformed_is_answered_and_the_last_of_it_ends_the_connection(self) -> None:
        peer = self.peer(Strings)
        self.assertEqual((peer.ask(b"1:ab2:cd,"), peer.is_closed), (b"1:?,2:dc,", False))
        self.assertEqual((peer.ask(b"x:abc,2:cd,"), peer.is_closed), (b"1:?,", True))


class AnswersTests(WireCase):
    def test_a_reply_may_be_any_answer(self) -> None:
        async def slices() -> Any:
            yield b"a"
            yield b"b"

        class Any_(LineDialect):
            async def lineReceived(self, line: str) -> Any:
                return Stream(slices(), lambda: None)

        peer = self.peer(Any_)
        peer.send(b"x\nx\n")
        self.turn(10)
        self.assertEqual(peer.hear(), b"abab")

    def test_words_that_an_error_does_not_tell_are_left_out(self) -> None:
        class Wordy(LineDialect):
            words = {DomainError: "NO {kind} {id}{field}"}  # noqa: RUF012

            async def lineReceived(self, line: str) -> str:
                raise NotFound("User", 1)

        self.assertEqual(self.peer(Wordy).ask(b"x\n"), b"NO User 1\r\n")

    def test_a_framer_may_say_that_it_goes_on_later(self) -> None:
        class Slow(Netstrings):
            turn = 0

            def next(self) -> bytes | Malformed | Later | None:
                self.turn += 1
                return LATER if self.turn % 3 else super().next()

        class Slowly(Strings):
            def framer(self, limits: WireLimits) -> Netstrings:
                return Slow()

        peer = self.peer(Slowly)
        peer.send(b"3:abc,2:de,")
        self.turn(5)
        self.assertEqual(peer.hear(), b"3:cba,2:ed,")
