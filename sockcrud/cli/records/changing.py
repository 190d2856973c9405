"""What the commands share that change a part of a record."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from sockcrud.cli.outcomes import WrongUse
from sockcrud.cli.values import REVISION

F = TypeVar("F", bound=Callable[..., Any])

rev_option: Final = click.option(
    "--rev", type=REVISION, metavar="REV", help="only if it is at this revision  [default: at any]"
)


def named(**values: Any) -> dict[str, Any]:
    """Return the values that were named; end with the line that says which there are, where none
    was.
    """
    given = {name: value for name, value in values.items() if value is not None}
    if not given:
        flags = ", ".join(f"--{name.replace('_', '-')}" for name in values)
        raise WrongUse(f"nothing to change: name one of {flags}")
    return given
