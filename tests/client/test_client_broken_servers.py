# mypy: allow-untyped-calls
"""What a call ends with at a server that does not behave: the documented error, within the call's
time, in both faces.
"""

from __future__ import annotations

import gc
import time
import warnings
from typing import Any, Final

import pytest
from attrs import frozen

from sockcrud.apps.messages.client import Message
from sockcrud.client import sync
from sockcrud.client.errors import (
    BadAnswer,
    Busy,
    CannotSend,
    ClientError,
    Refused,
    ServerGone,
    TimedOut,
)
from tests.client.client_kit import SOON, Face, Heard, Script, Scripted, both_faces, have, nobody
from tests.support.awaiting import awaits

LONGEST: Final = 1000
"""Bytes of an answer in these tests."""
SLACK: Final = 5.0
"""Seconds a loaded machine may take on top."""

MESSAGE: Final = (
    '{"status":200,"message":"OK","data":"{\'id\': 7, \'mensagem\': \'olá\'}"}'.encode()
)
GONE: Final = '{"status":505,"message":"Conexão encerrada","data":""}\n'.encode()


@frozen
class Wire:
    """A kind of client, one of its reads and one of its changes, and what a server may say to
    that.
    """

    kind: str
    read: str
    change: str
    good: bytes
    garbage: tuple[bytes, ...]

    async def reads(self, client: Any) -> Any:
        return await have(getattr(client, self.read)(*(() if self.read == "health" else (7,))))

    async def changes(self, client: Any) -> Any:
        return await have(getattr(client, self.change)(7))

    def hears(self, heard: Heard) -> bytes:
        return heard.line() if self.kind == "Messages" else heard.head()


LINES: Final = Wire(
    "Messages",
    "get",
    "delete",
    MESSAGE + b"\n",
    (
        b"garbage\n",
        b"\xff\xfe\n",
        b"[1]\n",
        b"{}\n",
        b"\n",
        b'{"status":"200","message":"OK","data":""}\n',
        b'{"status":200,"message":"OK","data":7}\n',
        b'{"status":200,"message":"OK","data":"{1: 2}"}\n',
        b'{"status":200,"message":"OK","data":"' + b"[" * 900 + b'"}\n',
    ),
)
HTTP: Final = Wire(
    "Shop",
    "health",
    "delete_client",
    b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"msg":"up"}',
    (
        b"garbage\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"HTTP/2.0 200 OK\r\n\r\n",
        b"HTTP/1.1 20 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nno field\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 1, 2\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nab\r\n",
        b"HTTP/1.1 101 Switching Protocols\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nmore",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
        b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"msg":1}',
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    ),
)
both_wires: Final = pytest.mark.parametrize("wire", [LINES, HTTP], ids=lambda wire: wire.kind)


def does(*steps: Script) -> Script:
    """Do one after the other."""

    def script(heard: Heard) -> None:
        for step in steps:
            step(heard)

    return script


def says(data: bytes) -> Script:
    return lambda heard: heard.says(data)


def drips(data: bytes, pause: float) -> Script:
    return lambda heard: heard.drips(data, pause)


async def ends(
    face: Face, wire: Wire, where: str, timeout: float = SOON, change: bool = False
) -> ClientError:
    """Return the error that a call ends with, which must be in its time."""
    async with face.client(wire.kind, where, timeout=timeout, longest_answer=LONGEST) as client:
        started = time.monotonic()
        with pytest.raises(ClientError) as ended:
            await (wire.changes if change else wire.reads)(client)
        assert time.monotonic() - started < timeout + SLACK
    return ended.value


@both_wires
@both_faces
@awaits
async def test_a_server_that_never_answers(face: Face, wire: Wire) -> None:
    with Scripted(Heard.stays) as server:
        error = await ends(face, wire, server.where)
    assert (type(error), error.may_have_happened) == (TimedOut, True)
    assert str(error) == "no answer within 0.25 s"


