"""Records of three dialects as one that may be read, created, written and deleted: what to ask, and
what the answer means.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any, ClassVar, Final, Protocol

from attrs import define, field, frozen

from tests.proofs.durability.crash_load import Http, Json, Unavailable, is_unknown
from tests.proofs.nodes.linearizable import Kind, Outcome, Value
from tests.proofs.nodes.outage_watch import Watch
from tests.support.running import Daemon


class Strange(Exception):
    """An answer that fits no outcome."""


@frozen
class Told:
    """What was answered: the outcome, what was read, and the revision of that where it is told."""

    outcome: Outcome
    value: Value = None
    tag: str | None = None


@define(eq=False)
class Ports:
    """The connections of somebody to one daemon, opened when they are needed."""

    daemon: Daemon
    token: str
    watch: Watch
    _open: dict[str, Http | Json] = field(factory=dict)

    def http(self, service: str) -> Http:
        if service not in self._open:
            self._open[service] = Http(self.daemon.ports[service], self.token, self.watch)
        port = self._open[service]
        assert isinstance(port, Http)
        return port

    def json(self, dialect: str) -> Json:
        if dialect not in self._open:
            self._open[dialect] = Json(self.daemon, dialect, self.watch)
        port = self._open[dialect]
        assert isinstance(port, Json)
        return port

    def close(self) -> None:
        """Hang up; whoever goes on has new connections."""
        while self._open:
            self._open.popitem()[1].close()


class Door(Protocol):
    """One record. Raise `Unavailable` where the store is away, and nobody knows."""

    @property
    def id(self) -> int: ...

    kinds: ClassVar[Mapping[Kind, float]]
    """What can be asked of it, and how often it is, compared with the others."""
    has_tags: ClassVar[bool]
    """Whether a write and a deletion may be conditional."""

    def ask(self, ports: Ports, kind: Kind, value: Value, tag: str | None) -> Told:
        """Ask so; where there is a tag, only if the record has it."""

    def read_all(self, ports: Ports) -> Mapping[int, Value]:
        """Return the values of all records of the kind, by their ids, out of one list."""


@frozen
class ShopClient:
    """A client of the shop. Its balance is the value."""

    id: int
    cpf: str
    kinds: ClassVar[Mapping[Kind, float]] = {Kind.READ: 5, Kind.WRITE: 5, Kind.DELETE: 0.1}
    has_tags: ClassVar[bool] = True

    def ask(self, ports: Ports, kind: Kind, value: Value, tag: str | None) -> Told:
        port = ports.http("shop")
        more = {} if tag is None else {"If_Match": tag}
        if kind is Kind.READ:
            status, answer = port.ask("GET", f"/clients/fetch/{self.id}")
        elif kind is Kind.WRITE:
            status, answer = port.ask(
                "PUT", f"/clients/update/{self.id}", self.fields(value), **more
            )
        else:
            status, answer = port.ask("DELETE", f"/clients/delete/{self.id}", **more)
        if is_unknown(status, answer):
            raise Unavailable(str(answer))
        if status not in _OF_HTTP:
            raise Strange(f"{kind.value}: {status} {answer}")
        if status != 200:
            return Told(_OF_HTTP[status])
        read = int(float(answer["balance"])) if kind is Kind.READ else None
        return Told(Outcome.DONE, read, port.fields.get("ETag"))

    def read_all(self, ports: Ports) -> Mapping[int, Value]:
        clients = ports.http("shop").do("GET", "/clients/fetch")
        return {client["id"]: int(float(client["balance"])) for client in clients}

    def fields(self, value: Value) -> dict[str, Any]:
        """Return what to ask for, to make it that."""
        return {
            "name": "Client",
            "email": f"{self.cpf}@example.org",
            "cpf": self.cpf,
            "balance": f"{value}.00",
        }


_OF_HTTP: Final = {200: Outcome.DONE, 404: Outcome.MISSING, 412: Outcome.DIFFERS}


@frozen
class User:
    """A user. Its name is the value."""

    id: int
    kinds: ClassVar[Mapping[Kind, float]] = {Kind.READ: 5, Kind.WRITE: 5, Kind.DELETE: 0.1}
    has_tags: ClassVar[bool] = False

    def ask(self, ports: Ports, kind: Kind, value: Value, tag: str | None) -> Told:
        port = ports.json("users")
        operation, payload = _OF_USERS[kind], {"user_id": self.id, "data": {"name": str(value)}}
        port.send({"id_operation": operation, "payload": payload})
        answer = port.hear()
        if answer == {"error": 404, "error_message": "User Not Found"}:
            return Told(Outcome.MISSING)
        if "error" in answer:
            raise Strange(f"{operation}: {answer}")
        return Told(Outcome.DONE, int(answer["payload"]["name"]) if kind is Kind.READ else None)

    def read_all(self, ports: Ports) -> Mapping[int, Value]:
        port = ports.json("users")
        port.send({"id_operation": "get_users"})
        return {user["id"]: int(user["name"]) for user in port.hear()["payload"]}


_OF_USERS: Final = {Kind.READ: "get_user", Kind.WRITE: "update_user", Kind.DELETE: "delete_user"}


@frozen
class Message:
    """A message, whose id is the clients': once deleted, it may be created again."""

    id: int
    kinds: ClassVar[Mapping[Kind, float]] = {Kind.READ: 2, Kind.CREATE: 1, Kind.DELETE: 0.8}
    has_tags: ClassVar[bool] = False

    def ask(self, ports: Ports, kind: Kind, value: Value, tag: str | None) -> Told:
        port = ports.json("messages")
        port.send({"op": _OF_MESSAGES[kind], "id": self.id, "data": str(value)})
        answer = port.hear()
        outcome = _ANSWERED.get((kind, answer["status"]))
        if outcome is None:
            raise Strange(f"{kind.value}: {answer}")
        if kind is Kind.READ and outcome is Outcome.DONE:
            return Told(outcome, int(ast.literal_eval(answer["data"])["mensagem"]))
        return Told(outcome)

    def read_all(self, ports: Ports) -> Mapping[int, Value]:
        port = ports.json("messages")
        port.send({"op": "mostrar"})
        messages = ast.literal_eval(f"[{port.hear()['data']}]")
        return {message["id"]: int(message["mensagem"]) for message in messages}


_OF_MESSAGES: Final = {Kind.READ: "mostrar", Kind.CREATE: "adicionar", Kind.DELETE: "deletar"}
_ANSWERED: Final = {
    (Kind.READ, 200): Outcome.DONE,
    (Kind.READ, 402): Outcome.MISSING,
    (Kind.CREATE, 201): Outcome.DONE,
    (Kind.CREATE, 401): Outcome.EXISTS,
    (Kind.DELETE, 202): Outcome.DONE,
    (Kind.DELETE, 402): Outcome.MISSING,
}
