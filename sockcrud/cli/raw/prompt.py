"""`sockcrud send` on a terminal: a prompt with a history and completion, and answers laid out.

prompt_toolkit is imported here, and nobody imports this who has no terminal.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

import click
from prompt_toolkit import PromptSession
from prompt_toolkit.completion import CompleteEvent, Completer, Completion
from prompt_toolkit.document import Document
from prompt_toolkit.history import FileHistory

from sockcrud.cli.logins import state_directory
from sockcrud.cli.outcomes import Failed, visible

_WORD: Final = re.compile(r'"?[\w.]*$')
_SECRET: Final = re.compile("(?i)passw|token|secret")
_END: Final = ("exit", "quit")

Send = Callable[[str], str]
"""Sends a line, and returns the one that answers it; raises `Failed`."""


def converse(dialect: str, at: str, samples: Sequence[str], send: Send) -> None:
    """Send what is typed, line by line, until Ctrl-D."""
    click.echo(f"{dialect} at {at}. Tab completes, Ctrl-D ends.")
    session: PromptSession[str] = PromptSession(
        f"{dialect}> ", completer=Samples(samples), history=_history(dialect)
    )
    while True:
        try:
            line = session.prompt().strip()
        except KeyboardInterrupt:
            continue  # the line is dropped, as shells do
        except EOFError:
            return
        if line in _END:
            return
        if line:
            try:
                answer = send(line)
            except Failed as error:
                click.echo(f"Error: {error.format_message()}", err=True)
            else:
                for each in laid_out(answer):
                    click.echo(visible(each))


def laid_out(answer: str) -> Iterator[str]:
    """Yield the lines of an answer as people read it; what is not JSON as it is."""
    with suppress(ValueError, RecursionError):
        answer = json.dumps(json.loads(answer), indent=2, ensure_ascii=False)
    yield from answer.splitlines()


def _history(dialect: str) -> History:
    directory = state_directory()
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    file = directory / f"history-{dialect}"
    os.close(os.open(file, os.O_CREAT | os.O_WRONLY, 0o600))
    return History(file)


class History(FileHistory):
    """A history without the lines that may hold a secret."""

    def __init__(self, file: Path) -> None:
        super().__init__(str(file))

    def store_string(self, string: str) -> None:
        if _SECRET.search(string) is None:
            super().store_string(string)


class Samples(Completer):
    """Completes whole requests, and the names and values that stand in them."""

    def __init__(self, samples: Sequence[str]) -> None:
        self._samples = samples
        self._words = sorted({json.dumps(word) for sample in samples for word in _words(sample)})

    def get_completions(self, document: Document, event: CompleteEvent) -> Iterable[Completion]:
        text = document.text_before_cursor
        for sample in self._samples:
            if sample.startswith(text) and sample != text:
                yield Completion(sample, -len(text))
        found = _WORD.search(text)
        word = found[0] if found is not None else ""
        if text.strip() and word:
            for each in self._words:
                if each.startswith((word, f'"{word}')):
                    yield Completion(each, -len(word))


def _words(sample: str) -> Iterator[str]:
    """Yield the names in a request, and its texts that are operations."""

    def of(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for name, inside in value.items():
                yield name
                yield from of(inside)
        elif isinstance(value, list):
            for inside in value:
                yield from of(inside)
        elif isinstance(value, str):
            yield value

    return of(json.loads(sample))
