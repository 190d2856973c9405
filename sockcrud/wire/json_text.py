"""JSON as it comes from outside: what is taken for an object."""

from __future__ import annotations

from typing import Any, Final

import orjson

JSONObject = dict[str, Any]

DEEPEST: Final = 64
"""How deeply objects and arrays may be nested, unless configured."""


def decoded_object(raw: bytes | bytearray, deepest: int) -> JSONObject | None:
    """Give the JSON object; None where it is none, is not UTF-8, or is nested more deeply than `deepest`."""
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(found, dict):
        return None
    if raw.count(b"{") + raw.count(b"[") > deepest and _depth(found) > deepest:
        return None
    return found


def _depth(value: object) -> int:
    """How deeply objects and arrays are nested, without recursion."""
    depth, level = 0, [value]
    while level := [item for item in level if isinstance(item, (dict, list))]:
        depth += 1
        level = [part for item in level for part in (item.values() if isinstance(item, dict) else item)]
    return depth
