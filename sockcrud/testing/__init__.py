"""A daemon for somebody's tests: a process of its own on free ports, emptied between tests.

Under pytest it is the fixture `sockcrud` (`sockcrud.testing.plugin`), in Robot Framework the
library `sockcrud.testing.robot`; everywhere else `running()` is a context manager. What is imported
from here is looked up when it is asked for: pytest imports this package in every project.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sockcrud.testing.process import DaemonFailed, DaemonProcess, running

__all__ = ["DaemonFailed", "DaemonProcess", "running"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sockcrud.testing import process

    return getattr(process, name)
