"""`python far_away.py PORT TO MILLISECONDS`: the Unix socket behind it is so far away.

Whatever comes is passed on half of that later, either way: an answer takes that much more.
"""

from __future__ import annotations

import asyncio
import sys
from collections import deque
from selectors import SelectSelector
from typing import Final


class Way:
    """One direction: what came, and when it has arrived."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seconds: float, to: asyncio.StreamWriter):
        self._loop: Final = loop
        self._seconds: Final = seconds
        self._to: Final = to
        self._under_way: Final[deque[tuple[float, bytes]]] = deque()

    async def run(self, reader: asyncio.StreamReader) -> None:
        """Pass on what comes, until nothing more does."""
        while data := await reader.read(1 << 18):
            self._under_way.append((self._loop.time() + self._seconds, data))
            if len(self._under_way) == 1:
                self._loop.call_later(self._seconds, self._arrive)
        self._loop.call_later(self._seconds, self._to.close)

    def _arrive(self) -> None:
        now = self._loop.time()
        while self._under_way and self._under_way[0][0] <= now:
            self._to.write(self._under_way.popleft()[1])
        if self._under_way:
            self._loop.call_later(max(0.0, self._under_way[0][0] - now), self._arrive)


async def serve(port: int, to: str, seconds: float) -> None:
    loop = asyncio.get_running_loop()

    async def pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_unix_connection(to)
        await asyncio.gather(
            Way(loop, seconds, back).run(reader), Way(loop, seconds, writer).run(there)
        )

    async with await asyncio.start_server(pass_on, "127.0.0.1", port) as server:
        await server.serve_forever()


if __name__ == "__main__":
    # `select` waits for microseconds, where `epoll` rounds to milliseconds.
    loop = asyncio.SelectorEventLoop(SelectSelector())
    port, to, milliseconds = sys.argv[1:]
    loop.run_until_complete(serve(int(port), to, float(milliseconds) / 2000))
