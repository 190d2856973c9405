"""Putting a backup in the place of a store."""

from __future__ import annotations

import os
from contextlib import closing, suppress
from pathlib import Path

from attrs import frozen

from sockcrud.records.schema import Schema
from sockcrud.storage.common import Progress, StoreError
from sockcrud.storage.sqlite.check import faults, latest_revision, opened_to_read
from sockcrud.storage.sqlite.file import connect_to_own, copy_pages, written_anew
from sockcrud.storage.sqlite.layout import count_records
from sockcrud.storage.sqlite.lock import FileLock, real_path
from sockcrud.storage.sqlite.log_mark import LogIsAnothers, LogIsGone, connect_alone, log_size
from sockcrud.storage.sync import sync_directory


@frozen
class Restored:
    """What was done."""

    records: int
    revision: int
    kept: Path | None
    """What was in the place before, under its new name."""
    note: str | None
    """What is not in it that might be expected to be."""


def restore(backup: Path, target: Path, schema: Schema, progress: Progress) -> Restored:
    """Put a copy of a backup in the place of a store that no daemon has open, and keep what was
    there under another name.

    The backup is taken with its own log, where it has one, and without one that is not its own.
    Raise `StoreError`, with everything as it was, where it is no sound store.
    """
    if not backup.is_file() or not backup.stat().st_size:
        raise StoreError(
            f"{backup} is {'empty' if backup.is_file() else 'not there'}: a backup is a store's "
            f"file"
        )
    target = real_path(target)
    lock = FileLock(target)
    try:
        kept = _free_name(target) if lock.file is not None or log_size(target) else None
        with written_anew(target) as part:
            note = _copy(backup, part, progress)
            records, revision = _require_sound(part, backup, schema, progress)
            if kept is not None:
                _set_aside(target, kept)
    finally:
        lock.release()
    return Restored(records, revision, kept, note)


def _copy(backup: Path, part: Path, progress: Progress) -> str | None:
    """Copy it, and return what is to be said of its log."""
    note = None
    with backup.open("rb") as file:
        try:
            connection, _ = connect_to_own(backup, file.fileno())
        except LogIsGone:
            connection, note = (
                connect_alone(backup),
                f"{backup}-wal, with its latest changes, is gone, and so are these",
            )
        except LogIsAnothers:
            connection, note = (
                connect_alone(backup),
                f"{backup}-wal is not its own, and was left out",
            )
        with closing(connection):
            copy_pages(connection, part, progress)
    return note


def _require_sound(part: Path, backup: Path, schema: Schema, progress: Progress) -> tuple[int, int]:
    """Return how many records there are, and the revision. Raise `StoreError`."""
    try:
        with opened_to_read(part, schema) as opened:
            if found := faults(opened, progress):
                raise StoreError(f"{backup} is damaged: {found[0]}")
            return count_records(opened.connection, opened.kinds), latest_revision(opened)
    except StoreError as error:
        raise StoreError(str(error).replace(str(part), str(backup))) from None


def _free_name(target: Path) -> Path:
    names = (
        target.with_name(f"{target.name}-replaced{more}")
        for more in ("", *map("-{}".format, range(2, 1000)))
    )
    return next(name for name in names if not name.exists() and not Path(f"{name}-wal").exists())


def _set_aside(target: Path, kept: Path) -> None:
    """Take the name from what lies beside the file, and give the file a second one: it is never
    without.
    """
    with suppress(FileNotFoundError):
        Path(f"{target}-wal").replace(f"{kept}-wal")
    Path(f"{target}-shm").unlink(missing_ok=True)
    if target.exists():
        try:
            os.link(target, kept)
        except OSError:  # a file system without links
            target.replace(kept)
    sync_directory(target.parent)
