"""A setting, and how its text is read: a `parse` returns the value, or raises ValueError with what
it expects.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from typing import Any, Final

from attrs import frozen

SECTION: Final = "sockcrud"
"""The section of tap.cfg that most settings stand in."""


class ConfigError(Exception):
    """A setting that cannot be used, in one line: where it stands, which value, what would be
    right.
    """


@frozen
class Setting:
    """Something that can be set: by a flag, by an environment variable, in tap.cfg."""

    name: str
    text: str
    """Its default, as it is written."""
    parse: Callable[[str], Any]
    meaning: str
    section: str = SECTION
    """Where it stands in tap.cfg. The name begins with that of its section, if that is not the one
    of most.
    """

    @property
    def default(self) -> Any:
        """The value of its default."""
        return self.parse(self.text)

    @property
    def flag(self) -> str:
        """Its name on a command line."""
        return self.name.replace("_", "-")

    @property
    def is_switch(self) -> bool:
        """Whether it is a flag without a value."""
        return self.parse is yes_or_no

    @property
    def is_file(self) -> bool:
        """Whether it names a file."""
        return self.meaning.startswith(("a file ", "the file "))

    @property
    def key(self) -> str:
        """Its name within its section."""
        return self.name.removeprefix(f"{self.section}_")


def text(value: str) -> str:
    """Take the text as it is."""
    return value


def yes_or_no(text: str) -> bool:
    """Read a switch; raise ValueError."""
    import configparser  # late: whoever only declares a setting does without it

    try:
        return configparser.ConfigParser.BOOLEAN_STATES[text.lower()]
    except KeyError:
        raise ValueError("yes or no") from None


def size(text: str) -> int:
    """Read a number of bytes; raise ValueError."""
    match = re.fullmatch(r"([0-9]{1,12}) *(KiB|MiB|GiB)?", text)
    if match is None or not int(match[1]):
        raise ValueError("a number of bytes, such as 65536, 64KiB or 2MiB")
    return int(match[1]) * {None: 1, "KiB": 2**10, "MiB": 2**20, "GiB": 2**30}[match[2]]


def count(text: str) -> int:
    """Read a whole number from 1; raise ValueError."""
    if re.fullmatch(r"[0-9]{1,9}", text) is None or not int(text):
        raise ValueError("a whole number from 1")
    return int(text)


def none_or_count(text: str) -> int:
    """Read a whole number; raise ValueError."""
    if re.fullmatch(r"[0-9]{1,9}", text) is None:
        raise ValueError("a whole number, or 0 for none")
    return int(text)


def seconds(text: str) -> float:
    """Read a time; raise ValueError."""
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,3})?", text) is None or not float(text):
        raise ValueError("a number of seconds above 0")
    return float(text)


def endless(text: str) -> float:
    """Read a time, or 0 for no end; raise ValueError."""
    if re.fullmatch(r"0+(\.0+)?", text):
        return math.inf
    try:
        return seconds(text)
    except ValueError as error:
        raise ValueError(f"{error}, or 0 for no end") from None


def own_idle(text: str) -> float | None:
    """Read a time, 0 for no end, or nothing, where that of all dialects is meant; raise
    ValueError.
    """
    return endless(text) if text else None


def percent(text: str) -> int:
    """Read a share; raise ValueError."""
    if re.fullmatch(r"[0-9]{1,3}", text) is None or not 1 <= int(text) <= 100:
        raise ValueError("a whole number from 1 to 100")
    return int(text)


def open_or_closed(text: str) -> str:
    """Read one of these words; raise ValueError."""
    if text not in ("open", "closed"):
        raise ValueError("open or closed")
    return text


def text_or_json(text: str) -> str:
    """Read one of these words; raise ValueError."""
    if text not in ("text", "json"):
        raise ValueError("text or json")
    return text
