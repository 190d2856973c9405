"""How a command ends that does not end well: a line on stderr, and a status that a script can tell
apart.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import click

from sockcrud.storage.postgres.url import may_hold_password

INTERRUPTED: Final = 130
"""The status of a command that Ctrl-C has ended, as shells have it."""


class Failed(click.ClickException):
    """Why a command has not done what was asked for, in one line; then, a line each, what is
    wrong.
    """

    exit_code = 1

    def __init__(self, line: object, details: Iterable[str] = ()) -> None:
        super().__init__("\n".join([visible(" ".join(str(line).split())), *map(visible, details)]))


class WrongUse(Failed):
    """What was asked for cannot be meant."""

    exit_code = 2


class NoAnswer(Failed):
    """The daemon cannot be reached."""

    exit_code = 3


def visible(text: str) -> str:
    """Return a text that does nothing to a terminal: what is no letter of a line is written as
    Python escapes it.
    """
    if text.isprintable():
        return text
    return _JOINER.join(map(_escaped, _JOINTS.split(text)))


def _escaped(text: str) -> str:
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)


_JOINER: Final = "\u200d"
_EMOJI: Final = "\u2600-\u27bf\U0001f000-\U0001faff"
_JOINTS: Final = re.compile(f"(?<=[{_EMOJI}\ufe0f]){_JOINER}(?=[{_EMOJI}])")
"""Where several emoji are joined to one, such as a family. Elsewhere the joiner is not seen."""


def in_file(error: OSError) -> Failed:
    """Return the line that says which file cannot be used, and why."""
    if not error.filename:
        return Failed(error)
    # A store in the place of a file has its password in there.
    shown = (
        "***" if may_hold_password(str(error.filename).removeprefix("sqlite:")) else error.filename
    )
    return Failed(f"{shown}: {error.strerror}")
