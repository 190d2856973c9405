# mypy: allow-untyped-calls
"""All dialects at once: in memory, wired as the daemon wires them, or the real daemon; and the four
doors to log in at.
"""

from __future__ import annotations

import re
import socket
from base64 import b64encode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Protocol

from attrs import frozen

from sockcrud import config, loading
from sockcrud.access import Access
from sockcrud.app import Apps, Dialect
from sockcrud.identity.directory import Logins
from sockcrud.identity.passwords import digest_of
from sockcrud.journal.watching import Watching
from sockcrud.metrics import Metrics
from sockcrud.protocols.admission import Connections, Listening
from sockcrud.serving import About, Serving
from sockcrud.settings import Settings
from sockcrud.storage.contract import IStore
from sockcrud.storage.maintenance.transfer import REST_SECONDS
from tests.support.directory_kit import HERE
from tests.support.http_kit import Answered, HTTPClient, answers, request
from tests.support.people_case import PeopleCase
from tests.support.running import DIALECTS, Daemon, received

HTTP: Final = tuple(name for name in DIALECTS if name not in ("users", "messages"))
DOORS: Final = ("auth", "way", "members", "admin")
"""Where people log in, each with sessions of its own."""
SHOP_PORTS: Final = ("clients", "products", "inventory", "auth", "shop")
HEALTH: Final = {name: f"/{name}/health" for name in SHOP_PORTS} | {
    "auth": "/user/health",
    "shop": "/clients/health",
}

_TURNS: Final = 1000


