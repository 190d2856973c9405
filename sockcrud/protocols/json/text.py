"""JSON as it comes from outside: what is taken for an object."""

from __future__ import annotations

from typing import Any, Final

import orjson

from sockcrud.protocols.json.scan import Found, ObjectScan

JSONObject = dict[str, Any]

DEEPEST: Final = 64
"""How deeply objects and arrays may be nested, unless configured."""


def decoded_object(raw: bytes | bytearray, deepest: int) -> JSONObject | None:
    """Return the JSON object; None where it is none, is not UTF-8, or has too many objects and
    arrays, or too deep ones.
    """
    if not certainly_flat(raw, deepest) and _has_no_object(raw, deepest):
        return None
    return decoded(raw)


def certainly_flat(raw: bytes | bytearray, deepest: int) -> bool:
    """Return whether the bytes have so few brackets, those in texts included, that no scan is
    needed to know the depth.
    """
    return raw.count(b"{") + raw.count(b"[") <= deepest


def decoded(raw: bytes | bytearray) -> JSONObject | None:
    """Return the JSON object, of which the depth is known to be in order; None where it is none, or
    is not UTF-8.
    """
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    return found if isinstance(found, dict) else None


MALFORMED: Final[Any] = object()
"""What stands for a text that is no JSON: None is JSON too."""


def decoded_value(raw: bytes, deepest: int) -> Any:
    """Return the JSON of any type; MALFORMED where it is none, is not UTF-8, or has too many or too
    deep objects and arrays.
    """
    # The scan is one of objects, so it gets one, and with it a level more.
    if not certainly_flat(raw, deepest) and _has_no_object(b'{"":%b}' % raw, deepest + 1):
        return MALFORMED
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return MALFORMED


def _has_no_object(raw: bytes | bytearray, deepest: int) -> bool:
    scan = ObjectScan(deepest)
    while (found := scan.end(raw, len(raw))) is Found.LATER:
        pass
    return found is Found.NO_OBJECT
