"""Two kinds of time. How long something takes, and when it is to be over, the reactor tells by a
clock that nobody sets; what day it is, which is kept and compared with what others keep, the
system's time of day does.
"""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, time
from typing import Any, Final

from twisted.internet.interfaces import IReactorTime
from zope.interface import implementer


@implementer(IReactorTime)
class TimeOfDay:
    """The system's time of day, as a clock whose calls are the reactor's."""

    def __init__(self, reactor: Any, now: Callable[[], float] = time) -> None:
        self.seconds: Final = now
        self.callLater: Final = reactor.callLater
        self.getDelayedCalls: Final = reactor.getDelayedCalls


def count_steadily(reactor: Any) -> None:
    """Have the reactor's timers go by a clock that nobody sets, and so not wait for an hour more
    where the time of day is set back by one.

    Twisted's own take the time of day. What was put off already would never come, so a reactor with
    such calls stays as it is.
    """
    if not reactor.getDelayedCalls():
        reactor.seconds = monotonic
