"""What signals do: SIGTERM and SIGINT stop, a second one ends at once, SIGHUP reloads, SIGUSR1
rotates the log.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from typing import Any, Final

from twisted.internet.error import ReactorNotRunning

ONE_PRESS: Final = 0.2
"""Seconds within which a second signal to stop is the first once more: who starts programs on a
terminal often passes Ctrl-C on, which the terminal has sent to them all."""

_HANGUP: Final = getattr(signal, "SIGHUP", None)
_USER_1: Final = getattr(signal, "SIGUSR1", None)  # Windows has neither


def ignore_until_running() -> None:
    """Let SIGHUP and SIGUSR1 pass while nothing runs yet: they would end the process, and it reads
    what is new anyway.
    """
    if threading.current_thread() is threading.main_thread():
        for number in (_HANGUP, _USER_1):
            if number is not None:
                signal.signal(number, signal.SIG_IGN)


def stop_on_signals(reactor: Any, again: Callable[[int], object] | None = None) -> None:
    """Let SIGTERM and SIGINT stop the reactor so that the process ends with status 0.

    Twisted's own handlers would end it by the same signal once more, after all was stopped in
    order. `again` is called with the signal that comes while it stops.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    stopping_since: float | None = None

    def stop(number: int, frame: object) -> None:
        nonlocal stopping_since
        if stopping_since is None:
            stopping_since = monotonic()
            reactor.callFromThread(_stop, reactor)
        elif again is not None and monotonic() - stopping_since > ONE_PRESS:
            again(number)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)


def _stop(reactor: Any) -> None:
    with suppress(ReactorNotRunning):  # it stops already, for another reason
        reactor.stop()


def reload_on_signals(
    reactor: Any, reload: Callable[[], object], rotate: Callable[[], object]
) -> None:
    """Let SIGHUP call `reload`, and SIGUSR1 `rotate`, in the reactor's thread.

    A terminal that is closed sends a SIGHUP too: then what was started there stops, as people
    expect of it.
    """
    if threading.current_thread() is not threading.main_thread():
        return
    on_terminal = _has_terminal()

    def hang_up(number: int, frame: object) -> None:
        if on_terminal and not _has_terminal():
            os.kill(os.getpid(), signal.SIGTERM)
        else:
            reactor.callFromThread(reload)

    if _HANGUP is not None:
        signal.signal(_HANGUP, hang_up)
    if _USER_1 is not None:
        signal.signal(_USER_1, lambda number, frame: reactor.callFromThread(rotate))


def _has_terminal() -> bool:
    try:
        return os.isatty(sys.__stdin__.fileno()) if sys.__stdin__ is not None else False
    except (OSError, ValueError):
        return False
