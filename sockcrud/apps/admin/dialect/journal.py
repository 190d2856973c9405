"""The admin's routes for the journal: pages of it, one entry, and the stream of what is new."""

from __future__ import annotations

from typing import Final

from sockcrud.apps.admin.dialect import schemas
from sockcrud.apps.admin.dialect.base import AdminBase
from sockcrud.apps.admin.dialect.directory import whole_of_query
from sockcrud.apps.admin.journal import Journals
from sockcrud.errors import DomainError, Invalid
from sockcrud.journal.journal import Filter
from sockcrud.paging import PAGE
from sockcrud.protocols.http.connection import BodySlices, Response
from sockcrud.records.json_fields import whole_of_text
from sockcrud.rest.routed import Call, json_response
from sockcrud.rest.routes import Found, route
from sockcrud.rest.schemas import LIMIT, TEXT, a_page

EVENTS: Final = "text/event-stream"
_FLAGS: Final = {"": False, "0": False, "no": False, "1": True, "yes": True}
_FILTER: Final = {"dialect": TEXT, "peer": TEXT, "refused": {"enum": ["0", "1"]}}


def _filter(call: Call) -> Filter:
    """Return which entries the query wants; raise Invalid."""
    query = call.query
    refused = _FLAGS.get(query.get("refused", ""))
    if refused is None:
        raise Invalid("refused", "1 for what was refused alone, or 0")
    return Filter(query.get("dialect") or None, query.get("peer") or None, refused)


def _after(call: Call) -> int | None:
    """Return the number behind which the stream is to begin: that of the last event received, as
    who comes back says it in a header field, before that of the query.
    """
    last = call.request.header(b"last-event-id")
    if last:
        return whole_of_text("Last-Event-ID", last.decode("latin-1"))
    return whole_of_query(call, "after")


class JournalRoutes(AdminBase):
    """The journal."""

    @property
    def _journals(self) -> Journals:
        return self.operations.journals

    @route(
        "GET",
        "/journal",
        "List the last requests and answers of all dialects, without what is secret in them",
        {200: a_page(schemas.ENTRY)},
        errors=(400, 403, 409),
        query={"limit": LIMIT, "after": schemas.AFTER, **_FILTER},
    )
    async def list_journal(self, call: Call) -> Response:
        limit, after = whole_of_query(call, "limit"), whole_of_query(call, "after")
        page = await self._journals.read(
            call.principal, _filter(call), PAGE if limit is None else limit, after or 0
        )
        items = [entry.rendered for entry in page.items]
        return json_response(200, {"items": items, "next": page.next})

    @route(
        "GET",
        "/journal/stream",
        "Give the entries of the journal as they are made, as Server-Sent Events",
        {200: TEXT},
        errors=(400, 403, 409),
        query={"after": schemas.AFTER, **_FILTER},
        gives=EVENTS,
    )
    async def watch_journal(self, call: Call) -> Response:
        async def may_go_on() -> bool:
            try:
                await self.log_in(call.request, Found(call.route, call.parameters))
            except DomainError:
                return False
            return True

        wanted, after = _filter(call), _after(call)
        watcher = await self._journals.watch(call.principal, wanted, after, may_go_on)
        return Response(200, BodySlices(watcher.events(), watcher.close), EVENTS.encode())

    @route(
        "GET",
        "/journal/{id}",
        "Show one entry of the journal",
        {200: schemas.ENTRY},
        errors=(403, 404, 409),
    )
    async def show_journal_entry(self, call: Call) -> Response:
        return json_response(200, await self._journals.get(call.principal, call.id))
