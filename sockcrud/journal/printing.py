"""The journal on the terminal of the daemon itself."""

from __future__ import annotations

from collections.abc import Callable
from threading import Thread
from time import perf_counter
from typing import Any, Final

from twisted.internet.task import LoopingCall

from sockcrud.journal.journal import Filter, Journal
from sockcrud.journal.lines import lines, missed
from sockcrud.journal.watching import LOOK_SECONDS, SLICE_SECONDS

_ALL: Final = Filter()


class Printer:
    """Writes what is new several times a second, in a thread, and nothing more before that is done:
    who reads slowly misses some, and is told how many entries these are.
    """

    def __init__(
        self, journal: Journal, reactor: Any, write: Callable[[str], object], colored: bool
    ) -> None:
        self._journal = journal
        self._reactor = reactor
        self._write = write
        self._colored = colored
        self._after = journal.next - 1
        self._is_writing = False
        self._looking = LoopingCall(self.look)
        self._looking.clock = reactor

    def start(self) -> None:
        """Begin, until the output is closed."""
        self._looking.start(LOOK_SECONDS, now=False)

    def look(self) -> None:
        """Have what is new written, unless what was new before is not yet."""
        if self._is_writing or self._after + 1 >= self._journal.next:
            return
        shown: list[str] = []
        if (count := self._journal.first - self._after - 1) > 0:
            self._after += count
            shown.append(missed(count, self._colored))
        began = perf_counter()
        for id, entry in self._journal.select(self._after, _ALL):
            if perf_counter() - began > SLICE_SECONDS:
                break
            shown += lines(self._journal.render(id, entry), self._colored)
            self._after = id
        self._is_writing = True
        # Not one of the reactor's threads, for which the end of the daemon would wait.
        Thread(target=self._written, args=("\n".join(shown),), daemon=True).start()

    def _written(self, text: str) -> None:
        """Write, in a thread of its own."""
        try:
            self._write(text)
        except (OSError, ValueError):  # nobody reads any more: the daemon goes on all the same
            self._reactor.callFromThread(self._looking.stop)
        else:
            self._reactor.callFromThread(self._go_on)

    def _go_on(self) -> None:
        self._is_writing = False
