# mypy: allow-untyped-calls
"""Every operation of users, messages, way and members, through both faces, at the real daemon."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Final

import orjson
import pytest

from sockcrud.apps.members.client import Member, Welcome
from sockcrud.apps.messages.client import Message
from sockcrud.apps.users.client import User
from sockcrud.apps.way.client import Colleague
from sockcrud.client import errors
from tests.client.client_kit import (
    Face,
    Served,
    Watched,
    a_daemon,
    both_faces,
    have,
    listed,
    not_called,
)
from tests.support.awaiting import awaits

PASSWORD: Final = "correct horse battery"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with a_daemon(tmp_path_factory.mktemp("daemon")) as running:
        yield running


@both_faces
@awaits
async def test_users(face: Face, served: Served) -> None:
    async with face.client("Users", served.at("users")) as client:
        users = Watched(face, "Users", client)
        ana = await have(users.create("Ana", "ana@example.org", 30))
        assert (ana.name, ana.email, ana.age) == ("Ana", "ana@example.org", 30)
        assert ana.created_at == ana.updated_at
        assert ana.created_at.utcoffset() == timedelta()
        rui = await have(users.create("Rui", "rui@example.org", 31))
        assert await have(users.get(ana.id)) == ana
        assert await have(users.list()) == [ana, rui]
        assert await have(users.list(limit=1)) == [ana]
        assert await have(users.list(after=ana.id, limit=5)) == [rui]
        assert await listed(users.all(page=1)) == [ana, rui]
        assert await listed(users.all()) == [ana, rui]
        older = await have(users.update(ana.id, age=31))
        assert isinstance(older, User)
        assert (older.name, older.age, older.created_at) == ("Ana", 31, ana.created_at)
        assert older.updated_at > ana.updated_at
        for user in (ana, rui):
            assert await have(users.delete(user.id)) is None
        with pytest.raises(errors.NotFound, match="User Not Found") as missing:
            await have(users.get(ana.id))
        assert missing.value.status == 404
        with pytest.raises(errors.InvalidRequest):
            await have(users.create("", "ana@example.org", 30))
        assert orjson.loads(await have(users.send('{"id_operation": "nope"}'))) == {
            "error": 404,
            "error_message": "Not Found",
        }
        assert await have(users.close_connection()) == "Connection closed"
        assert await have(users.list()) == []


TEXTS: Final = [
    "plain",
    "o'clock",
    "both ' and \"",
    "two\nlines\\n",
    "tab\t ünï 漢字 \U0001f600 \x07",
    "{'id': 1, 'mensagem': 'x'},",
]


@both_faces
@awaits
async def test_messages(face: Face, served: Served) -> None:
    async with face.client("Messages", served.at("messages")) as client:
        messages = Watched(face, "Messages", client)
        assert await have(messages.show()) == []
        for id, text in enumerate(TEXTS, 10):
            assert await have(messages.add(text, id)) is None
        await have(messages.add("without an id"))
        *known, last = shown = await have(messages.show())
        assert known == [Message(id, text) for id, text in enumerate(TEXTS, 10)]
        assert last.data == "without an id"
        assert await have(messages.get(12)) == Message(12, TEXTS[2])
        with pytest.raises(errors.AlreadyExists, match="Não foi possível adicionar a mensagem"):
            await have(messages.add("another", 10))
        with pytest.raises(errors.InvalidRequest):
            await have(messages.add("", 99))
        for message in shown:
            await have(messages.delete(message.id))
        for operation in (messages.get, messages.delete):
            with pytest.raises(errors.NotFound, match="ID não existe") as missing:
                await have(operation(10))
            assert missing.value.status == 402
        assert '"Requisição inválida"' in await have(messages.send('{"op": "nope"}'))


@both_faces
@awaits
async def test_way(face: Face, served: Served) -> None:
    async with face.client("Way", served.at("way")) as client:
        way = Watched(face, "Way", client)
        with pytest.raises(errors.NotLoggedIn, match="A sessão informada é inválida"):
            await have(way.users())
        with pytest.raises(errors.LoginFailed, match="Usuário ou senha estão inválidos"):
            await have(way.log_in("admin", "wrong"))
        await have(way.log_in("admin", served.password))
        name = f"way-{face.name}"
        await have(way.create_user(name, PASSWORD))
        with pytest.raises(errors.AlreadyExists):
            await have(way.create_user(name, PASSWORD))
        with pytest.raises(errors.InvalidRequest, match="espaços"):
            await have(way.create_user("a b", PASSWORD))
        made = next(user for user in await have(way.users()) if user.user_name == name)
        assert made == Colleague(made.id, name, True)
        assert await have(way.user(made.id)) == made
        for operation in (way.user, way.deactivate_user):
            with pytest.raises(errors.NotFound):
                await have(operation(4711))
        await have(
            way.update_user(
                made.id, active=True, user_name=f"{name}-2", password="another password"
            )
        )
        assert await have(way.user(made.id)) == Colleague(made.id, f"{name}-2", True)
        await have(way.deactivate_user(made.id))
        assert await have(way.user(made.id)) == Colleague(made.id, f"{name}-2", False)
        with pytest.raises(errors.Conflict):
            await have(way.deactivate_user(1))
        session = client.token
        assert (await have(way.fetch("GET", f"/api/usuario/{session}"))).headers[
            "content-type"
        ] == "application/json"
        await have(way.log_out())
        assert client.token is None
        client.token = session
        with pytest.raises(errors.NotLoggedIn):
            await have(way.users())


@both_faces
@awaits
async def test_members(face: Face, served: Served) -> None:
    async with face.client("Members", served.at("members")) as client:
        members = Watched(face, "Members", client)
        email = f"{face.name}@example.org"
        with pytest.raises(errors.Forbidden):
            await have(members.members())
        id = await have(members.sign_up(email, PASSWORD))
        with pytest.raises(errors.AlreadyExists):
            await have(members.sign_up(email, PASSWORD))
        with pytest.raises(errors.InvalidRequest):
            await have(members.sign_up("x", PASSWORD))
        with pytest.raises(errors.LoginFailed, match="Login fail"):
            await have(members.log_in(email, "wrong"))
        assert await have(members.log_in(email, PASSWORD)) == Welcome(
            "Success Login. you are user", 2, "user"
        )
        assert await have(members.members()) == [Member(id, email, 2, "user", True)]
        assert (await have(members.log_in("admin", served.password))).role_name == "admin"
        assert Member(id, email, 2, "user", True) in await have(members.members())
        state = await have(members.state())
        assert state.status == "running"
        assert state.active_connections >= 1
        assert (await have(members.fetch("HEAD", "/"))).body == b""


@both_faces
@awaits
async def test_any_server_that_speaks_http(face: Face, served: Served) -> None:
    async with face.client("Web", f"http://{served.at('shop')}") as client:
        web = Watched(face, "Web", client)
        answer = await have(web.fetch("POST", "/user/create", {"Content-Type": "text/plain"}, "ä"))
        assert (answer.status, answer.reason) == (415, "Unsupported Media Type")
        assert orjson.loads(answer.body) == {"msg": "The body is to be application/json"}
        options = await have(web.fetch("OPTIONS", "/clients/fetch"))
        assert (options.status, options.body) == (204, b"")


@both_faces
def test_every_operation_was_called(face: Face) -> None:
    assert [
        each
        for kind in (
            "Users",
            "Messages",
            "Way",
            "Members",
            "Web",
        )
        for each in not_called(face, kind)
    ] == []
