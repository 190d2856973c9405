"""Blanks: what stands in the place of a secret, to be filled in by whoever runs a translation.

A blank is a name between two characters that no text of people holds; how it is written depends on
the language: `"$PASSWORD"` in a shell, `os.environ["PASSWORD"]` in Python.
"""

from __future__ import annotations

import re
import shlex
from typing import Any, Final

from sockcrud.journal.masking import MASK

_START, _END = "\ue000", "\ue001"
_BLANK: Final = re.compile(f"{_START}([A-Z0-9_]+){_END}")
_NO_NAME: Final = re.compile(r"[^A-Z0-9]+")
SECRET: Final = "SECRET"


def blank(name: str) -> str:
    """Return the blank of this name."""
    return f"{_START}{_NO_NAME.sub('_', name.upper()).strip('_') or SECRET}{_END}"


def with_blanks(value: Any, name: str = SECRET) -> Any:
    """Return a value with blanks for all that is masked in it, named after its fields."""
    if isinstance(value, dict):
        return {
            blank(SECRET) if key == MASK else key: with_blanks(each, key)
            for key, each in value.items()
        }
    if isinstance(value, list):
        return [with_blanks(each, name) for each in value]
    if isinstance(value, str) and MASK in value:
        return value.replace(MASK, blank(name))
    return value


def names(text: str) -> list[str]:
    """Return the names of the blanks in a text, each once."""
    return list(dict.fromkeys(_BLANK.findall(text)))


def in_shell(text: str) -> str:
    """Return a text as one word of a shell, which fills the blanks from its variables."""
    parts = _BLANK.split(text)
    words = [
        f'"${part}"' if at % 2 else shlex.quote(part)
        for at, part in enumerate(parts)
        if part or len(parts) == 1
    ]
    return "".join(words)


def in_python(text: str) -> str:
    """Return a text as an expression of Python, which fills the blanks from the environment."""
    parts = _BLANK.split(text)
    return " + ".join(
        f'os.environ["{part}"]' if at % 2 else repr(part)
        for at, part in enumerate(parts)
        if part or len(parts) == 1
    )
