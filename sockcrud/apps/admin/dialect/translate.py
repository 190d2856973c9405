"""The admin's routes for requests in other words."""

from __future__ import annotations

from collections.abc import Sequence

from sockcrud.apps.admin.dialect import schemas
from sockcrud.apps.admin.dialect.base import AdminBase
from sockcrud.journal.translating.translator import Translation
from sockcrud.protocols.http.connection import Response
from sockcrud.rest.fields import required
from sockcrud.rest.origins import name_of
from sockcrud.rest.routed import Call, json_response
from sockcrud.rest.routes import route
from sockcrud.rest.schemas import TEXT, a_page, an_object


def _render(translations: Sequence[Translation]) -> Response:
    items = [translation.as_json for translation in translations]
    return json_response(200, {"items": items, "next": None})


class TranslateRoutes(AdminBase):
    """Requests as lines of a shell, as Python, and as requests of other dialects."""

    @route(
        "GET",
        "/translate/{id}",
        "Show a request of the journal in other words",
        {200: a_page(schemas.TRANSLATION)},
        errors=(400, 403, 404, 409),
    )
    async def translate_entry(self, call: Call) -> Response:
        host = name_of(call.request.header(b"host") or b"")
        found = await self.operations.translations.of_entry(call.principal, call.id, host)
        return _render(found)

    @route(
        "POST",
        "/translate",
        "Show a request to a dialect in other words",
        {200: a_page(schemas.TRANSLATION)},
        errors=(400, 403),
        body=an_object({"dialect": TEXT, "request": TEXT}),
        changes=False,
    )
    async def translate_text(self, call: Call) -> Response:
        fields = call.fields()
        dialect, text = required(fields, "dialect"), required(fields, "request")
        host = name_of(call.request.header(b"host") or b"")
        return _render(
            await self.operations.translations.of_text(call.principal, dialect, text, host)
        )
