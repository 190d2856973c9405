"""The admin's routes for the records of all apps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import attrs

from sockcrud.apps.admin.dialect import schemas
from sockcrud.apps.admin.dialect.base import AdminBase
from sockcrud.apps.admin.dialect.directory import page_of_query
from sockcrud.apps.admin.records import Counted, Shelf
from sockcrud.protocols.http.connection import Response
from sockcrud.records import Record
from sockcrud.records.json_fields import as_json, read_text
from sockcrud.rest.etags import etag
from sockcrud.rest.routed import Call, json_response
from sockcrud.rest.routes import route
from sockcrud.rest.schemas import a_page, schema_of

_TAG = {"ETag": "the revision of the record"}
_ONE: Mapping[str, Any] = {"errors": (403, 404), "headers": _TAG}
_CHANGES: Mapping[str, Any] = {"errors": (400, 403, 404, 409), "if_match": True}


class RecordRoutes(AdminBase):
    """The records of each kind, under the name of its table."""

    @route(
        "GET",
        "/records",
        "List the kinds of record, what they hold, and what may be done to them here",
        {200: schemas.KINDS},
        errors=(403,),
    )
    async def list_kinds(self, call: Call) -> Response:
        kinds = await self.operations.records.kinds(call.principal)
        return json_response(200, {"items": list(map(_render_kind, kinds))})

    @route(
        "GET",
        "/records/{kind}",
        "List records, also those with a value in an indexed field, as in client_id=1",
        {200: a_page(schemas.RECORD)},
        errors=(400, 403, 404),
        query=schemas.PAGED,
    )
    async def list_records(self, call: Call) -> Response:
        shelf = self.operations.records.shelf(call.parameters["kind"])
        limit, after = page_of_query(call)
        given = {name: text for name, text in call.query.items() if name not in schemas.PAGED}
        where = {name: read_text(shelf.kind, name, text) for name, text in given.items()}
        page = await shelf.reading.list(call.principal, limit, after, where)
        return json_response(200, {"items": list(map(as_json, page.items)), "next": page.next})

    @route(
        "POST",
        "/records/{kind}",
        "Create a record, by the operation of its app",
        {201: schemas.RECORD},
        errors=(403, 404, 409),
        body=schemas.ANY,
        headers={**_TAG, "Location": "the path of the record"},
    )
    async def create_record(self, call: Call) -> Response:
        kind, fields = call.parameters["kind"], call.fields()
        record = await self.operations.records.create(call.principal, kind, fields)
        place = b"/records/%b/%d" % (kind.encode(), record.id)
        return _one(record, 201, (b"Location", place))

    @route("GET", "/records/{kind}/{id}", "Get one record", {200: schemas.RECORD}, **_ONE)
    async def get_record(self, call: Call) -> Response:
        shelf = self.operations.records.shelf(call.parameters["kind"])
        return _one(await shelf.reading.get(call.principal, call.id))

    @route(
        "PATCH",
        "/records/{kind}/{id}",
        "Change what is named of a record, by the operation of its app",
        {200: schemas.RECORD},
        body=schemas.ANY,
        headers=_TAG,
        **_CHANGES,
    )
    async def change_record(self, call: Call) -> Response:
        kind, fields, records = call.parameters["kind"], call.fields(), self.operations.records
        changed = await call.if_match(
            lambda expect: records.change(call.principal, kind, call.id, fields, expect)
        )
        return _one(changed)

    @route("DELETE", "/records/{kind}/{id}", "Delete a record", {204: None}, **_CHANGES)
    async def delete_record(self, call: Call) -> Response:
        kind, delete = call.parameters["kind"], self.operations.records.delete
        await call.if_match(lambda expect: delete(call.principal, kind, call.id, expect))
        return Response(204)

    @route(
        "GET",
        "/records/{kind}/{id}/dependents",
        "Tell what would go with a record, or keeps it from being deleted",
        {200: schemas.DEPENDENTS},
        errors=(403, 404),
    )
    async def list_dependents(self, call: Call) -> Response:
        kind, dependents = call.parameters["kind"], self.operations.records.dependents
        found = await dependents(call.principal, kind, call.id)
        return json_response(200, {"items": list(map(attrs.asdict, found))})


def _one(record: Record, status: int = 200, *headers: tuple[bytes, bytes]) -> Response:
    return json_response(status, as_json(record), etag(record.rev), *headers)


def _render_kind(counted: Counted) -> Mapping[str, Any]:
    shelf = counted.shelf
    declared, editing = shelf.declared, shelf.editing
    return {
        "name": declared.name,
        "path": declared.table,
        "app": shelf.app,
        "about": declared.help.get("", ""),
        "count": counted.count,
        "fields": [_render_field(shelf, name) for name in declared.constraints],
        "filters": list(shelf.reading.filters),
        "chooses_id": declared.ids.low < 1,
        "create": None if editing.create is None else list(editing.created),
        "change": None if editing.change is None else list(editing.changed),
        "delete": editing.delete is not None,
    }


def _render_field(shelf: Shelf, name: str) -> Mapping[str, Any]:
    declared = shelf.declared
    constraint, refers = declared.constraints[name], declared.references.get(name)
    return {
        "name": name,
        "schema": schema_of(constraint),
        "expects": constraint.expects,
        "help": declared.help.get(name, ""),
        "secret": name in declared.secrets,
        "refers_to": None if refers is None else refers.kind.__name__,
        "has_default": name in declared.defaults,
    }
