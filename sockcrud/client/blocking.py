"""The face whose methods give results, and wait for them."""

from __future__ import annotations

from types import TracebackType
from typing import Any, ClassVar, TypeVar

from sockcrud.client.calls import LONGEST_ANSWER, TIMEOUT, Blocking, Call, Wire
from sockcrud.client.over_sockets import SocketDriver
from sockcrud.client.places import parse

T = TypeVar("T")
Face = TypeVar("Face", bound="BlockingFace")


class BlockingFace(Blocking):
    """A client whose methods give results, and wait for them; for scripts. Not for two threads at once.

    It connects at the first call, and again at the next one after the connection was lost. A call that was sent and not
    answered is not sent again, unless it is one that only reads, over a connection that turned out to have been closed
    while it was idle.
    """

    default_port: ClassVar[int]

    @classmethod
    def wire(cls, longest_answer: int) -> Wire[Any]:
        """Return the wire, with a limit to its answers."""
        raise NotImplementedError

    def __init__(
        self,
        where: str | None = None,
        *,
        timeout: float = TIMEOUT,
        longest_answer: int = LONGEST_ANSWER,
        trust: str | None = None,
    ) -> None:
        """`where` is HOST:PORT, a URL, or the description of a client endpoint; by default the dialect's port here.

        `timeout` is what a call has, in seconds, and `longest_answer` what its answer may have, in bytes. `trust` is a
        file of certificates (PEM) that vouch for a server with TLS, in place of the system's. `ValueError` tells of what
        is no place.
        """
        self.place = parse(where or f"127.0.0.1:{self.default_port}", self.default_port)
        self._driver: SocketDriver[Any] = SocketDriver(self.wire(longest_answer), self.place, timeout, trust)

    def close(self) -> None:
        """Close the connection, for good. Harmless when repeated."""
        self._driver.close()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self.place}>"

    def __enter__(self: Face) -> Face:
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def _carry(self, call: Call[Any, T]) -> T:
        return self._driver.carry(call)
