"""Files that hold a password, and nothing else."""

from __future__ import annotations

import sys
from pathlib import Path

from sockcrud.errors import Invalid


def read_password(file: str) -> str:
    """Return the password that is all there is in a file, or in what comes from stdin where that is
    `-`.

    Raise `Invalid` where it is not UTF-8, `OSError` where it cannot be read.
    """
    try:
        raw = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return raw.decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise Invalid("password", f"UTF-8 in {'stdin' if file == '-' else file}") from None
