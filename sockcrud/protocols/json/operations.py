"""JSON objects each of which names an operation: what stands behind a connection of such a wire."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, ClassVar, TypeVar

from sockcrud.access import Principal
from sockcrud.errors import DomainError
from sockcrud.protocols.answers import Answer
from sockcrud.protocols.json.text import JSONObject
from sockcrud.refusals import NO_OPERATION, refusals

R = TypeVar("R", bound="OperationResponder")
Handler = Callable[[R, JSONObject], Awaitable[Answer]]


def handles(name: str, changes: bool = True) -> Callable[[Handler[R]], Handler[R]]:
    """Make a method the one that answers requests for the operation that the wire calls so."""

    def declare(method: Handler[R]) -> Handler[R]:
        method.handles = name, changes  # type: ignore[attr-defined]
        return method

    return declare


class OperationResponder(ABC):
    """One connection. A subclass has a method for each operation, marked `handles`, and words."""

    dialect: ClassVar[str]
    field: ClassVar[str]
    """The field of a request that names its operation."""
    operations: ClassVar[Mapping[str, Handler[Any]]]
    bad_request: ClassVar[bytes]
    internal_error: bytes
    busy: bytes
    farewell: bytes = b""
    _reading: ClassVar[tuple[str, ...]]

    def __init_subclass__(cls) -> None:
        marked = [(method, *vars(method).get("handles", ())) for method in _methods(cls)]
        cls.operations = {found[1]: found[0] for found in marked if found[1:]}
        cls._reading = tuple(found[1] for found in marked if found[1:] and not found[2])

    def __init__(self, address: str) -> None:
        self.principal = Principal(self.dialect, address)
        # What each request looks at is found sooner in the object than in its class.
        self._name, self._handlers, self._readers = self.field, self.operations, self._reading

    @abstractmethod
    def refused(self, operation: str, error: DomainError) -> Answer:
        """Return the answer to a request that cannot be had."""

    def unknown(self) -> bytes:
        """Return the answer to a request for an operation that there is not."""
        return self.malformed(f"one of {', '.join(self.operations)}", self.field)

    def malformed(self, expected: str, field: str = "request") -> bytes:
        """Return the answer to what is no request."""
        self.note(f"expected {expected}", field)
        return self.bad_request

    def note(self, reason: str, field: str) -> None:
        """Log that a request was refused before it was known what it asks for."""
        refusals.note(self.dialect, self.principal.address, NO_OPERATION, reason, field)

    def only_reads(self, request: JSONObject) -> bool:
        """Return whether the request changes nothing."""
        return request.get(self._name) in self._readers

    async def answer(self, request: JSONObject) -> Answer:
        """Return the answer to a request."""
        name = request.get(self._name)
        if not isinstance(name, str):
            return self.malformed("a text", self.field)
        handler = self._handlers.get(name)
        if handler is None:
            return self.unknown()
        try:
            return await handler(self, request)
        except DomainError as error:
            refusals.note_error(self.dialect, self.principal.address, name, error)
            return self.refused(name, error)


def _methods(cls: type) -> list[Any]:
    return [method for method in vars(cls).values() if callable(method)]