@both_wires
@both_faces
@awaits
async def test_a_server_that_answers_garbage(face: Face, wire: Wire) -> None:
    for garbage in wire.garbage:
        with Scripted(does(wire.hears, says(garbage), Heard.stays)) as server:
            error = await ends(face, wire, server.where, timeout=20)
        assert type(error) is BadAnswer, (garbage, error)


@both_wires
@both_faces
@awaits
async def test_a_server_that_answers_a_byte_at_a_time_is_understood(face: Face, wire: Wire) -> None:
    with Scripted(does(wire.hears, drips(wire.good, 0), Heard.stays)) as server:
        async with face.client(wire.kind, server.where) as client:
            assert await wire.reads(client) in (Message(7, "olá"), "up")


@both_wires
@both_faces
@awaits
async def test_a_server_that_drips_for_longer_than_the_call_has(face: Face, wire: Wire) -> None:
    with Scripted(does(wire.hears, drips(wire.good, 0.02), Heard.stays)) as server:
        error = await ends(face, wire, server.where)
    assert type(error) is TimedOut


@both_wires
@both_faces
@awaits
async def test_a_server_that_closes_as_soon_as_it_has_accepted(face: Face, wire: Wire) -> None:
    for script in (does(), Heard.resets, does(wire.hears, Heard.resets)):
        with Scripted(script) as server:
            error = await ends(face, wire, server.where, timeout=20)
        # Where the reset is there before the request, nothing was sent, and the client may know.
        assert type(error) in (ServerGone, CannotSend), error
        assert error.may_have_happened is (type(error) is ServerGone)


@both_wires
@both_faces
@awaits
async def test_a_server_that_closes_in_the_middle_of_an_answer(face: Face, wire: Wire) -> None:
    with Scripted(does(wire.hears, says(wire.good[:-1]))) as server:
        error = await ends(face, wire, server.where, timeout=20)
        assert server.connections == 1
    assert isinstance(error, ServerGone)
    assert (error.code, error.may_have_happened) == (505, True)


@both_wires
@both_faces
@awaits
async def test_nobody_listens(face: Face, wire: Wire) -> None:
    with nobody() as where:
        error = await ends(face, wire, where, timeout=20)
    assert isinstance(error, CannotSend)
    assert (error.code, error.may_have_happened) == (504, False)
    assert where in str(error)


@both_wires
@both_faces
@awaits
async def test_an_answer_longer_than_the_limit(face: Face, wire: Wire) -> None:
    endless = b"x" * (LONGEST + 1)
    answers = {
        "Messages": [endless, endless + b"\n"],
        "Shop": [
            b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (LONGEST + 1),
            b"HTTP/1.1 200 OK\r\n\r\n" + endless,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n" % (LONGEST * 9)
            + endless,
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
            + b"1\r\nx\r\n" * (LONGEST + 1),
            b"HTTP/1.1 200 OK\r\nA: " + b"x" * 66_000,
        ],
    }
    for answer in answers[wire.kind]:
        with Scripted(does(wire.hears, says(answer), Heard.stays)) as server:
            error = await ends(face, wire, server.where, timeout=20)
        assert type(error) is BadAnswer, error
        assert "longer" in str(error)


@both_wires
@both_faces
@awaits
async def test_a_read_is_asked_again_where_the_connection_was_closed_while_idle(
    face: Face, wire: Wire
) -> None:
    def once(heard: Heard) -> None:
        wire.hears(heard)
        heard.says(wire.good)

    with Scripted(once) as server:
        async with face.client(wire.kind, server.where) as client:
            for _ in range(3):
                await wire.reads(client)
        assert server.connections == 3


@both_wires
@both_faces
@awaits
async def test_a_change_is_never_sent_twice(face: Face, wire: Wire) -> None:
    asked: list[bytes] = []

    def answers_one_and_takes_one(heard: Heard) -> None:
        asked.append(wire.hears(heard))
        heard.says(wire.good)
        asked.append(wire.hears(heard))

    with Scripted(answers_one_and_takes_one) as server:
        async with face.client(wire.kind, server.where) as client:
            await wire.reads(client)
            with pytest.raises(ServerGone) as gone:
                await wire.changes(client)
            assert gone.value.may_have_happened
            assert len(asked) == 2
            await wire.reads(client)
        assert (server.connections, len(asked)) == (2, 4 if asked[-1] == b"" else 3)


