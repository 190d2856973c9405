"""What the daemon says it can do, beside what this run has called: nothing may have been left
out.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

DOCUMENTED = {
    "users": (
        "get_users",
        "get_user",
        "create_user",
        "update_user",
        "delete_user",
        "close_connection",
    ),
    "messages": ("mostrar", "adicionar", "deletar"),
}
"""The operations of the two documents that describe JSON on TCP, which has no description of its
own to ask for.
"""

CANNOT_BE_REFUSED = re.compile(
    r"users close_connection|\w+ (GET /\w+/health|GET /health|GET /metrics|GET /dialects|HEAD /)"
)
"""They take nothing that could be wrong, and ask nobody who they are."""

NEEDS_A_FILE = ("admin POST /check", "admin GET /backup")
"""They are refused wherever the store has no file."""

REFUSED_USUALLY = re.compile(r"admin \w+ /faults(/\{id\})?")
"""Faults for testers: a daemon takes none unless its settings say so."""

SHOP_SERVICES = ("clients", "products", "inventory", "auth")


class _HttpCall(Protocol):
    dialect: str
    method: str
    path: str
    refused: bool


class _LineCall(Protocol):
    dialect: str
    operation: str
    refused: bool


class Coverage:
    """Compares the calls of a run with what there is to be called."""

    ROBOT_LIBRARY_SCOPE = "GLOBAL"

    def all_operations_should_have_been_called(
        self,
        description: Mapping[str, Any],
        calls: Iterable[_HttpCall],
        lines: Iterable[_LineCall],
        has_file: bool,
    ) -> str:
        """Fail and name them where operations were never called with success, or never refused that
        can be.
        """
        templates = _templates(description)
        done = {(f"{line.dialect} {line.operation}", line.refused) for line in lines}
        done |= {(_named(call, templates.get(call.dialect, ())), call.refused) for call in calls}
        wanted = {f"{dialect} {name}" for dialect, names in DOCUMENTED.items() for name in names}
        wanted |= {f"{dialect} {name}" for dialect, names in templates.items() for name, _ in names}
        granted = {name for name in wanted if not REFUSED_USUALLY.fullmatch(name)}
        granted = granted if has_file else granted - set(NEEDS_A_FILE)
        missing = [
            f"never with success: {name}" for name in sorted(granted) if (name, False) not in done
        ]
        missing += [
            f"never refused: {name}"
            for name in sorted(wanted)
            if (name, True) not in done and not CANNOT_BE_REFUSED.fullmatch(name)
        ]
        assert not missing, "\n".join(missing)
        return (
            f"{len(wanted)} operations were called with success and refused, as far as they can be"
        )


def _templates(description: Mapping[str, Any]) -> dict[str, list[tuple[str, re.Pattern[str]]]]:
    """Return "METHOD /path/{id}" of every operation, and what finds it, by dialect. The shop has
    those of its services.
    """
    templates: dict[str, list[tuple[str, re.Pattern[str]]]] = {}
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            name = f"{method.upper()} {path}"
            pattern = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(name)), re.IGNORECASE)
            for dialect in operation["tags"]:
                for port in (dialect, "shop") if dialect in SHOP_SERVICES else (dialect,):
                    templates.setdefault(port, []).append((name, pattern))
    return templates


def _named(call: _HttpCall, templates: Iterable[tuple[str, re.Pattern[str]]]) -> str:
    """Name the operation that a call was for; what is none of them is named by itself."""
    said = f"{call.method} {call.path}"
    return f"{call.dialect} " + next(
        (name for name, pattern in templates if pattern.fullmatch(said)), said
    )
