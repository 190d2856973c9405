"""The little of a reactor that a store needs, in a file or in PostgreSQL, for a command that does
one thing and ends.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from queue import Empty, SimpleQueue
from selectors import EVENT_READ, EVENT_WRITE, DefaultSelector
from time import monotonic
from typing import Any, Final, TypeVar

from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IReactorFDSet,
    IReactorFromThreads,
    IReadDescriptor,
    IWriteDescriptor,
)
from twisted.internet.task import Clock
from twisted.python.failure import Failure
from zope.interface import implementer

T = TypeVar("T")

_LONGEST_WAIT: Final = 1.0


@define
class _Watched:
    """A descriptor under the number that it was first watched by, which is another's once it is
    closed.
    """

    number: int
    events: int


@implementer(IReactorFromThreads, IReactorFDSet)
class Turns(Clock):
    """Takes turns while there is something to finish, in the system's time. Unlike a reactor it
    can start again.
    """

    def __init__(self) -> None:
        super().__init__()
        self._calls: SimpleQueue[Callable[[], object]] = SimpleQueue()
        self._watched: dict[Any, _Watched] = {}
        self._selector = DefaultSelector()
        self._bell: socket.socket | None = None
        self._heard: socket.socket | None = None

    def seconds(self) -> float:
        """Return the time by a clock that nobody sets, as it is now: a turn may take long, and a
        deadline counts from when it is set.
        """
        return monotonic()

    def callFromThread(self, callable: Callable[..., Any], *args: object, **kwargs: object) -> None:
        """Call it in the next turn, whichever thread asks."""
        self._calls.put(partial(callable, *args, **kwargs))
        if (bell := self._bell) is not None:
            with suppress(OSError):  # it is full, or nobody listens any more
                bell.send(b"!")

    def addReader(self, reader: IReadDescriptor) -> None:
        """Tell it when there is something to read."""
        self._watch(reader, EVENT_READ)

    def addWriter(self, writer: IWriteDescriptor) -> None:
        """Tell it when there is room to write."""
        self._watch(writer, EVENT_WRITE)

    def removeReader(self, reader: IReadDescriptor) -> None:
        """Tell it no more."""
        self._unwatch(reader, EVENT_READ)

    def removeWriter(self, writer: IWriteDescriptor) -> None:
        """Tell it no more."""
        self._unwatch(writer, EVENT_WRITE)

    def getReaders(self) -> list[Any]:
        return [each for each, watched in self._watched.items() if watched.events & EVENT_READ]

    def getWriters(self) -> list[Any]:
        return [each for each, watched in self._watched.items() if watched.events & EVENT_WRITE]

    def removeAll(self) -> list[Any]:
        """Watch nothing any more; give what was watched."""
        removed = list(self._watched)
        for each in removed:
            self._unwatch(each, EVENT_READ | EVENT_WRITE)
        return removed

    def _watch(self, descriptor: Any, event: int) -> None:
        if self._bell is None:
            self._open_bell()
        if (watched := self._watched.get(descriptor)) is None:
            watched = self._watched[descriptor] = _Watched(descriptor.fileno(), event)
            self._selector.register(watched.number, event, descriptor)
        elif not watched.events & event:
            watched.events |= event
            self._selector.modify(watched.number, watched.events, descriptor)

    def _unwatch(self, descriptor: Any, event: int) -> None:
        if (watched := self._watched.get(descriptor)) is None:
            return
        watched.events &= ~event
        if watched.events:
            self._selector.modify(watched.number, watched.events, descriptor)
        else:
            del self._watched[descriptor]
            self._selector.unregister(watched.number)
            if not self._watched:
                self._close_bell()

    def finish(self, work: Coroutine[Any, Any, T]) -> T:
        """Take turns until the work is done; give its result, or raise what it raises."""
        outcomes: list[T | Failure] = []
        Deferred.fromCoroutine(work).addBoth(outcomes.append)
        while not outcomes:
            if self._watched:
                self._look()
            else:
                with suppress(Empty):
                    self._calls.get(timeout=self._until_the_next())()
            self.advance(0)
        outcome = outcomes[0]
        if isinstance(outcome, Failure):
            outcome.raiseException()
        return outcome

    def _until_the_next(self) -> float:
        due = min(
            (call.getTime() for call in self.getDelayedCalls()),
            default=self.seconds() + _LONGEST_WAIT,
        )
        return min(max(0.0, due - monotonic()), _LONGEST_WAIT)

    def _look(self) -> None:
        """Wait for what is watched, for the next call, or for another thread, and tell whom it
        concerns.
        """
        with suppress(Empty):
            self._calls.get_nowait()()
            return
        for key, events in self._selector.select(self._until_the_next()):
            descriptor = key.data
            if descriptor is None:
                self._hear()
            elif descriptor in self._watched:
                if events & EVENT_READ:
                    descriptor.doRead()
                if events & EVENT_WRITE and descriptor in self._watched:
                    descriptor.doWrite()

    def _open_bell(self) -> None:
        self._heard, self._bell = socket.socketpair()
        self._heard.setblocking(False)
        self._bell.setblocking(False)
        self._selector.register(self._heard, EVENT_READ, None)

    def _close_bell(self) -> None:
        bell, self._bell = self._bell, None
        if bell is not None and self._heard is not None:
            self._selector.unregister(self._heard)
            self._heard.close()
            bell.close()

    def _hear(self) -> None:
        with suppress(BlockingIOError):
            while self._heard is not None and self._heard.recv(4096):
                pass