CREATED: Final = b'HTTP/1.1 201 Created\r\nContent-Length: 8\r\n\r\n{"id":5}'
IN_DOUBT: Final = b"HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\n{}"


async def creates(client: Any) -> Any:
    return await have(client.create_product("pen", "", 1, "0.10"))


@pytest.mark.parametrize("first", [b"", CREATED[:30], IN_DOUBT], ids=["gone", "cut", "in doubt"])
@both_faces
@awaits
async def test_a_create_of_which_nobody_knows_is_sent_once_more_under_the_same_key(
    face: Face, first: bytes
) -> None:
    asked: list[bytes] = []

    def takes_one(heard: Heard) -> None:
        asked.append(heard.request())
        heard.says(first)
        if first == IN_DOUBT:
            good(heard)

    def good(heard: Heard) -> None:
        asked.append(heard.request())
        heard.says(CREATED)

    with Scripted(takes_one, good) as server:
        async with face.client("Shop", server.where) as client:
            assert await creates(client) == 5
    assert asked[0] == asked[1]
    assert b'\r\nIdempotency-Key: "' in asked[0]


@pytest.mark.parametrize("said", [b"", IN_DOUBT], ids=["gone", "in doubt"])
@both_faces
@awaits
async def test_a_create_is_sent_twice_at_most_and_without_a_key_once(
    face: Face, said: bytes
) -> None:
    asked: list[bytes] = []

    def takes(heard: Heard) -> None:
        while request := heard.request():
            asked.append(request)
            heard.says(said)
            if not said:
                break

    for keyed, times in ((True, 2), (False, 1)):
        asked.clear()
        with Scripted(takes) as server:
            async with face.client("Shop", server.where) as client:
                client.sends_keys = keyed
                with pytest.raises(ClientError) as caught:
                    await creates(client)
        assert caught.value.may_have_happened
        assert (len(asked), asked.count(asked[0])) == (times, times)


@both_faces
@awaits
async def test_a_key_that_is_in_use_at_this_moment_is_not_told_as_a_refusal(face: Face) -> None:
    def busy(heard: Heard) -> None:
        heard.request()
        heard.says(b"HTTP/1.1 409 Conflict\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n")

    with Scripted(busy) as server:
        async with face.client("Shop", server.where) as client:
            with pytest.raises(Busy) as caught:
                await creates(client)
    assert (caught.value.retry_after, caught.value.may_have_happened) == (1, True)


@both_wires
@both_faces
@awaits
async def test_a_read_is_sent_twice_at_most(face: Face, wire: Wire) -> None:
    def answers_one_and_takes_one(heard: Heard) -> None:
        wire.hears(heard)
        heard.says(wire.good)
        wire.hears(heard)

    def takes_one(heard: Heard) -> None:
        wire.hears(heard)

    with Scripted(answers_one_and_takes_one, takes_one) as server:
        async with face.client(wire.kind, server.where) as client:
            await wire.reads(client)
            with pytest.raises(ServerGone):
                await wire.reads(client)
        assert server.connections == 2


@both_wires
@both_faces
@awaits
async def test_after_a_time_out_the_next_call_has_a_connection_of_its_own(
    face: Face, wire: Wire
) -> None:
    late = wire.good.replace(b"up", b"no").replace(b"'id': 7", b"'id': 8")

    def answers_late(heard: Heard) -> None:
        wire.hears(heard)
        if not heard.connection.recv(1):  # the client has gone
            heard.says(late)

    with Scripted(answers_late, does(wire.hears, says(wire.good), Heard.stays)) as server:
        async with face.client(wire.kind, server.where, timeout=0.5) as client:
            with pytest.raises(TimedOut):
                await wire.reads(client)
            assert await wire.reads(client) in (Message(7, "olá"), "up")


