"""What systemd is told, where it has started the daemon: that it runs, lives, reloads, stops
(sd_notify(3)).
"""

from __future__ import annotations

import os
import socket
from contextlib import suppress
from time import monotonic_ns
from typing import Final

READY: Final = "READY=1"
STOPPING: Final = "STOPPING=1"
ALIVE: Final = "WATCHDOG=1"


def reloading() -> str:
    """Return what is told before a reload; `READY` is told after it."""
    return f"RELOADING=1\nMONOTONIC_USEC={monotonic_ns() // 1000}"


def notify(state: str) -> None:
    """Tell this, where anybody wants to hear it. Nothing fails of that, and nothing waits."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as own:
        own.setblocking(False)
        own.connect("\0" + address[1:] if address.startswith("@") else address)
        own.send(state.encode())


def watchdog_seconds() -> float | None:
    """Return the seconds after which systemd takes this process for dead without a word from it;
    None for no end.
    """
    if os.environ.get("WATCHDOG_PID", str(os.getpid())) != str(os.getpid()):
        return None
    text = os.environ.get("WATCHDOG_USEC", "")
    return int(text) / 1_000_000 if text.isdecimal() and int(text) else None
