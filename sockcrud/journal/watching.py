"""The journal as it grows, as Server-Sent Events.

A watcher has no queue: it has the number of the entry it was sent last, and looks for what is new
several times a second. So it slows nobody and holds no memory, however slowly it reads; what was
let go of meanwhile it is told as a number.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from time import perf_counter
from typing import Final

import orjson
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReactorTime

from sockcrud.journal.journal import Filter, Journal

LOOK_SECONDS: Final = 0.1
"""Between two looks at what is new."""
CHECK_SECONDS: Final = 0.5
"""Between two looks at whether the watcher may go on."""
BEAT_SECONDS: Final = 15.0
"""After which a comment is sent where nothing is new: proxies end what is silent."""
SLICE_SECONDS: Final = 0.002
"""For which entries are rendered in one turn."""
MOST_A_LOOK: Final = 100
"""Entries that are rendered for one watcher between two looks: what is beyond it, it misses."""
MOST_WATCHERS: Final = 16

HEARTBEAT: Final = b": still here\n\n"


class Watching:
    """The watchers of a journal, all of which end when `ends` says so: the daemon does."""

    def __init__(
        self,
        journal: Journal,
        clock: IReactorTime,
        ends: Callable[[], bool],
        now: Callable[[], float] = perf_counter,
    ) -> None:
        self.journal = journal
        self.clock = clock
        self.ends = ends
        self.now = now
        self.watchers = 0

    @property
    def is_full(self) -> bool:
        """Whether there are as many watchers as there may be."""
        return self.watchers >= MOST_WATCHERS

    def watch(
        self, after: int | None, wanted: Filter, may_go_on: Callable[[], Awaitable[bool]]
    ) -> Watcher:
        """Return a new watcher, of what comes after a number, or from now on."""
        return Watcher(self, self.journal.next - 1 if after is None else after, wanted, may_go_on)


class Watcher:
    """One stream of events. It counts as a watcher until it is closed."""

    def __init__(
        self,
        watching: Watching,
        after: int,
        wanted: Filter,
        may_go_on: Callable[[], Awaitable[bool]],
    ) -> None:
        self._watching = watching
        self._journal = journal = watching.journal
        self._clock = watching.clock
        self._wanted = wanted
        self._may_go_on = may_go_on
        self._is_closed = False
        self._call: IDelayedCall | None = None
        self._waiting: Deferred[None] | None = None
        watching.watchers += 1
        # Numbers begin anew with each daemon: who has one of an earlier life gets all there is.
        self._after = after if after < journal.next else journal.first - 1

    def close(self) -> None:
        """End the stream."""
        if not self._is_closed:
            self._is_closed = True
            self._watching.watchers -= 1
            if self._call is not None and self._call.active():
                self._call.cancel()
                self._wake()

    async def events(self) -> AsyncIterator[bytes]:
        """Yield events until the watcher is closed, or may not go on."""
        checked = said = self._clock.seconds()
        yield b"retry: 1000\n\n"
        while not (self._is_closed or self._watching.ends()):
            now = self._clock.seconds()
            if now - checked >= CHECK_SECONDS:
                checked = now
                if not await self._may_go_on():
                    return
            left = MOST_A_LOOK
            while left > 0 and not self._is_closed:
                slice, count = self._next_slice(left)
                if not slice:
                    break
                left -= count
                said = self._clock.seconds()
                yield slice
            if self._clock.seconds() - said >= BEAT_SECONDS:
                said = self._clock.seconds()
                yield HEARTBEAT
            await self._pause()

    def _next_slice(self, most: int) -> tuple[bytes, int]:
        """Return events of what is new, as many as one turn has time for, and their number."""
        journal = self._journal
        said, count = b"", 0
        if (missed := journal.first - self._after - 1) > 0:
            self._after += missed
            said = b'event: missed\nid: %d\ndata: {"count":%d}\n\n' % (self._after, missed)
        began = self._watching.now()
        for id, entry in journal.select(self._after, self._wanted):
            if count >= most or self._watching.now() - began > SLICE_SECONDS:
                return said, count
            said += b"id: %d\ndata: %b\n\n" % (id, orjson.dumps(journal.render(id, entry)))
            self._after = id
            count += 1
        self._after = journal.next - 1
        return said, count

    def _pause(self) -> Deferred[None]:
        self._waiting = Deferred()
        self._call = self._clock.callLater(LOOK_SECONDS, self._wake)
        return self._waiting

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, None
        if waiting is not None:
            waiting.callback(None)
