"""The admin's routes for faults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from sockcrud.apps.admin.dialect.base import AdminBase
from sockcrud.faults.rules import OPTIONS, Rule
from sockcrud.protocols.http.connection import Response
from sockcrud.rest.routed import Call, json_response
from sockcrud.rest.routes import Schema, route
from sockcrud.rest.schemas import ID, TEXT, a_list, an_object

_SAID: Final[Mapping[str, Schema]] = {
    "dialect": {**TEXT, "description": "empty: any but this one"},
    "operation": {**TEXT, "description": "a name such as users.get, or a pattern; empty: any"},
    **{
        name: {
            "type": "boolean" if option.parse is None else "string",
            "description": option.help,
        }
        for name, option in OPTIONS.items()
    },
}
_WHOLE: Final[Schema] = {"type": "integer", "minimum": 0}
_FAULT: Final = an_object(
    {
        "id": ID,
        "fault": {**TEXT, "description": "all of it, as sockcrud faults add takes it"},
        **_SAID,
        "hits": {**_WHOLE, "description": "how many requests it has met"},
        "left": {"type": ["integer", "null"], "description": "how many it is still for"},
    },
    ("id", "fault", "dialect", "operation", "hits", "left"),
)


def _render(rule: Rule) -> dict[str, Any]:
    left = None if rule.left is None else rule.left - rule.hits
    whom = {"id": rule.id, "fault": str(rule), "dialect": rule.dialect, "operation": rule.operation}
    return {**whom, **rule.words, "hits": rule.hits, "left": left}


class FaultRoutes(AdminBase):
    """Faults, where the daemon allows them."""

    @route(
        "GET",
        "/faults",
        "List the faults that requests meet",
        {200: an_object({"items": a_list(_FAULT)})},
        errors=(403, 409),
    )
    async def list_faults(self, call: Call) -> Response:
        rules = await self.operations.faults.list(call.principal)
        return json_response(200, {"items": list(map(_render, rules))})

    @route(
        "POST",
        "/faults",
        "Have requests delayed, refused or cut off; no answer of this port is",
        {201: _FAULT},
        errors=(403, 409, 507),
        body=an_object(_SAID, ()),
    )
    async def add_fault(self, call: Call) -> Response:
        rule = await self.operations.faults.add(call.principal, call.fields())
        return json_response(201, _render(rule))

    @route("DELETE", "/faults/{id}", "Take a fault back", {204: None}, errors=(403, 404, 409))
    async def remove_fault(self, call: Call) -> Response:
        await self.operations.faults.remove(call.principal, call.id)
        return Response(204)

    @route(
        "DELETE",
        "/faults",
        "Take all faults back",
        {200: an_object({"removed": _WHOLE})},
        errors=(403, 409),
    )
    async def clear_faults(self, call: Call) -> Response:
        return json_response(200, {"removed": await self.operations.faults.clear(call.principal)})
