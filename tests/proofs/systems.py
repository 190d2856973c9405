"""All dialects in memory, wired as the daemon wires them, to be told anything: what they answer,
store and log.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, Final

import attrs
from attrs import define, frozen
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport
from twisted.logger import ILogObserver, LogEvent, LogLevel, globalLogPublisher
from zope.interface import implementer

from sockcrud.identity.records import KeptAnswer, LoginFailures, Session
from sockcrud.ledger.records import Usage
from sockcrud.records import Record
from tests.support.directory_kit import HERE
from tests.support.doors_kit import factories
from tests.support.model import KINDS
from tests.support.people_case import PeopleCase
from tests.support.running import DIALECTS

JSON: Final = ("users", "messages")
TOKEN: Final = b"ABCDEF0123456789" * 4
"""Stands in what is sent for the token of a session that lives; it is as long."""
_MOST_TURNS: Final = 50
_PAST_ALL: Final = (0.0, 0.2, 0.4)
"""Seconds after the end of what was said in which everything that is told by silence is told."""
_CHANGING: Final = (
    (re.compile(rb"[0-9A-F]{64}"), b"<token>"),
    (re.compile(rb"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:[+-][0-9:]+|Z)?"), b"<time>"),
    (re.compile(rb"(?i)\r\n(?:date|x-uptime-seconds|content-length): [^\r]*"), b""),
)
"""What differs between two systems that did the same."""


class Fault(Exception):
    """Something that no bytes may bring about."""


@frozen
class Effect:
    """What came of what was said."""

    answers: bytes
    closed: bool
    stored: tuple[str, ...]


@implementer(ILogObserver)
@define
class Logged:
    """What is logged as a fault."""

    faults: list[str]

    def __call__(self, event: LogEvent) -> None:
        if event.get("log_level", LogLevel.info) >= LogLevel.error or "log_failure" in event:
            failure = event.get("log_failure")
            self.faults.append(
                failure.getTraceback() if failure is not None else str(event.get("log_format"))
            )


@contextmanager
def nothing_logged() -> Iterator[None]:
    """Raise `Fault` where something is logged as a fault meanwhile."""
    logged = Logged([])
    globalLogPublisher.addObserver(logged)
    try:
        yield
    finally:
        globalLogPublisher.removeObserver(logged)
    if logged.faults:
        raise Fault(f"the log tells of {logged.faults[0]}")


class System:
    """A new one, with a few people in it."""

    def __init__(self) -> None:
        self.case = PeopleCase()
        self.case.setUp()
        self._tokens = {
            name: self.case.log_in("anna" if door != "admin" else "root", door).token.encode()
            for name, door in {
                name: name if name in ("way", "members", "admin") else "auth" for name in DIALECTS
            }.items()
        }
        self._factories = factories(self.case)

    def told(
        self, dialect: str, pieces: Sequence[bytes], gaps: Sequence[float] = (), ends: bool = True
    ) -> Effect:
        """Say this on a connection, with so many seconds after each piece, and then that it was
        all.
        """
        token = self._tokens[dialect]
        data = b"".join(pieces).replace(TOKEN, token)
        connection: Any = self._factories[dialect].buildProtocol(IPv4Address("TCP", HERE, 1024))
        transport = StringTransport()
        connection.makeConnection(transport)
        at = 0
        with nothing_logged():
            for number, piece in enumerate(pieces):
                if transport.disconnecting or transport.disconnected:
                    break
                connection.dataReceived(data[at : at + len(piece)])
                at += len(piece)
                self._turn()
                if number < len(gaps):
                    self.case.clock.advance(gaps[number])
            if ends and not transport.disconnecting and not transport.disconnected:
                connection.readConnectionLost()
            for seconds in _PAST_ALL:
                self.case.clock.advance(seconds)
                self._turn()
        return Effect(
            _same(transport.value()),
            bool(transport.disconnecting or transport.disconnected),
            self._stored(),
        )

    def _turn(self) -> None:
        for _ in range(_MOST_TURNS):
            calls = self.case.clock.getDelayedCalls()
            if not any(call.getTime() <= self.case.clock.seconds() for call in calls):
                return
            self.case.clock.advance(0)

    def _stored(self) -> tuple[str, ...]:
        kinds = [kind for kind in KINDS if kind not in (Session, LoginFailures, KeptAnswer, Usage)]
        records = [
            record for kind in kinds for record in self.have(self.case.store.page(kind, 10_000))
        ]
        return tuple(_shown(record) for record in records)

    def have(self, work: Any) -> Any:
        """Return what this fires with, at once."""
        return self.case.successResultOf(Deferred.fromCoroutine(work))


def _same(answers: bytes) -> bytes:
    for pattern, replacement in _CHANGING:
        answers = pattern.sub(replacement, answers)
    return answers


def _shown(record: Record) -> str:
    """Show a record without what is told by a clock or by chance."""
    fields = attrs.asdict(record, recurse=False)
    told = {
        name: value
        for name, value in fields.items()
        if not isinstance(value, datetime) and name != "password_hash"
    }
    return f"{type(record).__name__} {told}"
