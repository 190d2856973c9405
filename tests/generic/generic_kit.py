# mypy: allow-untyped-calls
"""A library: two kinds of record with every kind of field, behind both wires that a record gets
without writing them.
"""

from __future__ import annotations

import json
from base64 import b64encode
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

import orjson
from attrs import frozen
from twisted.internet.defer import Deferred

from sockcrud import (
    App,
    Record,
    caseless,
    choice,
    crud,
    day,
    email,
    flag,
    moment,
    money,
    reference,
    text,
    whole,
)
from sockcrud.access import Access
from sockcrud.app import resolve
from sockcrud.generic.declaration import Who
from sockcrud.identity.accounts import Directory
from sockcrud.identity.credentials import Password
from sockcrud.identity.directory import Logins
from sockcrud.identity.passwords import Passwords
from sockcrud.identity.records import ADMIN, Account, Session
from sockcrud.identity.sessions import Sessions
from sockcrud.protocols.admission import Listening
from sockcrud.protocols.http.connection import HTTPLimits
from sockcrud.records.schema import Schema
from sockcrud.rest.routed import Terms
from sockcrud.storage.contract import R
from sockcrud.storage.memory.store import MemoryStore
from tests.support.connection_kit import Peer
from tests.support.directory_kit import CHEAP, HandWorkedPool
from tests.support.http_kit import answers, request
from tests.support.model import KINDS
from tests.support.tally import Tally
from tests.support.wire_kit import Named, Served, WireCase

SECRET: Final = "correct horse"


class Author(Record):
    """Who writes books."""

    name: str = text(1, 100, names=True, unique=caseless)
    mail: str = email(unique=True)


class Book(Record):
    """A book of the library."""

    title: str = text(1, 200)
    isbn: str = text(10, 17, unique=True)
    year: int = whole(1450, 2100, default=2000, indexed=True, help="when it was printed")
    price: Decimal = money(default=Decimal("0.00"))
    lent: bool = flag(default=False, indexed=True)
    shelf: str = choice("hall", "attic", default="hall", indexed=True)
    bought: date = day(default=date(2020, 2, 29))
    seen: datetime = moment(default=datetime.fromisoformat("2020-01-01T00:00:00+00:00"))
    author_id: int = reference(Author)
    note: str = text(0, 10_000, default="")
    code: str = text(1, 20, default="none", secret=True)


ANN: Final[dict[str, Any]] = {"name": "Ann", "mail": "ann@example.org"}
ISBN: Final = "978-3-16-148410-0"
BOOK: Final[dict[str, Any]] = {"title": "책 😀", "isbn": ISBN, "author_id": 1}
SHOWN: Final[dict[str, Any]] = {
    "id": 1,
    "rev": 2,
    "title": "책 😀",
    "isbn": ISBN,
    "year": 2000,
    "price": "0.00",
    "lent": False,
    "shelf": "hall",
    "bought": "2020-02-29",
    "seen": "2020-01-01T00:00:00+00:00",
    "author_id": 1,
    "note": "",
}
"""BOOK, the first of the store and by its first author, as it is answered."""


@frozen
class Answer:
    """A response of REST: its body is JSON, and of what type it says."""

    status: int
    body: Any
    type: str
    fields: dict[str, str]


