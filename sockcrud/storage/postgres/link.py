"""One connection to PostgreSQL, driven by the reactor: libpq in pipeline mode, and nothing in here
ever blocks.

A link is asked several statements at once. They go out together, and the results come back
together: one round trip.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final

import psycopg
from attrs import frozen
from psycopg import pq
from psycopg.pq import ConnStatus, DiagnosticField, ExecStatus, PollingStatus
from psycopg.pq.abc import PGconn, PGresult
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionFdescWentAway
from twisted.internet.interfaces import IDelayedCall, IReadWriteDescriptor
from twisted.python.failure import Failure
from zope.interface import implementer

Parameters = Sequence[bytes | None]


class Lost(Exception):
    """The connection cannot be had, or is gone. What was asked last may have happened or not. One
    line, without secrets.
    """


class Refused(Exception):
    """The server has refused a statement. The transaction it belongs to can only be rolled back."""

    def __init__(self, code: str, message: str, constraint: str | None) -> None:
        super().__init__(f"{message} ({code})")
        self.code = code
        self.constraint = constraint

    @property
    def is_the_end(self) -> bool:
        """Whether the connection, or the server behind it, can no longer be used: it shuts down, or
        only reads.
        """
        return self.code.startswith(("08", "57P", "25006", "25P03"))


@frozen
class Statement:
    """What can be asked. Each link has the server prepare it once, under its name."""

    name: bytes
    sql: bytes


Ask = tuple[Statement, Parameters]

_FINE: Final = (ExecStatus.TUPLES_OK, ExecStatus.COMMAND_OK)


@implementer(IReadWriteDescriptor)
class _Descriptor:
    """What both have that read and write on libpq's socket.

    The reactor watches a descriptor of its own for it: libpq closes its own without a word when the
    connection breaks.
    """

    def __init__(self, connection: PGconn, reactor: Any) -> None:
        self._connection = connection
        self._reactor = reactor
        self._watched = -1

    def fileno(self) -> int:
        return self._watched

    def logPrefix(self) -> str:
        return "PostgreSQL"

    def connectionLost(self, reason: Failure) -> None:
        """The reactor has found the socket broken: libpq tells so, too, when it is asked."""
        self.doRead()

    def doRead(self) -> None:
        raise NotImplementedError

    def doWrite(self) -> None:
        raise NotImplementedError

    def _watch(self) -> None:
        self._watched = os.dup(self._connection.socket)

    def _unwatch(self) -> None:
        if self._watched != -1:
            self._reactor.removeReader(self)
            self._reactor.removeWriter(self)
            os.close(self._watched)
            self._watched = -1


class _Attempt(_Descriptor):
    """An attempt to connect, which `deadline` ends."""

    def __init__(self, connection: PGconn, reactor: Any, seconds: float) -> None:
        super().__init__(connection, reactor)
        self._status = PollingStatus.WRITING
        self.connected: Deferred[PGconn] = Deferred(lambda _: self._end(Lost("given up")))
        self._deadline: IDelayedCall = reactor.callLater(
            seconds, self._end, Lost(f"{_place(connection)} has not answered for {seconds:g} s")
        )
        self._poll()

    def doRead(self) -> None:
        self._poll()

    def doWrite(self) -> None:
        self._poll()

    def connectionLost(self, reason: Failure) -> None:
        """The reactor has found the socket broken, or only replaced: libpq may try several, one
        after the other.
        """
        if reason.check(ConnectionFdescWentAway) is None:
            self._poll()
        elif not self.connected.called:
            self._wait()

    def _poll(self) -> None:
        if self.connected.called:
            return
        self._unwatch()
        try:
            self._status = PollingStatus(self._connection.connect_poll())
            if self._status == PollingStatus.OK:
                self._end(None)
            elif self._status == PollingStatus.FAILED:
                self._end(Lost(one_line(self._connection.get_error_message())))
            else:
                self._watch()  # anew: it may be another socket each time
                self._wait()
        except (psycopg.Error, OSError) as error:
            self._end(Lost(one_line(error)))

    def _wait(self) -> None:
        if self._status == PollingStatus.READING:
            self._reactor.addReader(self)
        else:
            self._reactor.addWriter(self)

    def _end(self, error: Lost | None) -> None:
        if self.connected.called:
            return
        self._unwatch()
        if self._deadline.active():
            self._deadline.cancel()
        if error is None:
            self.connected.callback(self._connection)
        else:
            self._connection.finish()
            self.connected.errback(error)


def connect(conninfo: bytes, reactor: Any, seconds: float) -> Deferred[PGconn]:
    """Return a connection; raise `Lost`. May be cancelled. A host in there has its address beside
    it.

    Otherwise libpq would look it up, and block.
    """
    connection = pq.PGconn.connect_start(conninfo)
    if connection.status == ConnStatus.BAD:
        message = one_line(connection.get_error_message())
        connection.finish()
        failed: Deferred[PGconn] = Deferred()
        failed.errback(Lost(message))
        return failed
    return _Attempt(connection, reactor, seconds).connected


def one_line(message: object) -> str:
    """Return a message of libpq's as one line."""
    return " ".join(str(message).split())


