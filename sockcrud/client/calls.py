"""A call: one operation of one wire, described once, and carried by either face of the library.

A client is a class of methods marked `@call`, which say what to send and how to read the answer,
mixed with a face: `AsynchronousFace`, where each gives a Deferred, or `BlockingFace`, where each
gives the result itself.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from functools import partial, update_wrapper
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Concatenate,
    Final,
    Generic,
    ParamSpec,
    Protocol,
    TypeVar,
    overload,
)

from attrs import field, frozen

from sockcrud.client.errors import DEFAULT_WORDS, Words
from sockcrud.client.places import Place

if TYPE_CHECKING:
    from twisted.internet.defer import Deferred

    from sockcrud.client.asynchronous import AsynchronousFace
    from sockcrud.client.blocking import BlockingFace

A = TypeVar("A")
T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
A_co = TypeVar("A_co", covariant=True)
P = ParamSpec("P")

Into = Callable[[Mapping[str, str]], Callable[[bytes], object]]

TIMEOUT: Final = 10.0
"""Seconds a call has, connecting included."""
LONGEST_ANSWER: Final = 64 * 1024 * 1024
"""Bytes of an answer beyond which it is a bad one."""
PAGE: Final = 500
"""How many records are fetched at a time where all of them are wanted."""
MOST_IN_FLIGHT: Final = 64
"""Calls of a connection that were sent and not answered."""
MOST_WAITING: Final = 10_000
"""Calls that were not answered, sent or not: one more cannot be sent."""


@frozen
class Call(Generic[A, T]):
    """One request, and how to read its answer, an `A`, to a `T`: `read` raises the `ClientError`
    that it means.
    """

    request: bytes = field(repr=False)  # a password may be in it
    read: Callable[[A], T]
    repeatable: bool = False
    """Whether it changes nothing: it may be sent again where nothing of an answer came."""
    method: str = ""
    """Of HTTP: the answer to a HEAD has no body."""
    more: Iterable[bytes] | None = None
    """What follows the request, where that is too long to be held: it is asked for as it is sent.
    """
    into: Into | None = None
    """Is given the header fields of a good answer that is too long to be held, and gives what takes
    its body as it comes.
    """
    keyed: bool = False
    """Whether it has an Idempotency-Key, so that it may be sent once more whatever became of it."""

    @property
    def streams(self) -> bool:
        """Whether its time is that of silence, and not of the whole."""
        return self.more is not None or self.into is not None


class Reader(Protocol[A_co]):
    """Reads the answers of one connection out of its bytes. Does no I/O."""

    def expect(self, call: Call[Any, Any]) -> None:
        """Take note that this call was sent: its answer comes behind those of the calls before."""

    def feed(self, data: bytes) -> None:
        """Take in what was received."""

    def take(self) -> A_co | None:
        """Return the next answer, None where it is not whole yet; raise `BadAnswer`."""

    def end(self) -> A_co | None:
        """The other end says no more: give the answer that this completes, None where it completes
        none.
        """

    @property
    def is_last(self) -> bool:
        """Whether the connection ends with the answer that was taken."""

    @property
    def has_rest(self) -> bool:
        """Whether something was received that is not taken yet."""

    @property
    def may_pipeline(self) -> bool:
        """Whether a call may be sent before those that were sent are answered."""


@frozen
class Wire(Generic[A]):
    """What a driver needs to know of a wire."""

    reader: Callable[[], Reader[A]]
    words: Words = DEFAULT_WORDS


@frozen
class Page(Generic[T]):
    """A part of a list. The rest is what comes after `next`; that is None where there is no
    more.
    """

    items: list[T]
    next: int | None


@frozen
class Pages(Generic[T]):
    """A list that comes in pages: `page` gives the call for the one after a mark, None for the
    first.
    """

    page: Callable[[int | None], Call[Any, Page[T]]]


class Face(ABC):
    """What a client's calls are mixed with: it has them carried, and gives their results."""

    default_port: ClassVar[int]
    place: Place

    @classmethod
    @abstractmethod
    def wire(cls, longest_answer: int) -> Wire[Any]:
        """Return the wire, with a limit to its answers."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} at {self.place}>"


class call(Generic[P, T_co]):
    """Make a method of either face out of one that describes a call."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Call[Any, T_co]]) -> None:
        self._of = describe
        update_wrapper(self, describe)  # type: ignore[arg-type]

    @overload
    def __get__(self, client: None, owner: type) -> call[P, T_co]: ...
    @overload
    def __get__(self, client: AsynchronousFace, owner: type) -> Callable[P, Deferred[T_co]]: ...
    @overload
    def __get__(self, client: BlockingFace, owner: type) -> Callable[P, T_co]: ...
    def __get__(self, client: Any, owner: type) -> Any:
        return (
            self
            if client is None
            else update_wrapper(partial(client._describe, self._of), self._of)
        )


class paged(Generic[P, T_co]):
    """Make a method of either face, one that gives an iterator, out of one that describes pages."""

    def __init__(self, describe: Callable[Concatenate[Any, P], Pages[T_co]]) -> None:
        self._of = describe
        update_wrapper(self, describe)  # type: ignore[arg-type]

    @overload
    def __get__(self, client: None, owner: type) -> paged[P, T_co]: ...
    @overload
    def __get__(
        self, client: AsynchronousFace, owner: type
    ) -> Callable[P, AsyncIterator[T_co]]: ...
    @overload
    def __get__(self, client: BlockingFace, owner: type) -> Callable[P, Iterator[T_co]]: ...
    def __get__(self, client: Any, owner: type) -> Any:
        return self if client is None else update_wrapper(partial(client._turn, self._of), self._of)