@both_wires
@both_faces
@awaits
async def test_what_nobody_asked_for_is_not_taken_for_an_answer(face: Face, wire: Wire) -> None:
    other = wire.good.replace(b"up", b"no").replace(b"'id': 7", b"'id': 8")
    says_two = does(wire.hears, says(wire.good + other), lambda heard: heard.connection.recv(1))
    with Scripted(says_two, does(wire.hears, says(wire.good), Heard.stays)) as server:
        async with face.client(wire.kind, server.where) as client:
            assert [await wire.reads(client), await wire.reads(client)] in (
                [Message(7, "olá")] * 2,
                ["up"] * 2,
            )


@both_faces
@awaits
async def test_the_last_line_of_a_server_of_messages_says_that_it_is_gone(face: Face) -> None:
    with Scripted(does(Heard.line, says(GONE))) as server:
        async with face.client("Messages", server.where) as client:
            with pytest.raises(ServerGone) as gone:
                await have(client.add("text"))
    assert (gone.value.code, gone.value.message) == (505, "Conexão encerrada")


@both_faces
@awaits
async def test_what_cannot_be_sent_to_a_server_of_messages_has_the_documents_words(
    face: Face,
) -> None:
    with nobody() as where:
        async with face.client("Messages", where) as client:
            with pytest.raises(CannotSend) as unsent:
                await have(client.add("text"))
    assert (unsent.value.code, unsent.value.message) == (504, "Mensagem não foi enviada")


def http(*said: bytes) -> Script:
    """Hear one request for each of these, and say them."""
    return does(*(step for each in said for step in (Heard.head, says(each))))


@both_faces
@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nA: b\r\n\r\n" + HTTP.good,
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: "
        b'chunked\r\n\r\n5;a=b\r\n{"msg\r\n7\r\n":"up"}\r\n0\r\nX: y\r\n\r\n',
        b'HTTP/1.1 200 OK\r\n\r\n{"msg":"up"}',
        b'HTTP/1.0 200 OK\r\nContent-Length: 12\r\n\r\n{"msg":"up"}',
        b'HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 12\r\n\r\n{"msg":"up"}',
    ],
    ids=["interim", "chunked", "closed", "1.0", "connection: close"],
)
@awaits
async def test_answers_of_http_in_all_their_forms(face: Face, said: bytes) -> None:
    with Scripted(http(said)) as server:
        async with face.client("Shop", server.where) as client:
            assert [await have(client.health()) for _ in range(3)] == ["up"] * 3
        assert server.connections == 3


@both_faces
@awaits
async def test_a_client_that_was_closed_sends_nothing(face: Face) -> None:
    with Scripted(http(HTTP.good)) as server:
        client = face.make("Shop", server.where)
        await have(client.health())
        await have(client.close())
        await have(client.close())
        with pytest.raises(CannotSend, match="closed"):
            await have(client.health())
        assert server.connections == 1


@both_faces
@awaits
async def test_a_large_body_that_is_refused_before_it_is_sent_ends_in_the_refusal(
    face: Face,
) -> None:
    refusal = b'{"error":{"code":"too_large","message":"too large","field":null}}'
    said = (
        b"HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(refusal)
        + refusal
    )
    with Scripted(does(Heard.head, says(said), Heard.stays)) as server:
        async with face.client("Admin", server.where, timeout=2) as client:
            pieces = (b"x" * 65536 for _ in range(8))
            with pytest.raises(Refused) as refused:
                await have(client.import_lines(pieces, 8 * 65536))
    assert (refused.value.status, refused.value.message) == (413, "too large")


@both_wires
def test_the_blocking_face_leaves_no_socket(wire: Wire) -> None:
    scripts: list[Script] = [
        Heard.stays,
        Heard.resets,
        does(),
        does(wire.hears, says(b"garbage\n\r\n\r\n")),
    ]
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always", ResourceWarning)
        for script in scripts:
            with Scripted(script) as server:
                client = getattr(sync, wire.kind)(server.where, timeout=SOON)
                with pytest.raises(ClientError):
                    getattr(client, wire.change)(7)
                del client  # which nobody has closed
                gc.collect()
    assert [str(each.message) for each in warned if each.category is ResourceWarning] == []
