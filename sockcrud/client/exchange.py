"""What happens on one connection, without I/O: calls go out, bytes come in, and each call has its
outcome.

Both drivers are a loop around this: what a broken connection means, and what may be sent once more,
is decided here.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar

from attrs import define

from sockcrud.client.calls import MOST_IN_FLIGHT, Call, Wire
from sockcrud.client.errors import BadAnswer, CannotSend, ServerFault, ServerGone


@define(eq=False)
class Attempt:
    """A call on its way."""

    call: Call[Any, Any]
    repeated: bool = False
    """Whether it was sent before, over a connection that turned out to be closed."""
    unsent: bool = False
    """Whether it is known that not a byte of it was sent."""
    given_up: bool = False
    """Whether nobody waits for it any more."""


P = TypeVar("P", bound=Attempt)


class Exchange(Generic[P]):
    """The attempts that were sent over a connection and not answered.

    `receive` and `end` give the outcomes they bring about: an attempt each, with its result or its
    error. After either, `over` says why the connection is of no more use, or is ""; then `abandon`
    gives what becomes of the other attempts.
    """

    def __init__(self, wire: Wire[Any], place: str) -> None:
        self._wire = wire
        self._place = place
        self._reader: Final = wire.reader()
        self._sent: deque[P] = deque()
        self._has_answered = False
        self._heard = False
        """Whether anything was heard since calls were under way."""
        self._may_repeat = False
        self._is_lost = False
        """Whether the other end is gone, and not only of no more use."""
        self._again: list[P] = []
        self.is_sending = False
        """Whether there is more to come of a call's request."""
        self.over = ""

    def __len__(self) -> int:
        return len(self._sent)

    def __contains__(self, attempt: object) -> bool:
        return attempt in self._sent

    @property
    def first(self) -> P | None:
        """The attempt whose answer comes next."""
        return self._sent[0] if self._sent else None

    def may_send(self) -> bool:
        """Return whether one more call may be sent."""
        if self.is_sending or len(self._sent) >= MOST_IN_FLIGHT:
            return False
        return not self._sent or self._reader.may_pipeline

    def send(self, attempt: P) -> None:
        """Take note that this is sent."""
        if not self._sent:
            self._heard = False
        self._sent.append(attempt)
        self._reader.expect(attempt.call)

    def receive(self, data: bytes) -> list[tuple[P, Any]]:
        """Take in what was received, and return the outcomes."""
        self._heard = True
        if not self._sent:
            self.over = "it said what nobody had asked for"
            return []
        self._reader.feed(data)
        return self._take(self._reader.take)

    def end(self, reason: str) -> list[tuple[P, Any]]:
        """The connection is lost: give the outcomes."""
        outcomes = self._take(self._reader.end)
        if not self.over:
            self.over, self._may_repeat = reason, self._has_answered and not self._heard
            self._is_lost = True
        return outcomes

    def cut(self, attempt: P, reason: str) -> None:
        """Leave the connection, for this attempt alone: it has no outcome here."""
        self._sent.remove(attempt)
        self.over = reason

    def abandon(self) -> tuple[list[tuple[P, Any]], list[P]]:
        """Return the outcomes of what was sent and not answered, and the attempts that may be made
        once more.
        """
        outcomes: list[tuple[P, Any]] = []
        again = self.take_again()
        for attempt in self._sent:
            if (self._may_repeat and _is_repeatable(attempt)) or (
                self._is_lost and _is_made_once(attempt)
            ):
                attempt.repeated = not attempt.unsent
                again.append(attempt)
            elif attempt.unsent:
                outcomes.append((attempt, CannotSend(self.over, self._wire.words.cannot_send)))
            else:
                outcomes.append((attempt, ServerGone(self.over, self._wire.words.server_gone)))
        self._sent.clear()
        return outcomes, again

    def take_again(self) -> list[P]:
        """Return the attempts whose answer says that nobody knows what became of them, and that may
        be made once more.
        """
        again, self._again = self._again, []
        return again

    def _take(self, take: Callable[[], Any]) -> list[tuple[P, Any]]:
        outcomes: list[tuple[P, Any]] = []
        while self._sent:
            try:
                answer = take()
            except Exception as error:  # a bad answer, or what takes the body in fails
                self.over = "an answer could not be read"
                return [*outcomes, (self._sent.popleft(), error)]
            if answer is None:
                return outcomes
            attempt = self._sent.popleft()
            self._has_answered = True
            outcome = _read(attempt.call, answer)
            if isinstance(outcome, ServerFault) and _is_made_once(attempt):
                attempt.repeated = True
                self._again.append(attempt)
            else:
                outcomes.append((attempt, outcome))
            if isinstance(outcome, (ServerGone, BadAnswer)):
                self.over = str(outcome)
                return outcomes
            if self._reader.is_last or (self.is_sending and not self._sent):
                self.over, self._may_repeat = f"{self._place} closed the connection", True
                self._is_lost = True
                return outcomes
        if self._reader.has_rest:
            self.over = "it said more than was asked for"
        return outcomes


def unsent(wire: Wire[Any], attempt: Attempt, reason: str) -> CannotSend | ServerGone:
    """Return the error of an attempt that has no connection to go over."""
    if attempt.repeated:
        return ServerGone(reason, wire.words.server_gone)
    return CannotSend(reason, wire.words.cannot_send)


def _is_repeatable(attempt: Attempt) -> bool:
    harmless = attempt.call.repeatable or attempt.unsent
    return harmless and not attempt.repeated and not attempt.given_up and attempt.call.more is None


def _is_made_once(attempt: Attempt) -> bool:
    """Return whether it may be sent once more though it may have been carried out: the server makes
    it once.
    """
    return attempt.call.keyed and not attempt.repeated and not attempt.given_up


def _read(call: Call[Any, Any], answer: Any) -> Any:
    try:
        return call.read(answer)
    except Exception as error:
        return error
