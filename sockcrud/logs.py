"""Where the log goes, and in which form: text, or one JSON object a line (docs/operations.md has
their names).
"""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime, timezone
from typing import Any, Final

from attrs import frozen
from twisted.logger import (
    FileLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    formatEvent,
    formatEventAsClassicLogText,
)
from twisted.python.logfile import LogFile as RotatedLogFile
from zope.interface import implementer

TEXT: Final = "text"
JSON: Final = "json"

FIELDS: Final = (
    "dialect",
    "peer",
    "operation",
    "outcome",
    "field",
    "reason",
    "milliseconds",
    "count",
)
"""What lines in JSON have beside time, level, logger, message and traceback, where an event brings
it. Other things that events bring stay out: a name that is written once is to stay as it is."""

_UNWRITABLE_CACHE: Final = "Unable to write to plugin cache"
"""What Twisted says, each time it looks for plugins, to who may not write beside them, as is right
for a daemon.
"""


class LogFile(RotatedLogFile):
    """A file that the log is appended to. It is rotated when asked, and by its size never:
    logrotate does that better.
    """

    def _openFile(self) -> None:
        self.closed = False
        self._file = open(self.path, "ab", 0)  # noqa: SIM115
        self.size = 0  # which Twisted counts to rotate by

    @property
    def identity(self) -> int:
        """What tells this file from another of its name."""
        return os.fstat(self._file.fileno()).st_ino

    def write(self, data: str | bytes) -> None:
        """Write it, also what is no UTF-8."""
        raw = data.encode("utf-8", "backslashreplace") if isinstance(data, str) else data
        super().write(raw)  # type: ignore[no-untyped-call]

    def reopen(self) -> None:
        """Go on in the file that has the name now; raise OSError, and go on where it was, where
        there is none to be had.
        """
        before = self._file
        self._openFile()
        before.close()


@implementer(ILogObserver)
@frozen
class Log:
    """What takes the log of the process."""

    _observer: ILogObserver
    file: LogFile | None
    """None where the log goes to whom the process was started by."""

    def __call__(self, event: LogEvent) -> None:
        """Take note of an event."""
        if not str(event.get("log_format") or event.get("format", "")).startswith(
            _UNWRITABLE_CACHE
        ):
            self._observer(event)

    def reopen(self) -> str:
        """Go on in the file that has the log's name now, and say what came of it."""
        if self.file is None:
            return "the log is in no file that could be reopened"
        try:
            self.file.reopen()
        except OSError as error:
            return (
                f"the log goes on where it was: {self.file.path} cannot be opened: {error.strerror}"
            )
        return f"the log is reopened: {self.file.path}"

    def rotate(self) -> str:
        """Rename the log's file, and those before, as Twisted does (.1 is the latest); say what
        came of it.
        """
        if self.file is None:
            return "the log is in no file that could be rotated"
        before = self.file.identity
        try:
            self.file.rotate()  # type: ignore[no-untyped-call]
        except OSError as error:
            return f"the log cannot be rotated: {error.strerror}"
        if self.file.identity == before:
            return f"the log goes on where it was: {self.file.directory} cannot be written to"
        return f"the log is rotated: {self.file.path}"


def open_log(file: str, form: str, stream: Any = None) -> Log:
    """Return the log in this file, or in the stream (standard error) where none is named; raise
    OSError.
    """
    opened: LogFile | None = None
    if file:
        opened = LogFile.fromFullPath(file, rotateLength=None)  # type: ignore[no-untyped-call]
    format_event = format_as_json if form == JSON else formatEventAsClassicLogText
    out: Any = opened if opened is not None else sys.stderr if stream is None else stream
    return Log(FileLogObserver(out, format_event), opened)


def format_as_json(event: LogEvent) -> str | None:
    """Return an event as a line of JSON, None where it says nothing."""
    message = formatEvent(event)
    failure = event.get("log_failure")
    if not message and failure is None:
        return None
    level = event.get("log_level", LogLevel.info)
    at = datetime.fromtimestamp(event.get("log_time", 0.0), timezone.utc)
    line: dict[str, Any] = {
        "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": level.name,
        "logger": event.get("log_namespace", ""),
        "message": message,
    }
    line |= {name: event[name] for name in FIELDS if isinstance(event.get(name), (str, int, float))}
    if failure is not None:
        line["traceback"] = failure.getTraceback()
    return json.dumps(line, ensure_ascii=False) + "\n"
