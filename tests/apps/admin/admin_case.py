# mypy: allow-untyped-calls
"""A client of the admin's dialect, logged in as root, among people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from unittest.mock import Mock

from twisted.internet.defer import succeed
from twisted.internet.testing import StringTransport
from zope.interface import directlyProvides

from sockcrud import loading
from sockcrud.access import Access
from sockcrud.apps.admin.dialect.base import Operations
from sockcrud.apps.admin.dialect.responder import AdminResponder
from sockcrud.apps.admin.journal import Journals
from sockcrud.apps.admin.overview import Overviews
from sockcrud.apps.admin.records import StoredRecords
from sockcrud.apps.admin.sending import Sender
from sockcrud.apps.admin.status import Status
from sockcrud.apps.admin.translations import Translations
from sockcrud.faults.acting import Faults
from sockcrud.faults.service import FaultOperations
from sockcrud.identity.records import Account, Company, Session
from sockcrud.journal.journal import Journal
from sockcrud.journal.watching import Watching
from sockcrud.metrics import Metrics
from sockcrud.protocols.recording import Recorder
from sockcrud.protocols.scheduler import Scheduler
from sockcrud.rest.openapi import description
from sockcrud.rest.routed import Terms
from sockcrud.serving import About
from sockcrud.storage.contract import IInFile
from sockcrud.storage.maintenance.transfer import REST_SECONDS, Transfer
from sockcrud.storage.maintenance.upkeep import Upkeep
from tests.support.directory_kit import HERE
from tests.support.http_kit import Answered, HTTPClient, answers, request
from tests.support.people_case import PeopleCase

RIGHT = "correct horse"
URLS = {"admin": "http://127.0.0.1:8000", "shop": "http://127.0.0.1:5080"}
APPS = loading.apps()
PARTS = APPS.openapi_parts
IMPORT_LIMIT = 4 * 1024 * 1024


def about(record: Account | Company) -> dict[str, Any]:
    """Return what is shown of an account or a company."""
    if isinstance(record, Company):
        return {"id": record.id, "rev": record.rev, "name": record.name, "active": record.active}
    return {
        "id": record.id,
        "rev": record.rev,
        "login": record.login,
        "role": record.role,
        "company_id": record.company_id,
        "active": record.active,
    }


class PlainCopy:
    """A `Copied` in memory."""

    def __init__(self, pieces: list[bytes]) -> None:
        self._pieces = pieces
        self.size = sum(map(len, pieces))
        self.closed = False

    def __aiter__(self) -> PlainCopy:
        return self

    async def __anext__(self) -> bytes:
        if not self._pieces:
            raise StopAsyncIteration
        return self._pieces.pop(0)

    def close(self) -> None:
        self.closed = True


MOST_TURNS = 1_000
"""Of the clock, for what is to come."""


class AnswersAtOnce:
    """What a request to a port of the daemon is sent to."""

    def connect(self, factory: Any) -> Any:
        protocol = factory.buildProtocol(None)
        protocol.makeConnection(StringTransport())
        protocol.dataReceived(b"heard " + protocol.transport.value())
        protocol.connectionLost()
        return succeed(protocol)


class AdminCase(PeopleCase):
    """A client of the admin's dialect."""

    def connects(self, reactor: Any, url: str) -> Any:
        """Return what connects to a port of the daemon."""
        return AnswersAtOnce()

    def setUp(self) -> None:
        super().setUp()
        self.access = Access(self.clock, [self.tally])
        self.upkeep = Upkeep(self.access, self.store)
        self.faults: Faults | None = None
        self.listening = {"users": True, "admin": True}
        self.metrics = Metrics(self.store, ("admin", "way"), lambda: {"admin": 1, "way": 0})
        self.access.observers.append(self.metrics)
        recorder = Recorder(100, self.clock)
        origin = recorder.opened("users", HERE)
        recorder.kept.append((origin, 0.0, b'{"id_operation":"get_users"}', b"{}", None, None))
        # Whose streams end as soon as they have begun: nobody here waits for more.
        self.watching: Watching | None = Watching(
            Journal(recorder, dict), self.clock, ends=lambda: True
        )
        self.about = About(APPS, lambda: self.listening, lambda: URLS, self.metrics.text)
        self.client = self.a_client()
        self.root_token = self.token_of("root")

    def a_client(self, terms: Terms | None = None) -> HTTPClient:
        described = description(URLS, PARTS, ["Message"])
        status = Status(
            self.access,
            self.store,
            lambda: self.listening,
            self.metrics.text,
            lambda: described,
            lambda host, is_local: {"users": f"{host}:8080", "way": "here" if is_local else None},
        )
        logins = type(self.logins)(self.access, self.store, self.directory, self.sessions)
        administration = type(self.admin)(self.access, self.store, self.directory)
        operations = Operations(
            logins,
            administration,
            Transfer(self.access, self.store),
            status,
            self.upkeep,
            FaultOperations(self.access, self.faults),
            Journals(self.access, Scheduler(self.clock), self.watching),
            Translations(
                self.access,
                loading.apps(),
                lambda host, is_local: {"users": f"{host}:8080"},
                None if self.watching is None else self.watching.journal,
            ),
            StoredRecords(self.access, self.store, APPS),
            Overviews(self.access, self.store, self.about),
            Sender(self.access, self.about, self.clock, self.connects),
            IMPORT_LIMIT,
        )
        more = () if terms is None else (terms,)
        return HTTPClient(
            lambda peer: AdminResponder(operations, peer, *more), self.clock, address=HERE
        )

    def has_file(self, **does: Any) -> None:
        """Let the store's file be one that does this when it is checked or copied."""
        file = Mock(**does)
        directlyProvides(file, IInFile)
        self.upkeep = Upkeep(self.access, file)
        self.client = self.a_client()

    def token_of(self, login: str) -> str:
        return self.log_in(login, "admin").token

    def asks(
        self,
        method: str,
        target: str,
        body: object = None,
        *,
        token: str | None = "",
        **headers: str,
    ) -> Answered:
        """Ask as root, or with another token, or with none; wait for what is done in turns."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        bearer = self.root_token if token == "" else token
        if self.client.closed:
            self.client.connect()
        self.client.says(request(method, target, body, token=bearer, headers=named))
        return self.hears(method)

    def hears(self, method: str) -> Answered:
        """Wait for the answer to a request of this method, also where it takes turns of the
        reactor, and rests between them.
        """
        heard = self.client.hears()
        for _ in range(MOST_TURNS):
            if heard:
                break
            self.clock.advance(REST_SECONDS)
            heard = self.client.hears()
        (answered,) = answers(heard, (method,))
        return answered

    def told(
        self,
        answered: Answered,
        status: int,
        body: object,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Expect exactly this, and these header fields among others."""
        self.assertEqual((answered.status, answered.json), (status, body))
        self.assertEqual({name: answered.field(name) for name in headers or {}}, headers or {})

    def refused(  # type: ignore[override]
        self, answered: Answered, status: int, code: str, field: str | None = None, **headers: str
    ) -> str:
        """Expect the error, in the words of this dialect; give the message."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        error = answered.json["error"]
        self.assertEqual(
            (answered.status, error["code"], error["field"]), (status, code, field), error
        )
        self.assertEqual({name: answered.field(name) for name in named}, named)
        self.assertEqual(list(answered.json), ["error"])
        message: str = error["message"]
        self.assertTrue(message)
        return message

    def session_of(self, token_owner: Account) -> Session:
        found = [
            session
            for session in self.have(self.store.page(Session, 100))
            if session.account_id == token_owner.id
        ]
        return found[-1]
