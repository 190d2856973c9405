"""One of several processes of a daemon: what it shares with the others, and how it hears of
them."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path
from shutil import rmtree
from typing import Any, Final

from attrs import frozen
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import UNIXClientEndpoint, connectProtocol
from twisted.internet.error import ReactorNotRunning
from twisted.internet.interfaces import IReadDescriptor
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from sockcrud.protocols.inherited import Inherited, Sockets

OTHERS_SECONDS: Final = 2.0
"""What another process has to give its figures in: one that hangs has none."""

log: Final = Logger()

Figures = Callable[[], Awaitable[bytes]]


@frozen
class Worker:
    """One of the processes, as it knows itself."""

    number: int
    of: int
    sockets: Sockets
    folder: Path
    """Where the sockets are that the processes talk over."""
    lifeline: int
    """A descriptor that ends when the first process has ended."""

    def listening(self, dialect: str, reactor: Any) -> Any:
        """Return the reactor that listens for a dialect on the socket that all workers have."""
        shared = self.sockets.get(dialect)
        return reactor if shared is None else Inherited(reactor, shared)

    @property
    def is_first(self) -> bool:
        """Whether it is the one that fills a new store, and says what listens where."""
        return self.number == 1

    def run_beside(self, reactor: Any, figures: Figures) -> None:
        """End when the first process has ended, however it did; give the others the figures."""
        reactor.addReader(_Lifeline(reactor, self.lifeline, self.folder))
        self._door(self.number).unlink(missing_ok=True)  # of one with this number that was killed
        reactor.listenUNIX(str(self._door(self.number)), _Giving(figures), mode=0o600)

    async def gather(self, reactor: Any, own: Figures) -> bytes:
        """Return the figures of all processes that give them, each with a label that says whose
        they are."""

        async def of(number: int) -> bytes:
            if number == self.number:
                return await own()
            try:
                return await Deferred.fromCoroutine(self._ask(reactor, number)).addTimeout(
                    OTHERS_SECONDS, reactor
                )
            except Exception as error:
                log.warn("worker {number} gives no figures: {error}", number=number, error=error)
                return b""

        asked = [Deferred.fromCoroutine(of(number)) for number in range(1, self.of + 1)]
        found = await gatherResults(asked, consumeErrors=True)
        return merge({number: text for number, text in enumerate(found, 1) if text})

    async def _ask(self, reactor: Any, number: int) -> bytes:
        asking = _Asking()
        await connectProtocol(
            UNIXClientEndpoint(reactor, str(self._door(number)), OTHERS_SECONDS), asking
        )
        return await asking.received

    def _door(self, number: int) -> Path:
        return self.folder / f"figures-{number}"


def merge(texts: Mapping[int, bytes]) -> bytes:
    """Return the figures of several processes as one page: each family once, each line with its
    `worker`."""
    heads: dict[bytes, list[bytes]] = {}
    samples: dict[bytes, list[bytes]] = {}
    for number, text in texts.items():
        label, family = b'worker="%d"' % number, b""
        for line in text.splitlines():
            if line.startswith(b"#"):
                family = line.split(b" ", 3)[2]
                head = heads.setdefault(family, [])
                if line not in head:
                    head.append(line)
            elif line:
                samples.setdefault(family, []).append(_labelled(line, label))
    lines = [line for family, head in heads.items() for line in (*head, *samples.get(family, ()))]
    return b"\n".join(lines) + b"\n"


def _labelled(line: bytes, label: bytes) -> bytes:
    name, brace, rest = line.partition(b"{")
    if brace:
        return name + b"{" + label + b"," + rest
    name, _, value = line.partition(b" ")
    return name + b"{" + label + b"} " + value


class _Giving(Factory):
    """Gives the figures to whoever connects."""

    noisy = False

    def __init__(self, figures: Figures) -> None:
        self.figures = figures

    def buildProtocol(self, addr: Any) -> Protocol:
        return _Gift(self.figures)


class _Gift(Protocol):
    transport: Any

    def __init__(self, figures: Figures) -> None:
        self._figures = figures

    def connectionMade(self) -> None:
        Deferred.fromCoroutine(self._give()).addErrback(self._failed)

    async def _give(self) -> None:
        self.transport.write(await self._figures())
        self.transport.loseConnection()

    def _failed(self, failure: Failure) -> None:
        log.failure("the figures cannot be given", failure)
        self.transport.loseConnection()


class _Asking(Protocol):
    """Takes in all that is said until the end."""

    transport: Any

    def __init__(self) -> None:
        self._pieces: list[bytes] = []
        self.received: Deferred[bytes] = Deferred(lambda _: self.transport.abortConnection())

    def dataReceived(self, data: bytes) -> None:
        self._pieces.append(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if not self.received.called:
            self.received.callback(b"".join(self._pieces))


@implementer(IReadDescriptor)
class _Lifeline:
    """Stops the reactor when nobody holds the other end any more."""

    def __init__(self, reactor: Any, descriptor: int, folder: Path) -> None:
        self._reactor = reactor
        self._folder = folder
        self._descriptor = descriptor

    def fileno(self) -> int:
        return self._descriptor

    def logPrefix(self) -> str:
        return "lifeline"

    def doRead(self) -> None:
        self._reactor.removeReader(self)
        os.close(self._descriptor)
        rmtree(self._folder, ignore_errors=True)  # which nobody else does now
        log.error("the process that looks after this one has ended: stopping")
        with suppress(ReactorNotRunning):
            self._reactor.stop()

    def connectionLost(self, reason: Failure) -> None:
        """The reactor has stopped."""
