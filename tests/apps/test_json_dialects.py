"""Both JSON-on-TCP dialects: what is JSON and what is not, and whoever speaks something else."""

from __future__ import annotations

import json
from typing import Final

from attrs import frozen

from sockcrud.protocols.json.objects import QUIET
from tests.apps.messages.test_messages_dialect import BAD_REQUEST as MESSAGES_BAD_REQUEST
from tests.apps.messages.test_messages_dialect import CLOSED, NO_SUCH_ID
from tests.apps.users.test_users_dialect import BAD_REQUEST as USERS_BAD_REQUEST
from tests.apps.users.test_users_dialect import NOT_FOUND
from tests.protocols.json.json_tables import JSON_CASES, with_member
from tests.protocols.test_foreign import OPENINGS
from tests.support.connection_kit import Peer
from tests.support.dialect_case import DialectCase
from tests.support.feeding import byte_by_byte


@frozen
class Spoken:
    """A dialect: a member that makes a request of an object, its answer, the bad request, what is
    said at the end, a change.
    """

    name: str
    member: bytes
    answer: bytes
    bad: bytes
    farewell: bytes
    change: bytes


SPOKEN: Final = [
    Spoken(
        "users",
        b'"id_operation":"nothing"',
        NOT_FOUND,
        USERS_BAD_REQUEST,
        b"",
        b'{"id_operation":"create_user","payload":{"name":"x","email":"a@b.c","age":1}}',
    ),
    Spoken(
        "messages",
        b'"op":"mostrar","id":404',
        NO_SUCH_ID,
        MESSAGES_BAD_REQUEST,
        CLOSED,
        b'{"op":"adicionar","data":"x"}',
    ),
]


class BothCase(DialectCase):
    def setUp(self) -> None:
        super().setUp()
        self.connections.most = 1_000_000

    def speaking(self, spoken: Spoken) -> Peer:
        return self.users() if spoken.name == "users" else self.messages()

    def heard(self, spoken: Spoken, pieces: list[bytes]) -> tuple[bytes, bool]:
        """Return what is answered to an object, these pieces and long silence, and whether the
        connection is closed then.
        """
        peer = self.speaking(spoken)
        peer.send(b"{" + spoken.member + b"}\n")
        for piece in pieces:
            peer.send(piece)
        self.turn(100)  # the large ones are gone through in steps
        self.clock.advance(QUIET)
        self.clock.advance(10)
        heard = peer.hear()
        self.assertTrue(heard.startswith(spoken.answer))
        return heard[len(spoken.answer) :], peer.is_closed


class JSONTests(BothCase):
    """The table, each case on a line of its own and bare, and in front of another request."""

    def test_an_object_is_a_request(self) -> None:
        for spoken in SPOKEN:
            for name, data, is_object in JSON_CASES:
                document = with_member(data, spoken.member).strip(b"\n")
                if is_object and b"\n" not in document:
                    for end in (b"", b"\n", b"\r\n"):
                        self.assertEqual(
                            self.heard(spoken, [document + end]), (spoken.answer, False), name
                        )

    def test_anything_else_on_a_line_is_a_bad_request_and_the_connection_goes_on(self) -> None:
        for spoken in SPOKEN:
            for name, data, is_object in JSON_CASES:
                line = with_member(data, spoken.member)
                if is_object or b"\n" in line or not line.strip() or name.startswith("behind: "):
                    continue
                good = b"{" + spoken.member + b"}\n"
                heard, closed = self.heard(spoken, [line + b"\n" + good])
                self.assertEqual(
                    (set(heard.splitlines(True)), closed),
                    ({spoken.bad, spoken.answer}, False),
                    name,
                )
                self.assertEqual(heard.splitlines(True)[-1], spoken.answer, name)

    def test_anything_else_without_a_newline_is_a_bad_request_too(self) -> None:
        for spoken in SPOKEN:
            for name, data, is_object in JSON_CASES:
                line = with_member(data, spoken.member)
                if is_object or b"\n" in line or not line.strip() or name.startswith("behind: "):
                    continue
                heard, closed = self.heard(spoken, [line])
                self.assertEqual((heard.splitlines(True)[0], closed), (spoken.bad, False), name)

    def test_what_stands_behind_an_object_is_answered_by_itself(self) -> None:
        expected = {
            "a brace": [],
            "a bracket": [],
            "another object": ["again"],
            "another object on the next line": ["again"],
        }
        for spoken in SPOKEN:
            for name, data, _ in JSON_CASES:
                if not name.startswith("behind: "):
                    continue
                data = with_member(data, spoken.member).replace(
                    b'{"b":2}', b"{" + spoken.member + b"}"
                )
                more = [
                    spoken.answer if one == "again" else one
                    for one in expected.get(name[8:], [spoken.bad])
                ]
                for end in (b"", b"\n"):
                    heard, closed = self.heard(spoken, [data + end])
                    self.assertEqual(
                        (heard.splitlines(True), closed), ([spoken.answer, *more], False), name
                    )

    def test_byte_by_byte_is_no_different(self) -> None:
        for spoken in SPOKEN:
            for name, data, _ in JSON_CASES:
                data = with_member(data, spoken.member)
                if len(data) < 400:
                    self.assertEqual(
                        self.heard(spoken, byte_by_byte(data + b"\n")),
                        self.heard(spoken, [data + b"\n"]),
                        name,
                    )


