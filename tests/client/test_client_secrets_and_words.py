"""What the client library says: nothing secret, and the same words as the servers."""

from __future__ import annotations

import subprocess
import sys
import traceback
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sockcrud.apps.messages import client as messages
from sockcrud.apps.messages import dialect as served_messages
from sockcrud.apps.messages.client import Message
from sockcrud.apps.shop.client import amount
from sockcrud.apps.way import client as way
from sockcrud.apps.way import dialect as served_way
from sockcrud.client import errors, sync
from sockcrud.client.calls import Call
from sockcrud.client.errors import BadAnswer, CannotSend
from sockcrud.client.http_answers import Answer
from tests.client.client_kit import Heard, Scripted

SECRET = "correct-horse"
PASSWORD = "the-password"
HTTP = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"


def carried(kind: str) -> list[tuple[Any, Call[Any, Any]]]:
    """Return clients, and the calls they would send that have a secret in them."""
    client = getattr(sync, kind)()
    client.token = SECRET
    calls: list[Call[Any, Any]] = []
    client._driver.carry = calls.append
    client.log_in("ana", SECRET)
    if kind == "Shop":
        client.sign_up("ana", SECRET)
        client.clients()
    elif kind == "Way":
        client.users()
    else:
        client.fetch("GET", "/", {"Authorization": SECRET})
    return [(client, call) for call in calls]


@pytest.mark.parametrize("kind", ["Shop", "Way", "Members", "Admin"])
def test_no_client_no_call_and_no_answer_shows_a_secret(kind: str) -> None:
    for client, call in carried(kind):
        assert SECRET not in repr(client) + repr(call)
    body = b'{"token": "correct-horse"}'
    assert SECRET not in repr(Answer(200, "OK", {"set-cookie": SECRET}, body))


@pytest.mark.parametrize(
    "said",
    [
        b'{"token": "correct-horse", "users": 7}',
        b'{"IDSessao": "correct-horse", "Status": 7}',
        b'["correct-horse"]',
        b'"correct-horse',
        b'{"token": ["correct-horse"]}',
    ],
)
def test_no_error_about_an_answer_tells_what_was_in_it(said: bytes) -> None:
    def script(heard: Heard) -> None:
        heard.connection.recv(65536)
        heard.says(HTTP % (len(said), said))

    for kind in ("Shop", "Way", "Members", "Admin"):
        with Scripted(script) as server, getattr(sync, kind)(server.where) as client:
            try:
                client.log_in("ana", PASSWORD)
                client.token = None
                client.fetch("GET", "/")
            except BadAnswer:
                told = traceback.format_exc()
                assert SECRET not in told
                assert PASSWORD not in told


def test_a_token_that_cannot_be_sent_is_not_told() -> None:
    for kind in ("Shop", "Way", "Members", "Admin"):
        client = getattr(sync, kind)()
        client.token = f"{SECRET}\r\nX: y"
        with pytest.raises(CannotSend) as wrong:
            client.log_out() if kind != "Members" else client.members()
        assert SECRET not in "".join(traceback.format_exception(wrong.value))


def test_the_words_are_the_servers_own() -> None:
    assert (messages.MessagesCalls.words.cannot_send, messages.MessagesCalls.words.server_gone) == (
        served_messages.STATUSES[errors.CannotSend.code],
        served_messages.STATUSES[errors.ServerGone.code],
    )
    assert {
        served_way.WRONG_LOGIN: errors.LoginFailed,
        served_way.INVALID_SESSION: errors.NotLoggedIn,
        served_way.NO_PERMISSION: errors.Forbidden,
        served_way.NO_SUCH_USER: errors.NotFound,
        served_way.NAME_TAKEN: errors.AlreadyExists,
        served_way.LAST_ADMIN: errors.Conflict,
        served_way.QUOTA_EXCEEDED: errors.Conflict,
    } == way.REFUSALS


@given(st.lists(st.tuples(st.integers(-(2**63), 2**63 - 1), st.text(max_size=50))))
def test_messages_are_read_back_as_they_were_whatever_is_in_them(
    stored: list[tuple[int, str]],
) -> None:
    shown = ",".join(repr({"id": id, "mensagem": text}) for id, text in stored)
    assert messages._messages(shown) == [Message(id, text) for id, text in stored]


@given(st.text(alphabet="{}[]()',: idmensag\\x\"1", max_size=60))
def test_what_is_no_message_is_a_bad_answer_and_nothing_else(garbage: str) -> None:
    for text in (
        garbage,
        "{'id': 1, 'mensagem': '" + garbage,
        "{'id': 1, 'mensagem': '" + garbage + "'}",
    ):
        try:
            found = messages._messages(text)
        except BadAnswer:
            continue
        assert all(type(message.id) is int and type(message.data) is str for message in found)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        "{'id': 1, 'mensagem': " * 10_000,
        "{'id': 1, 'mensagem': '" + "\\" * 99_999,
        "{'id': 1, 'mensagem': __import__('os')}",
        "{'id': 1, 'mensagem': 'a' 'b'}",
        "{'id': 1, 'mensagem': '\\q'}",
        "{'id': 1, 'mensagem': '\\U00110000'}",
        "{'id': 1, 'mensagem': 'a'},",
        "{'id': 1, 'mensagem': 'a'};{'id': 2, 'mensagem': 'b'}",
        "{'id': 99999999999999999999, 'mensagem': 'a'}",
    ],
)
def test_messages_that_are_nested_endless_or_code_are_a_bad_answer(text: str) -> None:
    with pytest.raises(BadAnswer):
        messages._messages(text)


def test_money_is_sent_as_the_exact_number_it_is() -> None:
    from decimal import Decimal

    import orjson

    sent = orjson.dumps(
        [
            amount(value)
            for value in (Decimal("30.25"), Decimal("1E+3"), Decimal("0.10"), Decimal("NaN"), 7)
        ]
    )
    assert sent == b'[30.25,1000,0.10,"NaN",7]'


def test_the_blocking_face_needs_no_reactor_and_nothing_else_of_twisted() -> None:
    program = "import sys, sockcrud.client.sync as s; s.Users(); sys.exit('twisted' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0


def test_the_asynchronous_face_takes_its_reactor_and_imports_none() -> None:
    program = (
        "import sys, sockcrud.client as c; c.Users(None); "
        "sys.exit('twisted.internet.reactor' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 0
