"""The journal itself: entries are chosen, read and cleared of secrets when somebody asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timezone
from functools import cached_property
from typing import Any, Final

from attrs import frozen

from sockcrud.journal.masking import (
    fields_without_echoes,
    without_echoes,
)
from sockcrud.journal.reading import NOTHING_KNOWN, Read, Reading
from sockcrud.protocols.recording import CUT, OPENED, Asked, Cut, Entry, Moment, Note, Recorder
from sockcrud.refusals import NO_OPERATION

Rendered = dict[str, Any]
"""An entry as JSON has it."""

REQUEST: Final = "request"
OPEN: Final = "open"
CLOSE: Final = "close"

_FAILED_LOGINS: Final = ("login_failed", "login_delayed")
"""A password may have been typed where the login name belongs."""


@frozen
class Filter:
    """Which entries are wanted: of one dialect, of one peer, only what was refused."""

    dialect: str | None = None
    peer: str | None = None
    refused: bool = False


class Journal:
    """The entries of a recorder, for people."""

    def __init__(
        self,
        recorder: Recorder,
        readings: Callable[[], Mapping[str, Reading]],
    ) -> None:
        """Take how the dialects are read, which is asked for when the first entry is."""
        self._recorder = recorder
        self._make_readings = readings

    @cached_property
    def _readings(self) -> Mapping[str, Reading]:
        return self._make_readings()

    @property
    def first(self) -> int:
        """The number of the oldest entry there is, or will be."""
        return self._recorder.first

    @property
    def next(self) -> int:
        """The number that the next entry will have."""
        return self._recorder.next

    def select(self, after: int, wanted: Filter) -> Iterator[tuple[int, Entry]]:
        """Yield the entries behind a number, in their order. Nothing else is to be done meanwhile:
        new entries take the place of old ones.
        """
        recorder = self._recorder
        start = max(after + 1, recorder.first)
        refused = self._refused_since(start) if wanted.refused else None
        for at in range(start - recorder.first, len(recorder.kept)):
            entry = recorder.kept[at]
            origin = entry[0]
            if wanted.dialect not in (None, origin.dialect):
                continue
            if wanted.peer not in (None, origin.peer):
                continue
            id = recorder.first + at
            if refused is None or (id in refused and self._notes_of(id, entry)):
                yield id, entry

    def _refused_since(self, start: int) -> set[int]:
        return {note.id for note in self._recorder.notes if note.id >= start}

    def get(self, id: int) -> Entry | None:
        """Return the entry with this number, None where it is not there."""
        at = id - self._recorder.first
        return self._recorder.kept[at] if 0 <= at < len(self._recorder.kept) else None

    def _notes_of(self, id: int, entry: Entry) -> list[Note]:
        origin = entry[0]
        return [
            note
            for note in self._recorder.notes
            if note.id == id and note.dialect == origin.dialect and note.address == origin.peer
        ]

    # As people read them

    def render(self, id: int, entry: Entry) -> Rendered:
        """Return an entry for people, without a secret in it."""
        origin, moment = entry[0], self._recorder.time_of_day(entry[1])
        rendered: Rendered = {
            "id": id,
            "kind": REQUEST,
            "at": datetime.fromtimestamp(moment, timezone.utc).isoformat(timespec="milliseconds"),
            "dialect": origin.dialect,
            "connection": origin.number,
            "peer": origin.peer,
        }
        if len(entry) == 3:
            return _render_moment(rendered, entry)
        return self._render_request(id, rendered, entry)

    def _render_request(self, id: int, rendered: Rendered, entry: Asked) -> Rendered:
        origin, _, raw, answer, seconds, principal = entry
        reading = self._readings.get(origin.dialect, NOTHING_KNOWN)
        notes = self._notes_of(id, entry)
        failed_login = any(note.reason in _FAILED_LOGINS for note in notes)
        kept, size = _kept(raw)
        read = reading.request(kept, size > len(kept), failed_login)
        said, answer_size = _kept(answer)
        account = None if principal is None else principal.account
        hidden = read.hidden
        rendered["login"] = None if account is None else account.login
        rendered["operation"] = read.operation
        rendered["fields"] = fields_without_echoes(read.fields, hidden)
        rendered["fault"] = (
            None
            if read.fault is None
            else {"offset": read.fault.offset, "message": read.fault.message}
        )
        rendered["refused"] = [_render_note(note, reading, read) for note in notes]
        rendered["request"] = {
            "bytes": size,
            "cut": size > len(kept),
            "text": without_echoes(read.text, hidden),
        }
        rendered["answer"] = {
            "bytes": answer_size,
            "cut": answer_size > len(said),
            "text": without_echoes(reading.answer(said, answer_size > len(said), read), hidden),
        }
        rendered["seconds"] = None if seconds is None else round(seconds, 6)
        return rendered


def _kept(raw: bytes | bytearray) -> tuple[bytes, int]:
    """Return what is kept of bytes, and how many they were, but for the ends of the line before."""
    kept = bytes(raw[:CUT]).lstrip(b"\r\n")
    ends = min(len(raw), CUT) - len(kept)
    return kept, (raw.size if isinstance(raw, Cut) else len(raw)) - ends


def _render_moment(rendered: Rendered, entry: Moment) -> Rendered:
    reason = entry[2]
    rendered["kind"] = OPEN if reason == OPENED else CLOSE
    if reason != OPENED:
        rendered["reason"] = reason
    return rendered


def _render_note(note: Note, reading: Reading, read: Read) -> Rendered:
    field = reading.words.word(note.field) if note.field else None
    return {
        "operation": None if note.operation == NO_OPERATION else note.operation,
        "field": field,
        "reason": without_echoes(note.reason, read.hidden),
    }
