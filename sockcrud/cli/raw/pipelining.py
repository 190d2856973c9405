"""Many lines over one connection: sent while answers come, which are told in the order of the
lines.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any, Final

from attrs import define
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from sockcrud.client import Lines

WINDOW: Final = 256
"""Lines that were read and are not answered: no more is read before."""


@define
class Outcome:
    """How it went: how many answers there were, and what ended it before all lines were
    answered.
    """

    answers: int = 0
    error: BaseException | None = None


class Pipeline:
    """Sends lines that another thread reads. `finished` is called once: after all answers, or at
    the first failure.
    """

    def __init__(
        self,
        client: Lines,
        answered: Callable[[str], object],
        finished: Callable[[], object],
    ) -> None:
        self._client = client
        self._answered = answered
        self._finished = finished
        self._free = threading.Semaphore(WINDOW)
        self._unanswered = 0
        self._all_sent = False
        self._is_over = False
        self.outcome = Outcome()

    def read(self, lines: Iterator[bytes], in_reactor: Callable[..., object]) -> None:
        """Hand the lines over to the reactor's thread, no more than the window has room for. For a
        thread of its own.
        """
        try:
            for line in lines:
                self._free.acquire()
                if self._is_over:
                    return
                in_reactor(self.send, line)
        except BaseException as error:
            in_reactor(self.fail, error)
        else:
            in_reactor(self.end)

    def send(self, line: bytes) -> None:
        """Send one line."""
        if self._is_over:
            return
        self._unanswered += 1
        sent: Deferred[str] = self._client.send(line)
        sent.addCallback(self._take)
        sent.addErrback(self._failed)

    def end(self) -> None:
        """There are no more lines."""
        self._all_sent = True
        self._finish_if_done()

    def fail(self, error: BaseException) -> None:
        """Give up: what comes after the first failure says nothing new."""
        if not self._is_over:
            self.outcome.error = error
            self._finish()

    def interrupt(self) -> None:
        """The reactor stops: where that is not because all is over, somebody wants it so."""
        if not self._is_over:
            self.outcome.error = KeyboardInterrupt()
            self._is_over = True
            self._free.release()

    def _take(self, answer: str) -> None:
        if self._is_over:
            return
        self._unanswered -= 1
        self.outcome.answers += 1
        self._free.release()
        self._answered(answer)
        self._finish_if_done()

    def _failed(self, failure: Failure) -> None:
        assert failure.value is not None  # only a failure that was made of a traceback has none
        self.fail(failure.value)

    def _finish_if_done(self) -> None:
        if self._all_sent and not self._unanswered and not self._is_over:
            self._finish()

    def _finish(self) -> None:
        self._is_over = True
        self._free.release()  # the reader may wait for room
        self._finished()


def pipelined(
    reactor: Any, client: Lines, lines: Iterator[bytes], answered: Callable[[str], object]
) -> Outcome:
    """Send the lines, and tell each answer. Runs the reactor, which a process can do once; Ctrl-C
    ends it.
    """
    pipeline = Pipeline(client, answered, reactor.stop)
    reader = threading.Thread(
        target=pipeline.read, args=(lines, reactor.callFromThread), daemon=True
    )
    reactor.callWhenRunning(reader.start)
    reactor.addSystemEventTrigger("before", "shutdown", pipeline.interrupt)
    reactor.run()
    return pipeline.outcome
