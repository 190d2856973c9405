"""Messages as JSON on TCP: docs/protocols/messages.md and json-lines.md."""

from __future__ import annotations

import json
from ast import literal_eval
from typing import Any, Final

from hypothesis import given
from hypothesis import strategies as some
from twisted.internet.defer import Deferred

from sockcrud.apps.messages.records import Message
from sockcrud.errors import Busy, InDoubt, Unavailable
from sockcrud.protocols.lifetime import LAST_WORDS
from tests.support.connection_kit import Peer
from tests.support.dialect_case import DialectCase, request


def answer(status: int, message: str, data: str = "") -> bytes:
    """Return an answer as the protocol writes it, to the byte."""
    written = json.dumps(
        {"status": status, "message": message, "data": data},
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return written.encode() + b"\n"


OK: Final = answer(200, "OK")
CREATED: Final = answer(201, "Mensagem criada")
DELETED: Final = answer(202, "Mensagem deletada")
NOT_SHOWN: Final = answer(400, "Não foi possível mostrar as mensagens")
NOT_ADDED: Final = answer(401, "Não foi possível adicionar a mensagem")
NO_SUCH_ID: Final = answer(402, "ID não existe")
NOT_DELETED: Final = answer(403, "Não foi possível deletar a mensagem")
CLOSED: Final = answer(505, "Conexão encerrada")
BAD_REQUEST: Final = answer(400, "Requisição inválida")

NO_ID: Final[tuple[Any, ...]] = (
    *(True, False, 0.0, 1.0, 1.5, 2**63, -(2**63) - 1, 10**30, [], [1], {}),
    *(" ", " 1", "+1", "-1", "1.0", "x", "١", "1\n", "9223372036854775808", "9" * 19, "0" * 20),
)


def shown(*data: str) -> bytes:
    return answer(200, "OK", ",".join(data))


def add(id: Any, data: Any = "teste") -> bytes:
    return request(op="adicionar", id=id, data=data)


def show(id: Any = "") -> bytes:
    return request(op="mostrar", id=id, data="")


def delete(id: Any) -> bytes:
    return request(op="deletar", id=id, data="")


class MessagesCase(DialectCase):
    def setUp(self) -> None:
        super().setUp()
        self.peer = self.messages()

    def check(self, asked: bytes, expected: bytes) -> None:
        self.assertEqual(self.peer.ask(asked).decode(), expected.decode(), asked)

    def check_refused(self, asked: bytes, expected: bytes) -> None:
        """Check the answer, that nothing was stored, and that the connection goes on."""
        before = self.store.rev
        self.check(asked, expected)
        self.assert_unchanged(before)
        self.check(show(404), NO_SUCH_ID)

    def ids(self) -> list[int]:
        return [message.id for message in self.stored(Message)]


class DocumentTests(MessagesCase):
    def test_show_all(self) -> None:
        self.check(
            b'{"op": "mostrar", "id": "", "data": ""}\n',
            b'{"status":200,"message":"OK","data":""}\n',
        )
        self.check(add(1, "abc") + add(2, "fgh"), CREATED * 2)
        self.check(
            b'{"op": "mostrar", "id": "", "data": ""}\n',
            b"""{"status":200,"message":"OK","data":"{'id': 1, 'mensagem': 'abc'},"""
            b"""{'id': 2, 'mensagem': 'fgh'}"}\n""",
        )

    def test_show_is_400_where_it_cannot_be_done(self) -> None:
        self.check(
            b'{"op": "mostrar", "id": "x", "data": ""}\n',
            '{"status":400,"message":"Não foi possível mostrar as mensagens","data":""}\n'.encode(),
        )

    def test_add(self) -> None:
        asked = b'{"op": "adicionar", "id": 3, "data": "teste"}\n'
        self.check(asked, b'{"status":201,"message":"Mensagem criada","data":""}\n')
        self.check(
            asked,
            '{"status":401,"message":"Não foi possível adicionar a mensagem","data":""}\n'.encode(),
        )
        self.check(show(), shown("{'id': 3, 'mensagem': 'teste'}"))

    def test_delete(self) -> None:
        self.check(add(3), CREATED)
        asked = b'{"op": "deletar", "id": 3, "data": ""}\n'
        self.check(asked, b'{"status":202,"message":"Mensagem deletada","data":""}\n')
        self.check(asked, '{"status":402,"message":"ID não existe","data":""}\n'.encode())
        self.check(
            b'{"op": "deletar", "id": "", "data": ""}\n',
            '{"status":403,"message":"Não foi possível deletar a mensagem","data":""}\n'.encode(),
        )

    def test_the_last_line_before_the_server_closes_is_505(self) -> None:
        self.check(
            b"x" * 70_000,
            BAD_REQUEST + '{"status":505,"message":"Conexão encerrada","data":""}\n'.encode(),
        )
        self.assertTrue(self.peer.is_closed)


class RequestTests(MessagesCase):
    def test_an_unknown_operation_or_none_is_an_invalid_request(self) -> None:
        names: tuple[Any, ...] = (
            "",
            "show",
            "MOSTRAR",
            "mostrar ",
            None,
            True,
            1,
            1.5,
            [],
            ["mostrar"],
            {},
            {"mostrar": 1},
        )
        for name in names:
            self.check_refused(request(op=name, id=1, data="x"), BAD_REQUEST)
        self.check_refused(request(id=1, data="x"), BAD_REQUEST)
        self.check_refused(b"{}\n", BAD_REQUEST)

    def test_what_is_no_json_object_is_an_invalid_request(self) -> None:
        for line in (
            b"hello",
            b"[]",
            b'"mostrar"',
            b"null",
            b'{"op": NaN}',
            b"{'op': 'mostrar'}",
            b'{"op": "\xff"}',
            b"{",
        ):
            self.check_refused(line + b"\n", BAD_REQUEST)
        self.check_refused(add(1, "DATA").replace(b"DATA", rb"\ud800"), BAD_REQUEST)

    def test_a_web_page_is_refused_and_cut_off(self) -> None:
        self.check(b"POST / HTTP/1.1\r\nHost: x\r\n\r\n" + add(1), BAD_REQUEST + CLOSED)
        self.assertTrue(self.peer.is_closed)
        self.assert_unchanged(0)

    def test_fields_that_are_not_used_are_ignored_and_the_last_of_a_key_counts(self) -> None:
        self.check(request(op="adicionar", id=1, data="a", rev=7, mensagem="b"), CREATED)
        self.check(
            request(op="mostrar", id=1, data=["x"], limit="x"), shown("{'id': 1, 'mensagem': 'a'}")
        )
        self.check(b'{"op": 1, "op": "deletar", "id": "x", "id": 1, "data": 5}', DELETED)

    def test_an_id_may_be_a_string_of_digits(self) -> None:
        self.check(add("0003", "a"), CREATED)
        self.check(add(3, "b"), NOT_ADDED)
        for id in (3, "3", "000000000003"):
            self.check(show(id), shown("{'id': 3, 'mensagem': 'a'}"))
        self.check(delete("3"), DELETED)
        self.check(add("9223372036854775807", "c"), CREATED)
        self.check(show(2**63 - 1), shown("{'id': 9223372036854775807, 'mensagem': 'c'}"))

    def test_ids_have_64_bits(self) -> None:
        for id in (-(2**63), -1, 0, 2**63 - 1):
            self.check_refused(show(id), NO_SUCH_ID)
            self.check_refused(delete(id), NO_SUCH_ID)
            self.check(add(id, "a"), CREATED)
            self.check(show(id), shown(f"{{'id': {id}, 'mensagem': 'a'}}"))
        self.assertEqual(self.ids(), [-(2**63), -1, 0, 2**63 - 1])

    def test_what_is_no_whole_number_is_no_id(self) -> None:
        self.check(add(0) + add(1), CREATED * 2)
        for id in NO_ID:
            self.check_refused(show(id), NOT_SHOWN)
            self.check_refused(add(id), NOT_ADDED)
            self.check_refused(delete(id), NOT_DELETED)

    def test_deleting_needs_an_id(self) -> None:
        self.check(add(1), CREATED)
        for asked in (
            delete(None),
            delete(""),
            request(op="deletar"),
            request(op="deletar", data="1"),
        ):
            self.check_refused(asked, NOT_DELETED)


class AddTests(MessagesCase):
    def test_where_the_client_gives_no_id_it_is_the_highest_ever_used_plus_one(self) -> None:
        self.check(
            add("") + add(None) + request(op="adicionar", data="x") + add(10) + add(""), CREATED * 5
        )
        self.assertEqual(self.ids(), [1, 2, 3, 10, 11])
        self.check(delete(11) + add(""), DELETED + CREATED)
        self.assertEqual(self.ids(), [1, 2, 3, 10, 12])

    def test_the_lowest_unused_once_that_is_exhausted(self) -> None:
        self.check(add(1) + add(3) + add(2**63 - 1) + add("") + add("") + add(-5), CREATED * 6)
        self.assertEqual(self.ids(), [-5, 1, 2, 3, 4, 2**63 - 1])

    def test_an_id_that_exists_is_401_and_the_message_stays_as_it_was(self) -> None:
        self.check(add(3, "a"), CREATED)
        self.check_refused(add(3, "b"), NOT_ADDED)
        self.check(show(3), shown("{'id': 3, 'mensagem': 'a'}"))

    def test_an_id_that_was_deleted_can_be_used_again(self) -> None:
        self.check(add(3) + delete(3) + add(3, "new"), CREATED + DELETED + CREATED)
        self.check(show(), shown("{'id': 3, 'mensagem': 'new'}"))

    def test_a_message_is_a_text_of_1_to_10_000_characters(self) -> None:
        self.check(add(1, "x") + add(2, "ç" * 10_000), CREATED * 2)
        wrong: tuple[Any, ...] = ("", "x" * 10_001, None, 1, 1.5, True, [], ["x"], {}, "a\0b")
        for data in wrong:
            self.check_refused(add(3, data), NOT_ADDED)
        self.check_refused(request(op="adicionar", id=3), NOT_ADDED)


class ShowTests(MessagesCase):
    def test_messages_come_in_the_order_of_their_ids(self) -> None:
        self.check(add(5, "e") + add(-1, "a") + add(2, "b"), CREATED * 3)
        self.check(
            show(),
            shown(
                "{'id': -1, 'mensagem': 'a'}",
                "{'id': 2, 'mensagem': 'b'}",
                "{'id': 5, 'mensagem': 'e'}",
            ),
        )

    def test_without_an_id_or_with_an_empty_one_all_are_shown(self) -> None:
        self.check(add(1, "a"), CREATED)
        for asked in (show(), show(None), request(op="mostrar"), b'{"op":"mostrar"}'):
            self.check(asked, shown("{'id': 1, 'mensagem': 'a'}"))

    def test_letters_are_shown_as_they_are(self) -> None:
        self.check(add(1, "Olá, 한글 😀"), CREATED)
        self.check(
            show(),
            '{"status":200,"message":"OK","data":"{\'id\': 1, \'mensagem\': \'Olá, 한글 '
            "😀'}\"}\n".encode(),
        )

    def test_quotes_and_line_ends_are_shown_as_python_writes_them(self) -> None:
        written = {
            1: "it's",
            2: 'say "no"',
            3: 'it\'s "no"',
            4: "a\nb\r\tc",
            5: "a\\nb",
            6: "'},{'id': 9, 'mensagem': 'x",
        }
        for id, text in written.items():
            self.check(add(id, text), CREATED)
            self.check(show(id), shown(f"{{'id': {id}, 'mensagem': {text!r}}}"))
        self.assertEqual(self.read_back(), written)

    def read_back(self) -> dict[int, str]:
        """Return what is shown, as a Python client reads it."""
        shown = json.loads(self.peer.ask(show()))["data"]
        return {record["id"]: record["mensagem"] for record in literal_eval(f"[{shown}]")}

    @given(
        some.lists(
            some.text(
                some.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1
            ),
            max_size=5,
        )
    )
    def test_any_messages_can_be_read_back(self, texts: list[str]) -> None:
        self.setUp()
        written = dict(enumerate(texts, 1))
        for id, text in written.items():
            self.check(add(id, text), CREATED)
        self.assertEqual(self.read_back(), written)

    def test_a_long_list_is_the_messages_at_one_moment_whatever_others_change_meanwhile(
        self,
    ) -> None:
        texts = {id: f'it\'s "{id}"\n' for id in range(1, 2001)}
        for id, text in texts.items():
            self.check(add(id, text), CREATED)
        self.peer.send(show())
        other = self.messages()
        heard = self.peer.hear()
        for id in range(1, 2000, 300):
            self.assertEqual(
                other.ask(delete(id) + add(id, "new") + add("", "newer")), DELETED + CREATED * 2
            )
            heard += self.peer.hear()
            self.turn()
        self.turn(5)
        expected = shown(*(repr({"id": id, "mensagem": text}) for id, text in texts.items()))
        self.assertEqual((heard + self.peer.hear()).decode(), expected.decode())
        self.check(show(1), shown("{'id': 1, 'mensagem': 'new'}"))


class EndTests(MessagesCase):
    def test_an_idle_connection_ends_with_505(self) -> None:
        self.clock.advance(300)
        self.assertEqual((self.peer.hear(), self.peer.is_closed), (CLOSED, True))

    def test_a_stop_answers_what_came_in_and_says_505(self) -> None:
        late: Deferred[None] = Deferred()
        self.store.late = late
        self.peer.send(add(1, "a") + show())
        self.finishing()
        late.callback(None)
        self.assertEqual(
            (self.peer.hear(), self.peer.is_closed),
            (CREATED + shown("{'id': 1, 'mensagem': 'a'}") + CLOSED, True),
        )

    def test_a_client_that_closes_its_half_gets_its_answers_alone(self) -> None:
        self.peer.send(add(1) + b'{"op":"mostrar"')
        self.peer.half_close()
        self.assertEqual((self.peer.hear(), self.peer.is_closed), (CREATED + BAD_REQUEST, True))

    def test_one_connection_too_many_is_told_505(self) -> None:
        self.connections.most = 1
        late = self.messages()
        self.assertEqual((late.hear(), late.is_closed), (CLOSED, True))

    def test_a_client_that_does_not_take_its_505_is_cut_off(self) -> None:
        self.clock.advance(300)
        self.clock.advance(LAST_WORDS)
        self.assertTrue(self.peer.is_aborted)


class FailureTests(MessagesCase):
    def failing(self, error: Exception) -> list[tuple[bytes, Peer, bytes]]:
        """Return what each operation answers, on a connection of its own, while the store fails
        like this.
        """
        self.store.error = error
        asked = {NOT_ADDED: add(1), NOT_SHOWN: show(1), NOT_DELETED: delete(1)}
        every = [*asked.items(), (NOT_SHOWN, show())]
        return [
            (refusal, peer := self.messages(), peer.ask(one + b"hello\n")) for refusal, one in every
        ]

    def test_a_store_that_cannot_serve_is_505_and_the_end(self) -> None:
        for error in (Busy(), Unavailable(), InDoubt()):
            for _, peer, heard in self.failing(error):
                self.assertEqual((heard, peer.is_closed), (CLOSED, True))

    def test_a_crash_is_the_status_of_the_operation_and_logged_once_and_the_connection_goes_on(
        self,
    ) -> None:
        for refusal, peer, heard in self.failing(ValueError("secret")):
            self.assertEqual((heard, peer.is_closed), (refusal + BAD_REQUEST, False))
            self.assert_no_trace_of("secret", heard)
        self.assertEqual(len(self.flushLoggedErrors(ValueError)), 4)
