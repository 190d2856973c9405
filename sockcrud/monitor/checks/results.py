"""What a check found: the state of a dialect, and what came of each step."""

from __future__ import annotations

import re
from collections.abc import Iterable
from enum import Enum
from typing import Final

from attrs import frozen

LONGEST_REASON: Final = 300


class State(Enum):
    """How a dialect is."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"

    @property
    def badness(self) -> int:
        """Rank it: the higher the worse. What is not known is neither good nor bad."""
        return _BADNESS[self]


_BADNESS: Final = {State.UNKNOWN: 0, State.UP: 0, State.DEGRADED: 1, State.DOWN: 2}


class Outcome(Enum):
    """What came of a step."""

    OK = "ok"
    WARNED = "warned"
    SKIPPED = "skipped"
    FAILED = "failed"
    NOT_REACHED = "not reached"


@frozen
class StepTaken:
    """A step of a check, and what came of it. `reason` is why, where it is not simply well."""

    name: str
    outcome: Outcome
    seconds: float = 0.0
    reason: str = ""


@frozen
class Result:
    """What one check of one dialect found. `at` is when it began, in seconds since 1970."""

    dialect: str
    at: float
    state: State
    seconds: float
    steps: tuple[StepTaken, ...] = ()
    step: str = ""
    """The step that decided, where the dialect is not up."""
    reason: str = ""
    """And why."""
    left: str = ""
    """Why records of the monitor may be left behind: the next check looks for them first."""
    interrupted: bool = False
    """Whether it was broken off, so that it says nothing."""

    @property
    def skipped(self) -> tuple[StepTaken, ...]:
        """The steps that could not be taken, each with why."""
        return tuple(taken for taken in self.steps if taken.outcome is Outcome.SKIPPED)


class Secrets:
    """Keeps passwords and tokens out of what is told. What looks like a token is taken for one."""

    _TOKEN: Final = re.compile(r"[0-9A-Fa-f]{64}")
    _SHORTEST: Final = 4
    """A shorter one is part of ordinary words, which would only be told by being missing."""

    def __init__(self, passwords: Iterable[str] = ()) -> None:
        self._passwords = sorted(
            {each for each in passwords if len(each) >= self._SHORTEST}, key=len, reverse=True
        )

    def hidden(self, text: str) -> str:
        """Return the text in one line, bounded, without secrets and without what controls a
        terminal.
        """
        for password in self._passwords:
            text = text.replace(password, "[hidden]")
        printable = "".join(
            letter if letter.isprintable() else " " for letter in self._TOKEN.sub("[hidden]", text)
        )
        line = " ".join(printable.split())
        return line if len(line) <= LONGEST_REASON else line[: LONGEST_REASON - 1] + "…"
