"""What is on disk for certain, whatever becomes of the machine."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def sync_directory(path: Path) -> None:
    """Have the names in a directory on disk."""
    if sys.platform != "win32":
        directory = os.open(path, os.O_RDONLY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)
