# mypy: allow-untyped-calls
"""Where the body of a request ends whose length is counted as clients in the field count it."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from sockcrud.protocols.http.loose import LONG_QUIET, LONGEST, QUIET, Open, Silence, end_of_body
from tests.apps.members.members_logins import COUNTS, FOLLOWING, LOGINS, loosely
from tests.support.feeding import byte_by_byte, every_way
from tests.support.http_kit import Peer, connected


def asked(peer: Peer) -> list[tuple[str, bytes]]:
    return [(request.method, request.body) for request in peer.dialect.asked]


class BodiesOfTheField(SynchronousTestCase):
    """Whatever is counted, what is taken is what was meant, or nothing."""

    def test_alone(self) -> None:
        for login, password in LOGINS:
            for count in COUNTS:
                header, body = loosely("PUT", login, password, count)
                for pieces in every_way(header + body):
                    peer = connected(loose=True)
                    for piece in pieces:
                        peer.says(piece)
                    peer.passes(QUIET)
                    if not peer.dialect.asked:
                        peer.passes(
                            LONG_QUIET - QUIET
                        )  # its end is a method's beginning, or is one by another count
                    if not peer.closed:
                        self.assertEqual(asked(peer), [("PUT", body)], (count, pieces))
                    else:
                        self.assertEqual((asked(peer), count), ([], "as HTTP has it"), pieces)
                        self.assertIn(b"HTTP/1.1 400 ", peer.hears())

    def test_a_quiet_of_100_ms_is_enough(self) -> None:
        for login, password in LOGINS:
            header, body = loosely("POST", login, password)
            peer = connected(loose=True)
            peer.says(header + body)
            peer.passes(0.1)
            if password in (
                "SHOP",
                "pwPU",
            ):  # behind as many bytes as were announced less four, a method might begin
                self.assertEqual(asked(peer), [])
                peer.passes(LONG_QUIET - QUIET)
            self.assertEqual(asked(peer), [("POST", body)])

    def test_with_the_next_request_behind(self) -> None:
        for login, password in LOGINS:
            for count in COUNTS:
                header, body = loosely("PUT", login, password, count)
                for name, following in FOLLOWING.items():
                    data = header + body + following
                    for pieces in (
                        [data],
                        byte_by_byte(data),
                        [header + body, following],
                        [data[:-30], data[-30:]],
                    ):
                        peer = connected(loose=True)
                        for piece in pieces:
                            peer.says(piece)
                        peer.passes(QUIET)
                        peer.passes(QUIET)
                        method = (
                            "DELETE"
                            if name == "with Host"
                            else name.rsplit()[-1].replace("lines", "POST")
                        )
                        expected = [
                            ("PUT", body),
                            (method, b"user:other,OTHER"[: 16 * (method[0] == "P")]),
                        ]
                        self.assertEqual(asked(peer), expected, (count, pieces))

    def test_with_the_next_request_behind_split_and_after_a_pause(self) -> None:
        """A pause in the next request changes nothing: its beginning is never taken for the end of
        a password.
        """
        for login, password in LOGINS[:16]:
            for count in COUNTS:
                header, body = loosely("PUT", login, password, count)
                following = FOLLOWING["POST"]
                for split in range(1, len(following)):
                    peer = connected(loose=True)
                    peer.says(header + body + following[:split])
                    peer.passes(QUIET * 1.5)
                    peer.says(following[split:])
                    peer.passes(QUIET)
                    peer.passes(QUIET)
                    self.assertEqual(asked(peer)[0], ("PUT", body), (count, split))
                    self.assertEqual(
                        asked(peer)[1:], [("POST", b"user:other,OTHER")], (count, split)
                    )

    def test_a_pause_within(self) -> None:
        """Only exactly where one of the other counts ends may a pause be taken for the end."""
        for login, password in LOGINS:
            header, body = loosely("PUT", login, password)
            announced = COUNTS["characters"](body.decode())
            for split in range(1, len(header + body)):
                peer = connected(loose=True)
                peer.says((header + body)[:split])
                peer.passes(QUIET)
                if split - len(header) in (announced - 4, announced) and asked(peer):
                    self.assertIn(b",", body[: split - len(header) - 2])
                    continue
                self.assertEqual(asked(peer), [])
                peer.says((header + body)[split:])
                peer.passes(LONG_QUIET)
                peer.passes(LONG_QUIET)
                self.assertEqual(asked(peer), [("PUT", body)], split)

    def test_a_name_in_korean_keeps_the_password_whole_wherever_there_is_a_pause(self) -> None:
        for login, password in (
            ("김철수@ex.com", "pw1"),
            ("김철수", "비밀번호"),
            ("한국인입니다", "pw"),
        ):
            header, body = loosely("PUT", login, password)
            for split in range(1, len(header + body)):
                peer = connected(loose=True)
                peer.says((header + body)[:split])
                peer.passes(5)
                peer.says((header + body)[split:])
                peer.passes(QUIET)
                self.assertEqual(asked(peer), [("PUT", body)], split)

    def test_the_end_of_the_input_is_a_silence(self) -> None:
        for login, password in LOGINS:
            header, body = loosely("PUT", login, password)
            for data in (header + body, header + body[:-1]):
                peer = connected(loose=True)
                peer.says(data)
                peer.connection.readConnectionLost()
                taken = asked(peer)
                self.assertTrue(peer.closed)
                if data.endswith(body):
                    self.assertEqual(taken, [("PUT", body)])
                elif taken:
                    # It is complete as bytes are counted, with the blank line or without.
                    self.assertIn(len(body) - len(body.decode()), (1, 5))

    def test_what_stays_unclear_is_refused_after_a_while(self) -> None:
        """Is this a password, or a shorter one and the beginning of the next request?"""
        for text, count in (
            ("user:ab,xxPOST", 14),  # as HTTP counts it
            (
                "user:김철수네여덟글자,pwHEAD /? HTTP/1.1",
                36,
            ),  # as characters or as bytes are counted
        ):
            for pieces in every_way(
                f"PUT /? HTTP/1.1\r\nContent-Length: {count}\r\n\r\n{text}".encode()
            ):
                peer = connected(loose=True)
                for piece in pieces:
                    peer.says(piece)
                peer.passes(QUIET)
                peer.passes(LONG_QUIET)
                (answer,) = peer.hears_answers()
                self.assertEqual(
                    (answer.status, answer.fields[b"connection"], peer.closed),
                    (400, b"close", True),
                )
                self.assertEqual(asked(peer), [])

    def test_something_else_follows(self) -> None:
        """Nothing is taken of what no count makes whole."""
        header, body = loosely(
            "PUT", "김철수", "xxGE"
        )  # behind as many bytes as were announced, there is `GE`
        for after in (b"x", b"\0", b"\xff", b" ", b"/", b"\n"):
            for pieces in every_way(header + body + after):
                peer = connected(loose=True)
                for piece in pieces:
                    peer.says(piece)
                peer.says(b"and so on")
                self.assertTrue(peer.closed, pieces)
                self.assertEqual([answer.status for answer in peer.hears_answers()], [400])
                self.assertEqual(asked(peer), [], pieces)

    def test_an_unended_request_never_takes_in_the_next(self) -> None:
        for begin in (
            b"GET /? HTTP/1.1\r\nAccept: */*",
            b"HEAD /? HTTP/1.1\r\nA: b\r\nAccept: */*",
        ):
            for following in (loosely("PUT", "ab", "pw1"), loosely("POST", "josé", "pw1")):
                for pieces in every_way(begin + b"".join(following)):
                    peer = connected(loose=True)
                    for piece in pieces:
                        peer.says(piece)
                    self.assertEqual(asked(peer), [])
                    self.assertEqual(peer.hears().split()[1], b"400")
                    self.assertTrue(peer.closed)

    def test_no_timer_without_need(self) -> None:
        peer = connected(loose=True)
        peer.says(b"PUT /? HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nuser")
        self.assertEqual(len(peer.clock.getDelayedCalls()), 1)


class EndOfBody(SynchronousTestCase):
    """The decision itself."""

    def test_it_does_not_depend_on_what_is_there_already(self) -> None:
        """What the first bytes decide stays decided, and is decided by them alone."""
        for login, password in LOGINS:
            for count in COUNTS.values():
                for following in (b"", *FOLLOWING.values(), b"junk", b"\xff", b"P\xc3\xa9"):
                    text = f"user:{login},{password}"
                    data = text.encode() + following
                    first: int | Open = Open.WAITING
                    for end in range(len(data) + 1):
                        found = end_of_body(data[:end], count(text), Silence.NONE)
                        if first is not Open.WAITING:
                            self.assertEqual(found, first, (data, end))
                        first = found

    def test_what_is_no_utf_8_is_counted_in_bytes(self) -> None:
        data = b"user:jos\xe9,pw1"
        self.assertEqual(end_of_body(data, len(data) + 4, Silence.QUIET), len(data))
        self.assertEqual(end_of_body(data, len(data), Silence.NONE), len(data))

    def test_an_end_within_a_character_is_none(self) -> None:
        text = "user:ab,pwééé"
        self.assertEqual(end_of_body(text.encode()[:13], len(text) + 4, Silence.LONG), Open.WAITING)

    def test_much_is_taken_at_its_word(self) -> None:
        for length, taken in ((LONGEST, True), (LONGEST + 1, False)):
            peer = connected(loose=True)
            peer.says(
                b"PUT /? HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % length + b"x" * (length - 4)
            )
            peer.passes(QUIET)
            self.assertEqual(len(asked(peer)), taken)