class ForeignTests(BothCase):
    """Whatever another protocol hides in later lines: nothing is done, and the connection
    closes.
    """

    def test_another_protocol_is_refused_and_nothing_in_it_is_done(self) -> None:
        for spoken in SPOKEN:
            for name, opening in OPENINGS.items():
                for hidden in (
                    spoken.change,
                    b"\n" + spoken.change + b"\n",
                    b"\r\n\r\n" + spoken.change,
                ):
                    peer = self.speaking(spoken)
                    peer.send(opening + hidden)
                    self.clock.advance(QUIET)
                    self.check_given_up(spoken, peer, name)

    def test_nor_where_it_comes_slowly(self) -> None:
        for spoken in SPOKEN:
            for name, opening in OPENINGS.items():
                sent = opening + b"\n\n" + spoken.change + b"\n"
                for pieces in (
                    byte_by_byte(sent),
                    [sent[:5], sent[5:]],
                    [opening, b"\n", spoken.change],
                ):
                    peer = self.speaking(spoken)
                    self.send_slowly(peer, pieces)
                    self.check_given_up(spoken, peer, name)

    def test_a_form_cut_anywhere_runs_nothing(self) -> None:
        form = b"mostrar /?a HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n\r\nx="
        for spoken in SPOKEN:
            sent = form + spoken.change + b"\r\n" + spoken.change
            for first in range(1, len(sent)):
                for second in range(first, min(first + 12, len(sent))):
                    peer = self.speaking(spoken)
                    self.send_slowly(peer, [sent[:first], sent[first:second], sent[second:]])
                    self.check_given_up(spoken, peer, repr((first, second)))

    def send_slowly(self, peer: Peer, pieces: list[bytes]) -> None:
        """Send as long as the connection is open, and be quiet for long enough after each piece."""
        for piece in pieces:
            if piece and not peer.is_closed:
                peer.send(piece)
                self.clock.advance(QUIET)

    def check_given_up(self, spoken: Spoken, peer: Peer, name: str) -> None:
        heard = peer.hear()
        self.assertTrue(peer.is_closed, (spoken.name, name, heard))
        self.assertTrue(heard.endswith(spoken.bad + spoken.farewell), (spoken.name, name, heard))
        if spoken.farewell:
            heard = heard[: -len(spoken.farewell)]
        self.assertEqual(set(heard.splitlines(True)), {spoken.bad}, (spoken.name, name))
        self.assert_unchanged(0)


class PersonTests(BothCase):
    """What people type into a client that sends no newline, one thing after the other."""

    def test_each_gets_an_answer_and_the_operation_too(self) -> None:
        for spoken in SPOKEN:
            peer = self.speaking(spoken)
            for typed in (
                b"mostrar",
                b"[1]",
                b'"x"',
                b"}",
                b'{"op": "mostrar"',
                "{“op”: “mostrar”}".encode(),
                b"help",
            ):
                peer.send(typed)
                self.clock.advance(QUIET)
                self.clock.advance(10)
                self.assertEqual(peer.hear(), spoken.bad, typed)
                self.assertEqual(peer.ask(b"{" + spoken.member + b"}"), spoken.answer, typed)
                self.clock.advance(1)

    def test_a_typed_line_with_a_brace_too_many_gets_one_answer(self) -> None:
        for spoken in SPOKEN:
            for end in (b"}", b"}\n", b"}}]\r\n"):
                self.assertEqual(
                    self.heard(spoken, [b"{" + spoken.member + b"}" + end]), (spoken.answer, False)
                )

    def test_the_table_is_json_as_others_read_it(self) -> None:
        for name, data, is_object in JSON_CASES:
            if is_object:
                self.assertIsInstance(json.loads(data), dict, name)