def _place(connection: PGconn) -> str:
    with suppress(psycopg.Error):
        return f"{connection.host.decode()}:{connection.port.decode()}"
    return "the server"


def _unheard(link: Link, why: str | None) -> None:
    """Nobody minds."""


class Link(_Descriptor):
    """A connection that one at a time may ask. `lost` is told, once, when it is gone: why, or None
    where it was closed.
    """

    def __init__(self, connection: PGconn, reactor: Any) -> None:
        super().__init__(connection, reactor)
        self.lost: Callable[[Link, str | None], object] = _unheard
        self.is_lost = False
        self._prepared: set[bytes] = set()
        self._preparing: list[bytes | None] = []
        self._asking: Deferred[list[PGresult]] | None = None
        self._deadline: IDelayedCall | None = None
        self._seconds = 0.0
        self._results: list[PGresult] = []
        self._current: list[PGresult] = []
        connection.nonblocking = 1
        connection.notice_handler = _ignore
        connection.enter_pipeline_mode()
        self._watch()
        reactor.addReader(self)

    def ask(self, asks: Sequence[Ask], seconds: float) -> Deferred[list[PGresult]]:
        """Return a result for each statement, in their order.

        Raise `Refused` where one was refused, or with `Lost`, also where the server has not
        answered in time.
        """
        asking = self._asking = Deferred()
        if self.is_lost:
            self._asking = None
            asking.errback(Lost("the connection is closed"))
            return asking
        self._seconds = seconds
        self._deadline = self._reactor.callLater(seconds, self._too_late)
        try:
            for statement, parameters in asks:
                self._send(statement, parameters)
            self._connection.pipeline_sync()
            self._flush()
        except psycopg.Error as error:
            self._lose(one_line(error))
        return asking

    def close(self) -> None:
        """End it. Who asks it fails with `Lost`."""
        self._lose("the connection is closed", broken=False)

    def _send(self, statement: Statement, parameters: Parameters) -> None:
        if statement.name not in self._prepared and statement.name not in self._preparing:
            self._connection.send_prepare(statement.name, statement.sql)
            self._preparing.append(statement.name)
        self._connection.send_query_prepared(statement.name, parameters)
        self._preparing.append(None)

    def doRead(self) -> None:
        if self.is_lost:
            return
        try:
            self._connection.consume_input()
            if self._asking is None:
                self._connection.is_busy()  # which looks at what has come unasked
            else:
                self._take()
        except psycopg.Error as error:
            self._lose(one_line(error))

    def doWrite(self) -> None:
        if self.is_lost:
            return
        try:
            self._flush()
        except psycopg.Error as error:
            self._lose(one_line(error))

    def _flush(self) -> None:
        if self._connection.flush():
            self._reactor.addWriter(self)
        else:
            self._reactor.removeWriter(self)

    def _take(self) -> None:
        connection, nothing = self._connection, 0
        while nothing < 2 and not connection.is_busy():
            result = connection.get_result()
            if result is None:
                nothing += 1
                self._results += self._current
                self._current = []
                continue
            nothing = 0
            if result.status == ExecStatus.PIPELINE_SYNC:
                self._answer()
                return
            self._current = [result]

    def _answer(self) -> None:
        results, self._results = self._results, []
        preparing, self._preparing = self._preparing, []
        asked = []
        for name, result in zip(preparing, results, strict=False):
            if name is None:
                asked.append(result)
            elif result.status == ExecStatus.COMMAND_OK:
                self._prepared.add(name)
        asking = self._over()
        refused = next((result for result in results if result.status not in _FINE), None)
        if refused is None:
            asking.callback(asked)
        else:
            error = _refusal(refused)
            if isinstance(error, Lost) or error.is_the_end:
                self._lose(one_line(error))
            asking.errback(error)

    def _over(self) -> Deferred[list[PGresult]]:
        asking, self._asking = self._asking, None
        assert asking is not None
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None
        return asking

    def _too_late(self) -> None:
        self._lose(f"{_place(self._connection)} has not answered for {self._seconds:g} s")

    def _lose(self, reason: str, broken: bool = True) -> None:
        if self.is_lost:
            return
        self.is_lost = True
        self._unwatch()
        self._connection.finish()
        self.lost(self, reason if broken else None)
        if self._asking is not None:
            self._over().errback(Lost(reason))


def _ignore(notice: PGresult) -> None:
    """Notices are for people at a terminal."""


def _refusal(result: PGresult) -> Lost | Refused:
    def field(which: DiagnosticField) -> str | None:
        value = result.error_field(which)
        return None if value is None else value.decode("utf-8", "replace")

    code = field(DiagnosticField.SQLSTATE)
    if code is None:
        return Lost(one_line(result.get_error_message()))
    message = one_line(field(DiagnosticField.MESSAGE_PRIMARY) or "")
    return Refused(code, message, field(DiagnosticField.CONSTRAINT_NAME))
