"""The face whose methods give results, and wait for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import TracebackType
from typing import Any, TypeVar

from sockcrud.client.calls import LONGEST_ANSWER, TIMEOUT, Call, Face, Pages
from sockcrud.client.over_sockets import SocketDriver
from sockcrud.client.places import parse

T = TypeVar("T")
Self = TypeVar("Self", bound="BlockingFace")


class BlockingFace(Face):
    """A client whose methods give results, and wait for them; for scripts. Not for two threads at
    once.

    It connects at the first call, and again at the next one after the connection was lost. A call
    that was sent and not answered is not sent again, unless it is one that only reads, over a
    connection that turned out to have been closed while it was idle, or one that the server carries
    out once (see `HTTPCalls.sends_keys`).
    """

    def __init__(
        self,
        where: str | None = None,
        *,
        timeout: float = TIMEOUT,
        longest_answer: int = LONGEST_ANSWER,
        trust: str | None = None,
    ) -> None:
        """`where` is HOST:PORT, a URL, or the description of a client endpoint; by default the
        dialect's port here.

        `timeout` is what a call has, in seconds, and `longest_answer` what its answer may have, in
        bytes. `trust` is a file of certificates (PEM) that vouch for a server with TLS, in place of
        the system's. `ValueError` tells of what is no place.
        """
        self.place = parse(where or f"127.0.0.1:{self.default_port}", self.default_port)
        self._driver: SocketDriver[Any] = SocketDriver(
            self.wire(longest_answer), self.place, timeout, trust
        )

    def close(self) -> None:
        """Close the connection, for good. Harmless when repeated."""
        self._driver.close()

    def __enter__(self: Self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _describe(self, describe: Callable[..., Call[Any, T]], *given: Any, **named: Any) -> T:
        return self._driver.carry(describe(self, *given, **named))

    def _turn(self, pages: Callable[..., Pages[T]], *given: Any, **named: Any) -> Iterator[T]:
        listed: Pages[T] = pages(self, *given, **named)
        after: int | None = None
        while True:
            page = self._driver.carry(listed.page(after))
            yield from page.items
            if (after := page.next) is None:
                return
