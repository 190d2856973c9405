"""An entry of the journal as lines on a terminal."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import click

_GONE_DAY: Final = slice(11, 23)
"""The time of day in a moment as JSON has it."""
_MOST_LINES: Final = 40
"""Lines of a request or an answer; what is beyond it, JSON has."""

Style = Callable[..., str]


def _plain(text: str, **style: Any) -> str:
    return text


def missed(count: int, colored: bool) -> str:
    """Return the line that says how many entries were not seen."""
    style: Style = click.style if colored else _plain
    return style(f"... {count:,} entries were missed", fg="yellow")


def lines(entry: Mapping[str, Any], colored: bool) -> Iterator[str]:
    """Yield the lines of an entry: one that says what it is, then the request and its answer."""
    style: Style = click.style if colored else _plain
    who = f"{entry['peer'] or 'a Unix socket'} #{entry['connection']}"
    start = f"{entry['at'][_GONE_DAY]} {style(entry['dialect'], fg='cyan')} {who}"
    if entry["kind"] != "request":
        what = "opened" if entry["kind"] == "open" else f"closed: {entry['reason']}"
        yield f"{start} {style(what, dim=True)}"
        return
    yield f"{start} {_headline(entry, style)}"
    for refusal in entry["refused"]:
        yield f"  {style('! ' + _reason(refusal), fg='red')}"
    if (fault := entry["fault"]) is not None:
        at = "" if fault["offset"] is None else f" at byte {fault['offset']}"
        yield f"  {style('! ' + _visible(fault['message']) + at, fg='red')}"
    yield from _text("> ", entry["request"], style, fg="blue")
    yield from _text("< ", entry["answer"], style, fg="red" if entry["refused"] else "green")


def _headline(entry: Mapping[str, Any], style: Style) -> str:
    parts = [style(_visible(entry["operation"] or "(not read)"), bold=True)]
    if entry["login"] is not None:
        parts.append(f"as {_visible(entry['login'])}")
    parts.append(f"{entry['request']['bytes']:,} B, {entry['answer']['bytes']:,} B")
    if entry["seconds"] is not None:
        parts.append(f"{entry['seconds'] * 1000:.1f} ms")
    return f"[{entry['id']}] " + "  ".join(parts)


def _reason(refusal: Mapping[str, Any]) -> str:
    parts = (refusal["operation"], refusal["field"], refusal["reason"])
    return _visible(": ".join(part for part in parts if part))


def _text(mark: str, shown: Mapping[str, Any], style: Style, **looks: Any) -> Iterator[str]:
    text = [line for line in shown["text"].split("\n") if line.strip("\r")]
    for line in text[:_MOST_LINES]:
        yield f"  {style(mark, **looks)}{_visible(line.rstrip(chr(13)))}"
    if len(text) > _MOST_LINES or shown["cut"]:
        yield f"  {style(mark + '(more)', dim=True)}"


def _visible(text: str) -> str:
    """Return a text that does nothing to a terminal."""
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else ascii(letter)[1:-1] for letter in text)
