"""How far a long work is: a bar on a terminal, lines elsewhere. On stderr, so that stdout is the
result's alone.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from time import perf_counter
from typing import Any, Final

import click

SHORT: Final = 1.0
"""Seconds of work that is worth no lines."""
OFTEN: Final = 0.1
"""Seconds between two counts on a terminal."""
SELDOM: Final = 10.0
"""Seconds between two counts in lines."""

Progress = Callable[[int, int], None]
"""Takes how much is done, and of how much."""


@contextmanager
def displayed(label: str) -> Iterator[Progress]:
    """Yield what takes the progress, and shows it."""
    with ExitStack() as stack:
        yield (
            _bar(label, stack)
            if sys.stderr.isatty()
            else in_lines(label, partial(click.echo, err=True))
        )


@contextmanager
def counted(label: str) -> Iterator[Callable[[int], None]]:
    """Yield what takes how much is done where nobody knows of how much, and shows it when it takes
    long.
    """
    shown_at = started = perf_counter()
    on_terminal, is_shown = sys.stderr.isatty(), False

    def count(done: int) -> None:
        nonlocal shown_at, is_shown
        now = perf_counter()
        if now - started < SHORT or now - shown_at < (OFTEN if on_terminal else SELDOM):
            return
        shown_at, is_shown = now, True
        click.echo(
            f"\r{label}: {done:,}" if on_terminal else f"{label}: {done:,}",
            err=True,
            nl=not on_terminal,
        )

    try:
        yield count
    finally:
        if is_shown and on_terminal:
            click.echo("\r\x1b[K", err=True, nl=False)


def _bar(label: str, stack: ExitStack) -> Progress:
    bars: list[Any] = []
    at = 0

    def progress(done: int, total: int) -> None:
        nonlocal at
        if not bars:
            bars.append(
                stack.enter_context(click.progressbar(length=total, label=label, file=sys.stderr))
            )
        bars[0].update(done - at)
        at = done

    return progress


def in_lines(label: str, say: Callable[[str], object]) -> Progress:
    """Return what takes the progress, and says it: a line for each tenth, and none before a second
    has passed.
    """
    started, said = perf_counter(), 0

    def progress(done: int, total: int) -> None:
        nonlocal said
        tenths = done * 10 // total if total else 0
        if tenths > said and perf_counter() - started >= SHORT:
            said = tenths
            say(f"{label}: {tenths * 10} % ({done:,} of {total:,})")

    return progress
