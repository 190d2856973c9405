"""Faults, as the client of the admin port asks for them."""

from __future__ import annotations

from attrs import frozen

from sockcrud.client.calls import Call, call
from sockcrud.client.fields import Fields
from sockcrud.client.http_answers import Answer
from sockcrud.client.http_calls import HTTPCalls, http_call, nothing, whole


@frozen
class InjectedFault:
    """A fault that requests meet."""

    id: int
    fault: str
    """Whom it meets and what it does, as `sockcrud faults add` takes it."""
    hits: int
    """How many requests have met it."""
    left: int | None
    """How many it is still for; None for any number."""


class FaultCalls(HTTPCalls):
    """What an admin does to a daemon that allows faults; `Conflict` at any other."""

    @call
    def faults(self) -> Call[Answer, list[InjectedFault]]:
        """Return the faults that requests meet."""
        return http_call(self, "GET", "/faults", whole(lambda fields: fields.each("items", _fault)))

    @call
    def add_fault(
        self, /, dialect: str = "", operation: str = "", **does: str | bool | None
    ) -> Call[Answer, InjectedFault]:
        """Have requests meet a fault; without an operation, or a dialect, any but the admin's own.

        What it `does` has the names and words of `sockcrud faults add`, as in `delay="2s±1s",
        chance="10%"` or `drop=True`; a name that is no name in Python is in `**{"for": "30s"}`.
        `InvalidRequest` says what is wrong.
        """
        said = {name: value for name, value in does.items() if value not in (None, False)}
        body = {"dialect": dialect, "operation": operation, **said}
        return http_call(self, "POST", "/faults", whole(_fault), body)

    @call
    def remove_fault(self, id: int) -> Call[Answer, None]:
        """Take a fault back; `NotFound`."""
        return http_call(self, "DELETE", f"/faults/{id:d}", nothing)

    @call
    def remove_faults(self) -> Call[Answer, int]:
        """Take all faults back, and give how many these were."""
        return http_call(self, "DELETE", "/faults", whole(lambda fields: fields.whole("removed")))


def _fault(fields: Fields) -> InjectedFault:
    left = None if fields.all.get("left") is None else fields.whole("left")
    return InjectedFault(fields.whole("id"), fields.text("fault"), fields.whole("hits"), left)
