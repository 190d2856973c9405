"""Records as JSON, one a line in an export, and back: an import's body on its way to the disk, and
its lines from there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from io import BytesIO
from tempfile import TemporaryFile
from typing import IO, Any, Final

import orjson

from sockcrud.identity.credentials import HIDDEN
from sockcrud.identity.records import Account
from sockcrud.protocols.json.text import DEEPEST, decoded_object
from sockcrud.records import Record, describe, evolve
from sockcrud.records.json_fields import json_value
from sockcrud.storage import discarding
from sockcrud.storage.contract import Counters
from sockcrud.storage.maintenance.import_rows import NO_PASSWORD, Fault, Given
from sockcrud.storage.maintenance.trailer import DIGEST, TRAILER, Checking, Trailer

LONGEST_LINE: Final = 256 * 1024
"""Bytes of one record. The longest there is, ten thousand letters each written as two escapes, is
half of that.
"""

IMPORT_LIMIT: Final = 64 * 1024 * 1024

_READ_OVER: Final = 64 * 1024


def as_json(record: Record) -> dict[str, Any]:
    """Return a record's fields as JSON has them, its kind among them. What is secret and hidden is
    left out.
    """
    fields: dict[str, Any] = {"kind": type(record).__name__, "id": record.id, "rev": record.rev}
    declared = describe(type(record))
    for name in declared.constraints:
        if (value := getattr(record, name)) != HIDDEN or name not in declared.secrets:
            fields[name] = json_value(value)
    if isinstance(record, Account) and record.password_hash == NO_PASSWORD:
        fields["password_hash"] = None
    return fields


def as_lines(records: Sequence[Record]) -> bytes:
    """Return records as lines of JSON."""
    return b"".join(
        [orjson.dumps(as_json(record), option=orjson.OPT_APPEND_NEWLINE) for record in records]
    )


class Writing:
    """Writes an export, a slice at a time, and at last its trailer."""

    def __init__(self, secrets: bool) -> None:
        self._secrets = secrets
        self._counts: Counter[str] = Counter()
        self._hash = sha256()

    def lines(self, records: Sequence[Record]) -> bytes:
        """Return the lines of records that come next. They are of one kind, and without secrets
        where there are to be none.
        """
        lines = as_lines(records)
        self._hash.update(lines)
        self._counts[type(records[0]).__name__] += len(records)
        return lines

    def end(self, counters: Counters) -> bytes:
        """Return the last line."""
        highest = {
            kind.__name__: id for kind, id in counters.highest.items() if describe(kind).journaled
        }
        return Trailer(
            dict(self._counts),
            highest,
            counters.rev,
            self._secrets,
            DIGEST + self._hash.hexdigest(),
        ).line


class Spool:
    """A body that is kept on disk, in a file without a name, until it is abandoned.

    The file is made when the first bytes come, which is after the login: a stranger's upload takes
    no descriptor.
    """

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._file: IO[bytes] | None = None

    def write(self, data: bytes) -> None:
        if self._file is None:
            self._file = TemporaryFile()  # noqa: SIM115
        self._file.write(data)

    def done(self) -> None:
        """Nothing to do: it is read when it is asked for."""

    def abandon(self) -> None:
        """Let go of the file, and the disk of its bytes. Harmless when repeated."""
        if self._file is not None:
            discarding.aside(self._file.close)
            self._file = None

    @property
    def file(self) -> IO[bytes]:
        """Return the file, from its beginning."""
        if self._file is None:
            return BytesIO()
        self._file.seek(0)
        return self._file


def from_lines(
    file: IO[bytes], checking: Checking | None = None, number: int = 0
) -> Iterator[Given | Fault]:
    """Yield what each line of a file holds, reading on as it is asked for. Blank lines are counted,
    and nothing else.

    The first has the number after `number`. Raise `BadExport` for a trailer that does not fit the
    lines before it.
    """
    checking = checking or Checking()
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE and not line.endswith(b"\n"):
            while line and not line.endswith(b"\n"):
                line = file.readline(_READ_OVER)
            yield Fault(number, None, f"a line of at most {LONGEST_LINE} bytes")
            continue
        fields = None if line.isspace() else decoded_object(line, DEEPEST)
        if fields is not None and TRAILER in fields and "kind" not in fields:
            checking.check(number, fields)
            continue
        checking.passed(line, None if fields is None else fields.get("kind"))
        if fields is not None:
            yield Given(number, fields)
        elif not line.isspace():
            yield Fault(number, None, "a JSON object in UTF-8")


def without_secrets(record: Record) -> Record:
    """Return the record with nothing in the fields that nobody is shown."""
    secrets = describe(type(record)).secrets
    return evolve(record, **dict.fromkeys(secrets, HIDDEN)) if secrets else record
