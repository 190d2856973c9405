"""What a fault is: whom it meets, how often, and what it does.

A rule is read from texts, in the same words wherever they stand: on the command line, in `tap.cfg`,
in the JSON of the admin port.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import Any, Final

from attrs import define, frozen

from sockcrud.durations import DURATION, seconds_of
from sockcrud.errors import (
    Busy,
    Crashed,
    DomainError,
    Forbidden,
    InDoubt,
    Invalid,
    LoginDelayed,
    NotFound,
    NotLoggedIn,
    Outdated,
    QuotaExceeded,
    Taken,
    Unavailable,
)

_ERRORS: Final[Mapping[str, Callable[[], DomainError]]] = {
    "400": lambda: Invalid("request", "one that meets no fault"),
    "401": NotLoggedIn,
    "403": Forbidden,
    "404": lambda: NotFound("record", None),
    "409": lambda: Taken("record", "field"),
    "412": lambda: Outdated(0, 0),
    "429": lambda: LoginDelayed(1.0),
    "500": Crashed,
    "503": Busy,
    "507": lambda: QuotaExceeded("record", "a fault"),
}
"""By the status that they have in HTTP; each dialect has words of its own."""
ERRORS: Final[Mapping[str, Callable[[], DomainError]]] = {
    **_ERRORS,
    **{make().outcome: make for make in (*_ERRORS.values(), Unavailable, InDoubt)},
}
"""The errors that a fault can be, by status and by name."""


@frozen
class Delay:
    """Some seconds, more or less."""

    mean: float
    spread: float = 0.0


def _delay(text: str) -> Delay:
    found = re.fullmatch(rf"({DURATION})(?:(?:±|\+-)({DURATION}))?", text.strip())
    if found is None:
        raise ValueError("a duration such as 2s, 500ms or 2s±1s")
    return Delay(seconds_of(found[1]), seconds_of(found[4]) if found[4] else 0.0)


def _duration(text: str) -> float:
    try:
        return seconds_of(text)
    except ValueError:
        raise ValueError("a duration such as 30s or 5m") from None


def _chance(text: str) -> float:
    found = re.fullmatch(r"([0-9]{1,3}(?:\.[0-9]{1,3})?)%?", text.strip())
    if found is None or not 0 < float(found[1]) <= 100:
        raise ValueError("a share such as 10% or 0.5%")
    return float(found[1]) / 100


def _error(text: str) -> str:
    if text not in ERRORS:
        raise ValueError(f"one of {', '.join(ERRORS)}")
    return ERRORS[text]().outcome


def _count(text: str) -> int:
    if re.fullmatch("[0-9]{1,9}", text) is None:
        raise ValueError("a whole number")
    return int(text)


def _times(text: str) -> int:
    if not (times := _count(text)):
        raise ValueError("a whole number from 1")
    return times


@frozen
class Option:
    """Something that a rule may say. `parse` is None where it is said by naming it."""

    parse: Callable[[str], Any] | None
    metavar: str
    help: str


OPTIONS: Final[Mapping[str, Option]] = {
    "delay": Option(_delay, "TIME", "wait before the operation: 2s, or 2s±1s"),
    "error": Option(_error, "ERROR", "answer so, and do nothing: 500, or a name such as busy"),
    "drop": Option(None, "", "close instead of the answer, and do nothing"),
    "reset": Option(None, "", "reset the connection instead of the answer, and do nothing"),
    "after": Option(None, "", "with --drop or --reset: once the operation is done"),
    "truncate": Option(_count, "BYTES", "close behind so many bytes of the answer"),
    "split": Option(None, "", "send the answer one byte at a time"),
    "account": Option(str, "LOGIN", "only for whoever is logged in so"),
    "address": Option(str, "ADDRESS", "only for who comes from there"),
    "chance": Option(_chance, "PERCENT", "only so often: 10%"),
    "for": Option(_duration, "TIME", "for so long: 30s, 5m"),
    "times": Option(_times, "N", "for so many requests"),
}
_EFFECTS: Final = ("delay", "error", "drop", "reset", "truncate", "split")
_INSTEAD: Final = ("error", "drop", "reset", "truncate")
"""What takes the place of the answer."""


@define
class Rule:
    """A fault that is there until its time, or its number of requests, has passed."""

    id: int
    dialect: str
    operation: str
    """The name of an operation, or a pattern such as `users.*`; empty: any."""
    said: Mapping[str, Any]
    """What it says, by the names of OPTIONS, as it was parsed."""
    words: Mapping[str, str | bool]
    """The same as it was written."""
    until: float | None
    left: int | None
    hits: int = 0

    def is_for(self, operation: str) -> bool:
        """Return whether it is for an operation of this name."""
        return not self.operation or fnmatchcase(operation, self.operation)

    def meets(
        self, operation: str, dialects: tuple[str, ...], address: str, login: str | None
    ) -> bool:
        """Return whether it is for this operation of this caller."""
        said = self.said
        return (
            (not self.dialect or self.dialect in dialects)
            and self.is_for(operation)
            and said.get("address", address) == address
            and ("account" not in said or said["account"].casefold() == (login or "").casefold())
        )

    @property
    def has_passed(self) -> bool:
        """Whether it has met all the requests that it is for."""
        return self.left is not None and self.left <= self.hits

    def __str__(self) -> str:
        words = [self.dialect or "''", self.operation] if self.operation else [self.dialect]
        for name, value in self.words.items():
            words.append(f"--{name}" if value is True else f"--{name} {value}")
        return " ".join(words).strip()


def rule_of(id: int, now: float, given: Mapping[str, Any]) -> Rule:
    """Make a rule of what was written, by name; raise Invalid."""
    words: dict[str, str | bool] = {}
    said: dict[str, Any] = {}
    for name, value in given.items():
        if name in ("dialect", "operation") or value in (None, False, ""):
            continue
        option = OPTIONS.get(name)
        if option is None:
            raise Invalid(name, f"one of {', '.join(('dialect', 'operation', *OPTIONS))}")
        if option.parse is None:
            if value is not True:
                raise Invalid(name, "true or false")
            words[name] = said[name] = True
            continue
        words[name] = text = str(value) if type(value) in (int, float) else value
        if not isinstance(text, str):
            raise Invalid(name, "a text")
        try:
            said[name] = option.parse(text)
        except ValueError as error:
            raise Invalid(name, str(error)) from None
    _check(said)
    until = now + said["for"] if "for" in said else None
    dialect, operation = (given.get(name) or "" for name in ("dialect", "operation"))
    return Rule(id, dialect, operation, said, words, until, said.get("times"))


def _check(said: Mapping[str, Any]) -> None:
    if not any(name in said for name in _EFFECTS):
        raise Invalid("request", f"something that it does: one of {', '.join(_EFFECTS)}")
    if len(both := [name for name in _INSTEAD if name in said]) > 1:
        raise Invalid(both[1], f"one of {', '.join(both)}: each takes the place of the answer")
    if "after" in said and not {"drop", "reset"} & {*said}:
        raise Invalid("after", "drop or reset with it")


def written(text: str) -> list[Mapping[str, Any]]:
    """Return what a setting says of rules: `users users.get --delay 2s; members --drop`; raise
    ValueError.
    """
    return [_one(shlex.split(part)) for part in text.split(";") if part.strip()]


def _one(words: list[str]) -> Mapping[str, Any]:
    given: dict[str, Any] = {}
    places = iter(("dialect", "operation"))
    rest = iter(words)
    for word in rest:
        name, equals, value = word.removeprefix("--").partition("=")
        option = OPTIONS.get(name) if word.startswith("--") else None
        if option is not None:
            is_flag = option.parse is None
            given[name] = is_flag or (value if equals else next(rest, ""))
        elif not word.startswith("--") and (place := next(places, None)) is not None:
            given[place] = word
        else:
            expected = ", ".join(f"--{known}" for known in OPTIONS)
            raise ValueError(f"DIALECT, OPERATION and {expected}: {word!r} is none of it")
    return given


def setting(text: str) -> str:
    """Read the setting `faults`; raise ValueError."""
    try:
        for given in written(text):
            rule_of(0, 0.0, given)
    except Invalid as error:
        raise ValueError(f"--{error.field} to be {error.expected}") from None
    return text
