"""Carries calls over a reactor: many at once over one connection, which is made when it is
needed.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Final, Generic, TypeVar

from twisted.internet.defer import CancelledError, Deferred, fail, succeed
from twisted.internet.interfaces import IDelayedCall, IStreamClientEndpoint
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.python.failure import Failure

from sockcrud.client.calls import MOST_WAITING, Call, Wire
from sockcrud.client.delays import Delays
from sockcrud.client.errors import CannotSend, ClientError, TimedOut
from sockcrud.client.exchange import Exchange, unsent
from sockcrud.client.link import Link, Pending

A = TypeVar("A")
T = TypeVar("T")

LONGEST_GOODBYE: Final = 5.0
"""Seconds a connection has to be closed in order; then it is cut."""

_log = Logger()


class ReactorDriver(Generic[A]):
    """A queue of calls, and the connection they go over."""

    def __init__(
        self, wire: Wire[A], place: str, endpoint: IStreamClientEndpoint, clock: Any, timeout: float
    ) -> None:
        self._wire = wire
        self._place = place
        self._endpoint = endpoint
        self._clock = clock
        self._timeout = timeout
        self._delays = Delays(timeout)
        self._waiting: deque[Pending] = deque()
        self._link: Link | None = None
        self._open: set[Link] = set()
        self._connecting: Deferred[Any] | None = None
        self._delayed: IDelayedCall | None = None
        self._goodbye: IDelayedCall | None = None
        self._closed = False
        self._closing: list[Deferred[None]] = []

    def carry(self, call: Call[A, T]) -> Deferred[T]:
        """Return the call's result, or raise a `ClientError`, within the timeout. May be
        cancelled.
        """
        if self._closed:
            return fail(self._cannot_send("the client is closed"))
        if len(self._waiting) + (len(self._link.exchange) if self._link else 0) >= MOST_WAITING:
            return fail(self._cannot_send(f"{MOST_WAITING} calls are waiting already"))
        pending: Pending
        result: Deferred[T] = Deferred(lambda _: self._cancel(pending))
        timer = self._clock.callLater(self._timeout, lambda: self._expire(pending))
        pending = Pending(call, result=result, timer=timer)
        self._waiting.append(pending)
        self._go_on()
        return result

    def close(self) -> Deferred[None]:
        """Close the connection, for good: calls under way fail. Return when it is closed. Harmless
        when repeated.
        """
        self._closed = True
        waiting, self._waiting = self._waiting, deque()
        self._stop_connecting()
        outcomes = [(each, unsent(self._wire, each, "the client was closed")) for each in waiting]
        if self._link is not None:
            link, was_busy = self._link, bool(self._link.exchange)
            link.exchange.over = "the client was closed"
            outcomes = self._leave(link, cut=was_busy) + outcomes
            if not was_busy:
                link.transport.loseConnection()
                if self._open:
                    self._goodbye = self._clock.callLater(LONGEST_GOODBYE, self._cut)
        self._fire(outcomes)
        if not self._open:
            return succeed(None)
        closing: Deferred[None] = Deferred()
        self._closing.append(closing)
        return closing

    # Sending

    def _go_on(self) -> None:
        """Send what may be sent; connect where there is no connection."""
        if not self._waiting:
            return
        if self._link is None:
            self._connect()
            return
        while self._link is not None and self._waiting and self._link.exchange.may_send():
            self._link.send(self._waiting.popleft())

    def ready_for_more(self, link: Link) -> None:
        if link is self._link:
            self._go_on()

    def moved(self, pending: Pending) -> None:
        """Something of it was sent or received: its time begins anew."""
        if pending.timer.active():
            pending.timer.reset(self._timeout)

    # Connecting

    def _connect(self) -> None:
        if self._connecting is not None or self._delayed is not None:
            return
        if wait := self._delays.left(self._clock.seconds()):
            self._delayed = self._clock.callLater(wait, self._try)
        else:
            self._try()

    def _try(self) -> None:
        self._delayed = None
        factory = Factory.forProtocol(self._made)
        factory.noisy = False
        connecting: Deferred[Any] = self._endpoint.connect(factory)
        self._connecting = connecting.addCallback(lambda link: link.opened())
        connecting.addCallbacks(self._connected, self._not_connected)
        connecting.addErrback(
            lambda failure: _log.failure("a connection could not be used", failure)
        )

    def _made(self) -> Link:
        link = Link(self, Exchange(self._wire, self._place))
        self._open.add(link)
        return link

    def _connected(self, link: Link) -> None:
        self._connecting = None
        self._delays.succeeded()
        if link in self._open:
            self._link = link
        self._go_on()

    def _not_connected(self, failure: Failure) -> None:
        self._connecting = None
        self._delays.failed(self._clock.seconds())
        reason = f"{self._place}: {_in_words(failure)}"
        waiting, self._waiting = self._waiting, deque()
        self._fire([(each, unsent(self._wire, each, reason)) for each in waiting])

    def _stop_connecting(self) -> None:
        if self._delayed is not None:
            self._delayed.cancel()
            self._delayed = None
        if self._connecting is not None:
            self._connecting.cancel()

    # Hearing

    def received(self, link: Link, data: bytes) -> None:
        if link is not self._link:
            return
        self._settle(link, link.exchange.receive(data))
        first = link.exchange.first
        if first is not None and first.call.streams:
            self.moved(first)
        self._go_on()

    def lost(self, link: Link, reason: Failure) -> None:
        self._open.discard(link)
        if link is self._link:
            self._settle(link, link.exchange.end(f"{self._place}: {_in_words(reason)}"))
            self._go_on()
        if not self._open:
            if self._goodbye is not None and self._goodbye.active():
                self._goodbye.cancel()
            closing, self._closing = self._closing, []
            for each in closing:
                each.callback(None)

    def _settle(self, link: Link, outcomes: list[tuple[Pending, Any]]) -> None:
        """Tell the outcomes. A link that is of no more use is left."""
        self._waiting.extendleft(reversed(link.exchange.take_again()))
        self._fire(outcomes + self._leave(link) if link.exchange.over else outcomes)

    # Ends

    def _expire(self, pending: Pending) -> None:
        if pending in self._waiting:
            self._waiting.remove(pending)
            if self._link is None:
                outcome: ClientError = unsent(
                    self._wire, pending, f"{self._place}: no connection within {self._timeout:g} s"
                )
            else:
                outcome = TimedOut(self._timeout, may_have_happened=pending.repeated)
            self._fire([(pending, outcome)])
            if not self._waiting:
                self._stop_connecting()
        elif self._link is not None and pending in self._link.exchange:
            link = self._link
            link.exchange.cut(pending, "it was cut, as another call had no answer in time")
            self._fire([(pending, TimedOut(self._timeout)), *self._leave(link)])
            self._go_on()

    def _cancel(self, pending: Pending) -> None:
        """Nobody waits for it any more. Its answer, if it was sent, is still taken out of what
        comes.
        """
        pending.given_up = True
        if pending in self._waiting:
            self._waiting.remove(pending)
            pending.timer.cancel()
            if not self._waiting:
                self._stop_connecting()

    def _leave(self, link: Link, cut: bool = True) -> list[tuple[Pending, Any]]:
        """Use the link no more. What was sent waits again where it may be repeated; give the
        outcomes of the rest.
        """
        self._link = None
        outcomes, again = link.exchange.abandon()
        self._waiting.extendleft(reversed(again))
        if cut and link in self._open:
            link.drop()
        return outcomes

    def _cut(self) -> None:
        for link in list(self._open):
            link.drop()

    def _fire(self, outcomes: list[tuple[Pending, Any]]) -> None:
        """Tell those who wait. By now all is as it shall be: they may ask again at once."""
        for pending, outcome in outcomes:
            if pending.timer.active():
                pending.timer.cancel()
            if pending.given_up or pending.result.called:
                continue
            if isinstance(outcome, BaseException):
                pending.result.errback(outcome)
            else:
                pending.result.callback(outcome)

    def _cannot_send(self, reason: str) -> CannotSend:
        return CannotSend(reason, self._wire.words.cannot_send)


def _in_words(failure: Failure) -> str:
    if failure.check(CancelledError):
        return "no connection in time"
    return " ".join((failure.getErrorMessage() or "").split()) or type(failure.value).__name__
