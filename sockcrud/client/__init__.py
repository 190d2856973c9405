"""Clients of the daemon, one for each wire. Here their methods give Deferreds; in
`sockcrud.client.sync`, results.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sockcrud.client.deferred import Admin, Lines, Members, Messages, Shop, Users, Way, Web

__all__ = ["Admin", "Lines", "Members", "Messages", "Shop", "Users", "Way", "Web"]


def __getattr__(name: str) -> Any:
    """Import a client when it is asked for: scripts, which use the others, do without Twisted."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from sockcrud.client import deferred

    return getattr(deferred, name)