class LibraryCase(WireCase):
    """A library, and the accounts ann, who is an admin, and bob, who is none."""

    def setUp(self) -> None:
        super().setUp()
        self.connections.most = 100_000
        self.store = MemoryStore(Schema([*KINDS, Author, Book]))
        self.tally = Tally()
        self.access = Access(self.clock, [self.tally])
        self.pool = HandWorkedPool()
        self.directory = Directory(self.store, Passwords(self.pool, CHEAP), self.clock)
        self.sessions = Sessions(self.store, self.clock)
        self.logins = Logins(self.access, self.store, self.directory, self.sessions)
        self.ann = self.have(self.directory.create("ann", Password(SECRET).to_keep(), role=ADMIN))
        self.bob = self.have(self.directory.create("bob", Password(SECRET).to_keep()))
        self.before = self.store.rev

    def have(self, work: Any) -> Any:
        return self.successResultOf(Deferred.fromCoroutine(work))

    def stored(self, kind: type[R]) -> list[R]:
        found: list[R] = self.have(self.store.page(kind, 100_000))
        return found

    def library(self, read: Who = "open", write: Who = "open", **more: Any) -> App:
        return App(
            "library",
            crud(Author, Book, lines="tcp:0", rest="tcp:0", read=read, write=write, **more),
        )

    def serving(self, name: str) -> Any:
        return Serving(
            Named(name),
            self.clock,
            Listening(self.connections),
            store=self.store,
            access=self.access,
            logins=self.logins,
        )

    def lines(self, app: App | None = None, tcp: bool = False) -> Lines:
        """Return a new connection to the lines."""
        dialect = (app or self.library()).dialects[0]
        factory: Any = resolve(dialect.factory)(self.serving(dialect.name))
        return Lines(self, Peer(factory.buildProtocol(None), tcp))

    def rest(self, app: App | None = None) -> Rest:
        """Return a new connection to REST."""
        dialect = (app or self.library()).dialects[1]
        factory: Any = resolve(dialect.factory)(self.serving(dialect.name))
        return Rest(Peer(factory.buildProtocol(None)))

    def token(self, login: str) -> str:
        """Return a token of `auth`."""
        account = self.have(self.store.find(Account, "login", login))
        token: str = self.have(self.sessions.start(account, "auth", "192.0.2.1"))[0]
        return token

    def with_ann_and_her_book(self) -> None:
        lines = self.lines()
        lines.result("authors.create", **ANN)
        lines.result("books.create", **BOOK)

    def shown(self, **more: Any) -> dict[str, Any]:
        """Return the first book as it is answered; its revision counts from the start of the
        test.
        """
        shown = {**SHOWN, **more}
        return {**shown, "rev": shown["rev"] + self.before}

    def living(self) -> int:
        """Return how many sessions there are."""
        return len(self.stored(Session))


class Serving(Served):
    """What stands in for `sockcrud.serving.Serving`, for HTTP too."""

    terms = Terms()
    http_limits = HTTPLimits()


@frozen
class Lines:
    """The other end of a connection that speaks JSON-RPC."""

    case: LibraryCase
    peer: Peer

    def call(self, method: str, **params: Any) -> Any:
        """Call, and return the answer, None where there is none at once."""
        called = {"jsonrpc": "2.0", "method": method, "params": params, "id": 1}
        said = self.peer.ask(json.dumps(called, ensure_ascii=False).encode() + b"\n")
        return json.loads(said) if said else None

    def result(self, method: str, **params: Any) -> Any:
        answer = self.call(method, **params)
        assert list(answer) == ["jsonrpc", "result", "id"], answer
        return answer["result"]

    def error(self, method: str, **params: Any) -> tuple[int, dict[str, Any]]:
        """Call, expect an error and that nothing has changed, and return its code and data."""
        rev = self.case.store.rev
        answer = self.call(method, **params)
        assert list(answer) == ["jsonrpc", "error", "id"], answer
        assert self.case.store.rev == rev
        assert isinstance(answer["error"]["message"], str)
        return answer["error"]["code"], answer["error"]["data"]

    def log_in(self, login: str, password: str = SECRET) -> Any:
        return self.call("session.login", login=login, password=password)


@frozen
class Rest:
    """The other end of a connection that speaks REST."""

    peer: Peer

    def ask(self, method: str, target: str, body: object = None, **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        (found,) = answers(self.peer.ask(request(method, target, body, headers=named)), (method,))
        fields = {name.decode(): value.decode("latin-1") for name, value in found.fields.items()}
        return Answer(
            found.status,
            orjson.loads(found.body) if found.body else None,
            fields.get("content-type", ""),
            fields,
        )

    def problem(
        self, status: int, method: str, target: str, body: object = None, **headers: str
    ) -> dict[str, Any]:
        """Ask, expect a problem of this status, and return what it tells beyond what all do."""
        answer = self.ask(method, target, body, **headers)
        assert (answer.status, answer.type) == (status, "application/problem+json"), answer
        told: dict[str, Any] = dict(answer.body)
        assert (told.pop("type"), told.pop("status")) == ("about:blank", status)
        assert isinstance(told.pop("title"), str)
        assert isinstance(told.pop("detail"), str)
        return told


def basic(login: str, password: str = SECRET) -> str:
    return "Basic " + b64encode(f"{login}:{password}".encode()).decode()
