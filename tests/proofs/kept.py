# mypy: allow-untyped-calls
"""What a connection keeps between its requests changes no answer, and nothing that is stored.

Two systems are told the same, at the same times: one over a connection that goes on, the other with
a new connection for each request, on which nothing is kept. Sessions end, accounts and companies
change, the clock runs and is set back, and requests are sent together, each with header lines of
its own. Likewise for the framing alone. `python -m tests.proofs.kept --examples 2000` tries many.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timezone
from hashlib import sha256
from typing import Any, Final

from attrs import frozen
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as some
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from sockcrud.access import Access, Principal
from sockcrud.apps.shop.dialect.together import ShopResponder
from sockcrud.apps.shop.service.clients import Addresses, Clients
from sockcrud.apps.shop.service.inventory import Inventory
from sockcrud.apps.shop.service.products import Products
from sockcrud.generic.declaration import Served
from sockcrud.generic.operations import Operations
from sockcrud.generic.rest import RecordsResponder, routes
from sockcrud.identity.accounts import Directory
from sockcrud.identity.directory import Logins
from sockcrud.identity.passwords import Passwords
from sockcrud.identity.records import ADMIN, USER, Account, Company, Session
from sockcrud.identity.sessions import Sessions
from sockcrud.protocols.http.connection import HTTPLimits
from sockcrud.protocols.http.framing import RequestFramer
from sockcrud.protocols.http.loose import LooseFramer
from sockcrud.records import Record, text
from sockcrud.records.schema import Schema
from sockcrud.storage.memory.store import MemoryStore
from tests.support.directory_kit import CHEAP, HERE, HandWorkedPool
from tests.support.http_kit import Got, HTTPClient, framed
from tests.support.model import KINDS
from tests.support.tally import Tally

START: Final = 1_700_000_000.0
TOKENS: Final = tuple(letter * 64 for letter in "ABCD")
"""Of the sessions 1 to 4: two of the admin's, two of the user's."""
_FOREVER: Final = 1e9


class Note(Record):
    """What the admins alone may read."""

    title: str = text(1, 50)


class Fault(Exception):
    """The two systems differ."""


# What is told


@frozen
class Asked:
    """Requests that are sent together."""

    dialect: str
    requests: tuple[bytes, ...]


@frozen
class Changed:
    """A change by somebody else."""

    what: str
    id: int
    to: Any = None


@frozen
class Passed:
    """Time that passes; below 0 the clock is set back."""

    seconds: float


Step = Asked | Changed | Passed

_SHOP: Final = (
    b"GET /clients/fetch",
    b"GET /clients/fetch/1",
    b"GET /clients/exists/1/",
    b"HEAD /products/fetch/1",
    b"GET /clients/fetch/x",
    b"PUT /clients/fetch/1",
    b"OPTIONS *",
    b"GET /clients/health",
    b"POST /user/logout",
)
_NOTES: Final = (
    b"GET /notes/1",
    b"GET /notes?limit=1",
    b"DELETE /notes/2",
    b"GET http://x/notes/1",
    b"PATCH /notes/1",
    b"GET /n%6ftes/1",
)
_LINES: Final = (
    b"Host: localhost",
    b"host: localhost",
    b"Host: elsewhere:80",
    b"X-Other: 1",
    b"x-other:2",
    b"If-None-Match: *",
    b'If-None-Match: "1"',
    b"Connection: close",
    b"Connection: keep-alive",
    b"Upgrade: websocket\r\nConnection: upgrade",
    b"Content-Length: 0",
    b"Host: a b",
    b"no field",
    b"Content-Length: 2\r\nContent-Type: application/json",
)
_NO_TOKEN: Final = b"Authorization: Bearer " + b"F" * 64
_TOKEN_LINES: Final = tuple(f"Authorization: Bearer {token}".encode() for token in TOKENS)
_VERSIONS: Final = (b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.1", b"HTTP/1.0", b"HTTP/1.7")


def _request(line: bytes, version: bytes, lines: Sequence[bytes], host: bool) -> bytes:
    fields = [b"Host: localhost", *lines] if host else lines
    body = b"{}" if any(b"Content-Length: 2" in field for field in lines) else b""
    return b"\r\n".join([line + b" " + version, *fields, b"", body])


def _requests(lines: Sequence[bytes]) -> some.SearchStrategy[bytes]:
    usual = some.lists(some.sampled_from(_TOKEN_LINES), min_size=1, max_size=1)
    strange = some.lists(some.sampled_from(_LINES + _TOKEN_LINES), max_size=3)
    plain = some.builds(
        _request, some.sampled_from(lines), some.just(b"HTTP/1.1"), usual, some.just(True)
    )
    odd = some.builds(
        _request, some.sampled_from(lines), some.sampled_from(_VERSIONS), strange, some.booleans()
    )
    return plain | plain | odd


def _asked(dialect: str, requests: some.SearchStrategy[bytes]) -> some.SearchStrategy[Step]:
    same = some.builds(lambda request, times: (request,) * times, requests, some.integers(1, 3))
    mixed = some.lists(requests, min_size=2, max_size=4).map(tuple)
    return some.builds(Asked, some.just(dialect), same | mixed)


def _changed(session: int) -> some.SearchStrategy[Step]:
    """Something happens to this session, its account or its company; or to others."""
    account = 1 + (session - 1) // 2
    changes: tuple[some.SearchStrategy[Step], ...] = (
        some.builds(Changed, some.just("end"), some.just(session)),
        some.builds(Changed, some.just("end"), some.integers(1, 4)),
        some.builds(Changed, some.just("end all of"), some.integers(1, 2)),
        *(
            some.builds(Changed, some.just("role"), some.just(account), some.just(role))
            for role in (ADMIN, USER)
        ),
        some.builds(Changed, some.just("active"), some.just(account), some.just(False)),
        some.builds(Changed, some.just("active"), some.integers(1, 2), some.booleans()),
        some.builds(Changed, some.just("move"), some.just(account), some.integers(1, 2)),
        some.builds(Changed, some.just("company"), some.integers(1, 2), some.booleans()),
        some.builds(Changed, some.just("sweep"), some.just(0)),
    )
    return some.one_of(*changes)


_PASSED: Final = some.builds(
    Passed,
    some.sampled_from((0.0005, 1.0, 59.9995, 60.0, 60.001, 1799.0, 1800.0, 43_199.0, -1.0, -70.0)),
)


@some.composite
def _steps(draw: some.DrawFn) -> list[Step]:
    """Make what happens around one session: mostly, the same client asks again."""
    session = draw(some.integers(1, len(TOKENS)))
    dialect, lines = draw(some.sampled_from((("shop", _SHOP), ("notes", _NOTES))))
    own = (_TOKEN_LINES[session - 1],)
    line = draw(some.sampled_from(lines[:2]))
    again = some.just(Asked(dialect, (_request(line, b"HTTP/1.1", own, True),)))
    strange = some.just(Asked(dialect, (_request(line, b"HTTP/1.1", (_NO_TOKEN,), True),)))
    similar = some.builds(
        _request,
        some.sampled_from(lines),
        some.sampled_from(_VERSIONS),
        some.just(own),
        some.just(True),
    )
    others = _asked("shop", _requests(_SHOP)) | _asked("notes", _requests(_NOTES))
    happens = _changed(session)
    steps = some.one_of(
        again, again, again, happens, happens, _PASSED, _asked(dialect, similar), others, strange
    )
    return [draw(again), *draw(some.lists(steps, min_size=2, max_size=9))]


# Who is told


class System:
    """A shop, and notes for admins, with two companies, an admin and a user of the first."""

    def __init__(self, keeps: bool) -> None:
        self._keeps = keeps
        self._clock = Clock()
        self._clock.advance(START)
        self.store = store = MemoryStore(Schema([*KINDS, Note]))
        self.tally = Tally()
        access = Access(self._clock, [self.tally])
        directory = Directory(store, Passwords(HandWorkedPool(), CHEAP), self._clock)
        self._sessions = sessions = Sessions(store, self._clock)
        logins = Logins(access, store, directory, sessions)
        self._settle()
        self._clients = {
            "shop": self._client(
                lambda peer: ShopResponder(
                    Clients(access, store),
                    Addresses(access, store),
                    Products(access, store),
                    Inventory(access, store),
                    logins,
                    peer,
                )
            ),
            "notes": self._client(_notes(access, store, logins)),
        }

    def _client(self, responder: Callable[[str], Any]) -> HTTPClient:
        limits = HTTPLimits(idle=_FOREVER, keep_alive=_FOREVER)
        return HTTPClient(responder, self._clock, address=HERE, limits=limits)

    def _settle(self) -> None:
        now = datetime.fromtimestamp(START, timezone.utc)
        for name in ("ours", "theirs"):
            self.have(self.store.insert(Company, name=name, active=True))
        for login, role in (("ann", ADMIN), ("bob", USER)):
            fields: dict[str, Any] = {"login": login, "role": role, "company_id": 1, "active": True}
            self.have(self.store.insert(Account, password_hash="-", **fields))
        for number, token in enumerate(TOKENS):
            hashed = sha256(token.encode()).hexdigest()
            fields = {"account_id": 1 + number // 2, "dialect": "auth", "address": HERE}
            self.have(
                self.store.insert(Session, token_hash=hashed, created_at=now, used_at=now, **fields)
            )
        for title in ("one", "two"):
            self.have(self.store.insert(Note, title=title))
        client = {"name": "Eva", "email": "eva@example.org", "cpf": "454.090.000-00"}
        self.have(Clients(Access(self._clock), self.store).create(_SOMEBODY, balance=1, **client))

    def have(self, work: Any) -> Any:
        """Return what this fires with, at once."""
        got: list[Any] = []
        Deferred.fromCoroutine(work).addBoth(got.append)
        return got[0]

    def told(self, step: Step) -> list[bytes]:
        """Let it happen; return what was answered."""
        if isinstance(step, Asked):
            return self._asked(self._clients[step.dialect], step.requests)
        if isinstance(step, Passed):
            self._clock.rightNow += step.seconds
            self._clock.advance(0)
        else:
            self.have(self._change(step))
        return []

    def _asked(self, client: HTTPClient, requests: Sequence[bytes]) -> list[bytes]:
        if self._keeps:
            if client.closed:
                client.connect()
            client.says(b"".join(requests))
            return [client.hears()]
        answers = []
        for request in requests:
            client.connect()
            client.says(request)
            answers.append(client.hears())
            if client.closed:
                break
        return [b"".join(answers)]

    def _change(self, change: Changed) -> Coroutine[Any, Any, Any]:
        store, id, to = self.store, change.id, change.to
        match change.what:
            case "end":
                return self._sessions.end(id)
            case "end all of":
                return self._sessions.end_all(id)
            case "role":
                return store.update(Account, id, role=to)
            case "active":
                return store.update(Account, id, active=to)
            case "move":
                return store.update(Account, id, company_id=to)
            case "company":
                return store.update(Company, id, active=to)
            case _:
                return self._sessions.sweep()

    def stored(self) -> list[Record]:
        """Return all records."""
        return [each for kind in self.store.schema for each in self.have(self.store.page(kind, 99))]


_SOMEBODY: Final = Principal("test", HERE, Account(
    id=9, rev=1, login="-", password_hash="-", role=ADMIN, company_id=1, active=True
))  # fmt: skip


def _notes(access: Access, store: MemoryStore, logins: Logins) -> Callable[[str], Any]:
    served = Served(Note, "notes", read="admins", write="logged in")
    table = routes([served], {"notes": Operations(access, store, served)})
    responder: Any = type("NotesResponder", (RecordsResponder,), {"routes": table})
    return lambda peer: responder(logins, Principal("notes", peer))


# What is checked


def check_connection(steps: Sequence[Step]) -> None:
    """Raise `Fault` where what is kept makes a difference."""
    kept, anew = System(keeps=True), System(keeps=False)
    for number, step in enumerate(steps):
        one, other = kept.told(step), anew.told(step)
        if one != other:
            raise Fault(f"{steps[: number + 1]}: {one} where nothing is kept {other}")
    if kept.stored() != anew.stored():
        raise Fault(f"{steps}: {kept.stored()} where nothing is kept {anew.stored()}")
    if kept.tally.counts != anew.tally.counts:
        raise Fault(f"{steps}: {kept.tally.counts} where nothing is kept {anew.tally.counts}")


def check_framer(requests: Sequence[bytes], loose: bool) -> None:
    """Raise `Fault` where a framer finds something else in a request because of those before."""
    kind = LooseFramer if loose else RequestFramer
    anew: list[Got | int] = []
    for request in requests:
        found = framed(_framer(kind), [request])
        anew += found
        if not found or not isinstance(found[-1], Got) or not found[-1].goes_on:
            break
    else:
        if (kept := framed(_framer(kind), [b"".join(requests)])) != anew:
            raise Fault(f"{requests}: {kept} where nothing is kept {anew}")
        return
    if (kept := framed(_framer(kind), list(requests[: len(anew)]))) != anew:
        raise Fault(f"{requests}: {kept} where nothing is kept {anew}")


def _framer(kind: type[RequestFramer]) -> RequestFramer:
    return kind(HERE, header_bytes=1024, fields=10, target=200)


_TARGETS: Final = some.text(
    some.characters(min_codepoint=0x20, max_codepoint=0x7F), max_size=6
).map(lambda some_text: b"GET /" + some_text.encode())
_SIMILAR: Final = some.builds(
    _request,
    some.sampled_from(_SHOP + _NOTES),
    some.sampled_from(_VERSIONS),
    some.sampled_from([(line,) for line in _LINES]),
    some.just(True),
)
HEADS: Final = some.lists(_SIMILAR | _requests(_SHOP + _NOTES) | some.builds(
    _request, _TARGETS, some.just(b"HTTP/1.1"), some.just(()), some.just(True)
), min_size=2, max_size=6)  # fmt: skip

PROPERTIES: Final[dict[str, Any]] = {
    "connection": lambda check: given(_steps())(check),
    "framer": lambda check: given(HEADS, some.booleans())(check),
}
_CHECKS: Final[dict[str, Callable[..., None]]] = {
    "connection": check_connection,
    "framer": check_framer,
}


def run(name: str, examples: int, random: int = 0) -> None:
    """Check a property with so many examples, the same ones for the same number."""
    how = settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    seed(random)(how(PROPERTIES[name](_CHECKS[name])))()


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--examples", type=int, default=2000)
    options.add_argument("--seed", type=int, default=0)
    given_options = options.parse_args()
    for name in PROPERTIES:
        run(name, given_options.examples, given_options.seed)
        print(f"{name}: {given_options.examples} examples, no difference")


if __name__ == "__main__":
    main()
