"""The admin's routes for changes, export and import, and for how the daemon does."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from datetime import date
from io import BytesIO
from typing import Any, Final

from attrs import asdict

from sockcrud.apps.admin.dialect import schemas
from sockcrud.apps.admin.dialect.base import IMPORT, AdminBase
from sockcrud.apps.admin.dialect.directory import page_of_query, whole_of_query
from sockcrud.errors import Invalid
from sockcrud.ledger.rows import Report
from sockcrud.metrics import CONTENT_TYPE
from sockcrud.paging import PAGE
from sockcrud.protocols.http.connection import BodySlices, Response
from sockcrud.rest.errors import SOON
from sockcrud.rest.origins import name_of
from sockcrud.rest.routed import Call, json_response
from sockcrud.rest.routes import JSON, route
from sockcrud.rest.schemas import LIMIT, TEXT, a_page
from sockcrud.storage.contract import Change
from sockcrud.storage.maintenance.record_lines import Spool, as_json, from_lines
from sockcrud.storage.maintenance.transfer import Everything

LINES: Final = "application/x-ndjson"
"""One JSON object a line."""

SQLITE_FILE: Final = "application/vnd.sqlite3"

_TOGETHER: Final = 125
"""Records of an export that are encoded in one go: about a millisecond."""

_LONGEST_WHOLE: Final = 64 * 1024
"""Bytes up to which an export goes out as one, its length said: it is encoded in one turn."""

_YES_OR_NO: Final = {"yes": True, "no": False}


def _render_change(change: Change) -> Mapping[str, Any]:
    record = None if change.record is None else as_json(change.record)
    return {"rev": change.rev, "kind": change.kind.__name__, "id": change.id, "record": record}


def _flag_of_query(call: Call, name: str) -> bool:
    """Return what a field of the query says, no where there is none; raise Invalid."""
    flag = _YES_OR_NO.get(call.query.get(name, "no"))
    if flag is None:
        raise Invalid(name, "yes or no")
    return flag


def _day_of_query(call: Call, name: str) -> date | None:
    """Return a day of the query, None where there is none; raise Invalid."""
    text = call.query.get(name)
    try:
        return None if text is None else date.fromisoformat(text)
    except ValueError:
        raise Invalid(name, "a day, such as 2026-12-01") from None


def _render_usage(row: Report) -> Mapping[str, Any]:
    seen = {name: getattr(row, name).isoformat() for name in ("first_seen", "last_seen")}
    return {**asdict(row, recurse=False), **seen}


async def _whole_or_streamed(stream: Everything) -> bytes | BodySlices:
    start, lines = b"", _lines(stream)
    try:
        async for some in lines:
            start += some
            if len(start) > _LONGEST_WHOLE:
                return BodySlices(_and_the_rest(start, lines), stream.close)
    except BaseException:
        stream.close()
        raise
    return start


async def _lines(stream: Everything) -> AsyncIterator[bytes]:
    async for records in stream:
        for first in range(0, len(records), _TOGETHER):
            yield stream.lines(records[first : first + _TOGETHER])
    yield await stream.trailer()


async def _and_the_rest(start: bytes, lines: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    yield start
    async for some in lines:
        yield some


class SystemRoutes(AdminBase):
    """What has changed, export and import, and how the daemon does."""

    @route(
        "GET",
        "/changes",
        "List what has changed after a revision; the last one's is what to ask for the rest since",
        {200: a_page(schemas.CHANGE)},
        errors=(400, 403, 410),
        query={"since": schemas.SINCE, "limit": LIMIT},
        needed=("since",),
    )
    async def list_changes(self, call: Call) -> Response:
        since, limit = whole_of_query(call, "since"), whole_of_query(call, "limit")
        if since is None:
            raise Invalid("since", "a revision in the query, 0 for all that is known")
        limit = PAGE if limit is None else limit
        changes = await self.operations.administration.changes(call.principal, since, limit)
        following = changes[-1].rev if len(changes) == limit else None
        return json_response(
            200, {"items": [_render_change(change) for change in changes], "next": following}
        )

    @route(
        "GET",
        "/ledger",
        "List who uses which dialect, and for what: since when, until when, how often on which day",
        {200: a_page(schemas.USAGE)},
        errors=(400, 403),
        query={**schemas.PAGED, "since": schemas.DAY, "dialect": TEXT},
    )
    async def list_usage(self, call: Call) -> Response:
        limit, after = page_of_query(call)
        usage = self.operations.administration.usage
        dialect = call.query.get("dialect")
        page = await usage(call.principal, _day_of_query(call, "since"), dialect, limit, after)
        items = [_render_usage(row) for row in page.items]
        return json_response(200, {"items": items, "next": page.next})

    @route(
        "GET",
        "/export",
        "Give all records but sessions, one JSON object a line; the hashes of passwords only "
        "with secrets=yes",
        {200: TEXT},
        errors=(400, 403),
        query={"secrets": {"enum": list(_YES_OR_NO)}},
        gives=LINES,
        headers={"X-Total-Count": "about how many records these are, to tell how far it is"},
    )
    async def export(self, call: Call) -> Response:
        secrets = _flag_of_query(call, "secrets")
        stream = await self.operations.transfer.export(call.principal, secrets)
        body = await _whole_or_streamed(stream)
        return Response(200, body, LINES.encode(), ((b"X-Total-Count", b"%d" % stream.size),))

    @route(
        "POST",
        IMPORT,
        "Add records, one JSON object a line, all or none; an account without password_hash gets "
        "no password;"
        " restore=yes has a store without records of its own become what it was when a whole "
        "export was made of it",
        {200: schemas.IMPORTED},
        errors=(400, 403, 409),
        query={"restore": {"enum": list(_YES_OR_NO)}},
        body=TEXT,
        takes=(LINES, "application/jsonl", "application/octet-stream", "text/plain", JSON),
    )
    async def import_(self, call: Call) -> Response:
        restore = _flag_of_query(call, "restore")
        sink = call.request.sink
        file = sink.file if isinstance(sink, Spool) else BytesIO()
        transfer = self.operations.transfer
        if restore:
            return json_response(200, {"imported": await transfer.restore(call.principal, file)})
        return json_response(
            200, {"imported": await transfer.import_(call.principal, from_lines(file))}
        )

    @route(
        "POST",
        "/check",
        "Look for damage in the file of the store: in itself, and beside what is served",
        {200: schemas.CHECKED},
        errors=(403, 409),
        changes=False,
    )
    async def check(self, call: Call) -> Response:
        faults = await self.operations.upkeep.check(call.principal)
        return json_response(200, {"sound": not faults, "faults": list(faults)})

    @route(
        "GET",
        "/backup",
        "Give a copy of the store's file as it is now, with all hashes: it is itself a store",
        {200: TEXT},
        errors=(403, 409),
        gives=SQLITE_FILE,
    )
    async def backup(self, call: Call) -> Response:
        copied = await self.operations.upkeep.copy(call.principal)
        body = BodySlices(copied, copied.close, copied.size)
        return Response(200, body, SQLITE_FILE.encode())

    @route(
        "GET",
        "/health",
        "Return whether all listens and the store can be reached",
        {200: schemas.HEALTH, 503: schemas.HEALTH},
        login=False,
    )
    async def show_health(self, call: Call) -> Response:
        health = await self.operations.status.health(call.principal)
        store: dict[str, object] = {"reachable": health.store_reachable}
        if health.unknown_kinds:
            store["unknown_kinds"] = list(health.unknown_kinds)
        body = {
            "status": "good" if health.good else "bad",
            "dialects": {
                name: {"listening": listening} for name, listening in health.listening.items()
            },
            "store": store,
        }
        return json_response(200, body) if health.good else json_response(503, body, SOON)

    @route(
        "GET",
        "/dialects",
        "List where each dialect is, for who asks: null for what only its own machine reaches",
        {200: a_page(schemas.PLACE)},
        login=False,
    )
    async def list_dialects(self, call: Call) -> Response:
        host = name_of(call.request.header(b"host") or b"")
        found = await self.operations.status.find_dialects(call.principal, host)
        items = [{"name": name, "at": at} for name, at in found.items()]
        return json_response(200, {"items": items, "next": None})

    @route(
        "GET",
        "/metrics",
        "Give the figures of the daemon for Prometheus",
        {200: TEXT},
        login=False,
        gives=CONTENT_TYPE.decode(),
    )
    async def show_metrics(self, call: Call) -> Response:
        return Response(
            200, await self.operations.status.read_figures(call.principal), CONTENT_TYPE
        )

    @route(
        "GET",
        "/openapi.json",
        "Describe what all HTTP dialects serve",
        {200: schemas.ANY},
        errors=(403,),
    )
    async def show_description(self, call: Call) -> Response:
        return Response(200, await self.operations.status.read_description(call.principal))