class Asks(Protocol):
    """Sends one request to a dialect and gives the answer."""

    def __call__(
        self,
        dialect: str,
        method: str,
        target: str,
        body: object = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered: ...


def basic(login: str, password: str) -> dict[str, str]:
    """Return the header of HTTP Basic."""
    return {"Authorization": "Basic " + b64encode(f"{login}:{password}".encode()).decode()}


@frozen
class Doors:
    """The four doors, for whoever has a name and a password."""

    asks: Asks

    def tries(self, door: str, login: str, password: str) -> Answered:
        """Try to log in."""
        if door == "auth":
            return self.asks("auth", "POST", "/user/login", headers=basic(login, password))
        if door == "way":
            return self.asks(
                "way", "POST", "/api/main", {"User": login, "Passwd": digest_of(password)}
            )
        if door == "members":
            return self.asks("members", "POST", "/", {"email": login, "password": password})
        return self.asks("admin", "POST", "/login", {"login": login, "password": password})

    def lets_in(self, door: str, login: str, password: str) -> bool:
        """Return whether a login succeeds. One that fails must be told as a wrong password is."""
        answered = self.tries(door, login, password)
        if token_of(answered) is not None:
            return True
        refused = (200, "Usuário ou senha estão inválidos") if door == "way" else (401, None)
        assert refused == (answered.status, answered.json.get("Message")), answered
        return False

    def logs_in(self, door: str, login: str, password: str) -> str:
        """Log in, and return the token."""
        answered = self.tries(door, login, password)
        token = token_of(answered)
        assert token is not None, answered
        return token

    def logs_in_everywhere(self, login: str, password: str) -> dict[str, str]:
        """Log in at all doors, and return the tokens."""
        return {door: self.logs_in(door, login, password) for door in DOORS}

    def opens(self, door: str, token: str) -> bool:
        """Return whether the token opens anything behind a door. If not, the answer must be the
        dialect's own for that.
        """
        if door == "auth":
            opened = {self.asks("shop", "GET", "/clients/fetch", token=token).status}
            opened.add(self.asks("products", "GET", "/products/fetch", token=token).status)
            assert opened in ({200}, {401})
            return opened == {200}
        if door == "way":
            answered = self.asks("way", "GET", f"/api/usuario/{token}").json
            assert (
                isinstance(answered, list) or answered["Message"] == "A sessão informada é inválida"
            )
            return isinstance(answered, list)
        if door == "members":
            status = self.asks("members", "GET", "/", token=token).status
            assert status in (200, 403)
            return status == 200
        status = self.asks("admin", "GET", "/accounts", token=token).status
        assert status in (200, 401, 403)
        return status != 401

    def opened_by(self, tokens: Mapping[str, str]) -> list[str]:
        """Return the doors whose tokens live."""
        return [door for door, token in tokens.items() if self.opens(door, token)]


def token_of(answered: Answered) -> str | None:
    """Return the token of a login that succeeded, None of any other."""
    token: str | None = answered.json.get("token") or answered.json.get("IDSessao") or None
    return token


class AllDoorsCase(PeopleCase):
    """All HTTP dialects in memory, wired by `tap`, among people; root, anna and bert are of one
    company.
    """

    def setUp(self) -> None:
        super().setUp()
        self.bert = self.one_of(self.ours, "bert")
        self.clients: dict[str, HTTPClient] = {}
        self.responders = wired(self)

    def asks(
        self,
        dialect: str,
        method: str,
        target: str,
        body: object = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """Ask at one of the ports, each with a connection of its own; wait for what is done in
        turns.
        """
        client = self.clients.get(dialect)
        if client is None:
            client = HTTPClient(
                self.responders[dialect], self.clock, address=HERE, loose=dialect == "members"
            )
            self.clients[dialect] = client
        if client.closed:
            client.connect()
        client.says(request(method, target, body, token=token, headers=headers))
        heard = client.hears()
        for _ in range(_TURNS):
            if heard:
                break
            self.clock.advance(REST_SECONDS)
            heard = client.hears()
        (answered,) = answers(heard, (method,))
        # Whatever is asked of whichever dialect: nothing is to be kept, and who is not let in is
        # told how to be.
        self.assertEqual(answered.field("Cache-Control"), "no-store", answered)
        self.assertEqual(
            answered.field("Referrer-Policy"), "no-referrer" if dialect == "way" else None
        )
        self.assertEqual(
            answered.status == 401, answered.field("WWW-Authenticate") is not None, answered
        )
        return answered


def wired(
    case: PeopleCase, connections: Connections | None = None, settings: Settings | None = None
) -> dict[str, Any]:
    """Give each dialect's responders, over the store and the directory of a test case."""
    return {
        name: factory.responder for name, factory in factories(case, connections, settings).items()
    }


def factories(
    case: PeopleCase,
    connections: Connections | None = None,
    settings: Settings | None = None,
    watching: Watching | None = None,
    apps: Apps | None = None,
    store: IStore | None = None,
) -> dict[str, Any]:
    """Give each dialect's factory, over the store and the directory of a test case."""
    access, apps = Access(case.clock, [case.tally]), apps or loading.apps()
    settings = settings or config.defaults(apps)
    figures = Metrics(case.store, DIALECTS, dict)
    urls = {name: f"http://127.0.0.1/{name}" for name in HTTP}
    about = About(apps, lambda: {"admin": True}, lambda: urls, figures.text, watching=watching)
    all = Connections(100, case.clock) if connections is None else connections
    logins = Logins(access, case.store, case.directory, case.sessions, settings.sign_up == "open")

    def factory(dialect: Dialect) -> Any:
        own = Listening(all, dialect.privileged, dialect.name, dialect.unrecorded)
        people = (case.directory, case.sessions, logins)
        return Serving(
            dialect, settings, case.clock, own, access, store or case.store, *people, about
        ).factory()

    return {dialect.name: factory(dialect) for dialect in apps.dialects}


def routes_by_dialect() -> dict[str, Any]:
    """Return the tables of routes that are served, each under its dialect."""
    case = PeopleCase()
    case.setUp()
    return {name: made(HERE).routes for name, made in wired(case).items() if name in HTTP}


@frozen
class Town:
    """The real daemon, a process of its own, and its first admin."""

    daemon: Daemon
    admin_password: str
    doors: Doors
    root: str
    """The first admin's token at the admin's door."""

    def asks(
        self,
        dialect: str,
        method: str,
        target: str,
        body: object = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answered:
        """Ask over a connection of its own."""
        return _asks(self.daemon, dialect, method, target, body, token=token, headers=headers)

    def administers(self, method: str, target: str, body: object = None) -> Any:
        """Do this as the first admin, and return what is answered."""
        answered = self.asks("admin", method, target, body, token=self.root)
        assert answered.status in (200, 201, 204), answered
        return answered.json if answered.body else None

    def account(self, login: str, password: str, **fields: object) -> int:
        """Make an account at the admin's, and return its id."""
        id: int = self.administers(
            "POST", "/accounts", {"login": login, "password": password, **fields}
        )["id"]
        return id


def _asks(
    daemon: Daemon,
    dialect: str,
    method: str,
    target: str,
    body: object = None,
    *,
    token: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> Answered:
    with daemon.connect(dialect) as connection:
        connection.sendall(
            request(
                method,
                target,
                body,
                token=token,
                headers={"Connection": "close", **(headers or {})},
            )
        )
        (answered,) = answers(received(connection), (method,))
    return answered


@contextmanager
def a_town(directory: Path, *flags: str) -> Iterator[Town]:
    """Run a daemon, stopped in order at the end; nothing may have crashed in it."""
    with Daemon(directory, *flags) as daemon:
        admin = next(line for line in daemon.banner if line.startswith("admin:"))
        password = Path(admin.rpartition(" in ")[2]).read_text().strip()

        def asks(
            dialect: str,
            method: str,
            target: str,
            body: object = None,
            *,
            token: str | None = None,
            headers: Mapping[str, str] | None = None,
        ) -> Answered:
            return _asks(daemon, dialect, method, target, body, token=token, headers=headers)

        doors = Doors(asks)
        yield Town(daemon, password, doors, doors.logs_in("admin", "admin", password))
        if daemon.process.poll() is None:
            assert daemon.stop() == 0
        assert "Traceback" not in daemon.log.read_text()


_LENGTH: Final = re.compile(rb"\r\ncontent-length: ([0-9]+)", re.IGNORECASE)


def next_answer(connection: socket.socket) -> Answered:
    """Read one answer from a connection that goes on."""
    said = b""
    while b"\r\n\r\n" not in said:
        said += _more(connection)
    head = said.index(b"\r\n\r\n") + 4
    length = _LENGTH.search(said, 0, head)
    while length is not None and len(said) < head + int(length[1]):
        said += _more(connection)
    (answered,) = answers(said)
    return answered


def _more(connection: socket.socket) -> bytes:
    part = connection.recv(65536)
    assert part, "the connection was closed"
    return part
