"""The admin's routes for the console: its page's login, and what its first page shows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sockcrud.access import Principal
from sockcrud.apps.admin.console.session import set_cookie, split
from sockcrud.apps.admin.dialect import schemas
from sockcrud.apps.admin.dialect.base import CONSOLE_SESSION, AdminBase
from sockcrud.apps.admin.overview import Port
from sockcrud.errors import Forbidden, Invalid
from sockcrud.identity.credentials import Password
from sockcrud.identity.directory import own_account
from sockcrud.protocols.http.connection import Response
from sockcrud.records.json_fields import as_json
from sockcrud.rest.fields import required
from sockcrud.rest.routed import Call, json_response
from sockcrud.rest.routes import route


class ConsoleRoutes(AdminBase):
    """The login of the console's page, and the overview."""

    @route(
        "POST",
        CONSOLE_SESSION,
        "Log the console's page in: sets a cookie, which counts together with the key only",
        {200: schemas.KEY},
        errors=(401, 403, 429),
        login=False,
        body=schemas.LOGIN,
        headers={"Set-Cookie": "the other part of the token"},
    )
    async def begin_console(self, call: Call) -> Response:
        fields = call.fields()
        login, password = required(fields, "login"), Password(required(fields, "password"))
        asks, logins = call.principal, self.operations.logins
        begun = await logins.log_in(asks, asks.dialect, login, password)
        principal = Principal(asks.dialect, asks.address, begun.account, begun.session_id)
        try:
            await self.operations.administration.enter(principal)
        except Forbidden:
            await logins.log_out(principal)
            raise
        cookie, key = split(begun.token)
        body = {"key": key, "account": as_json(begun.account)}
        return json_response(200, body, set_cookie(call.request, cookie, self.terms.secure))

    @route(
        "GET",
        CONSOLE_SESSION,
        "Tell who is logged in",
        {200: schemas.WHO},
        errors=(403,),
    )
    async def show_console(self, call: Call) -> Response:
        account = own_account(call.principal)
        session = call.principal.session_id
        return json_response(200, {"session_id": session, "account": as_json(account)})

    @route(
        "DELETE",
        CONSOLE_SESSION,
        "Log the console's page out: the token is dead from then on, and the cookie goes",
        {204: None},
        headers={"Set-Cookie": "without a value"},
    )
    async def end_console(self, call: Call) -> Response:
        await self.operations.logins.log_out(call.principal)
        return Response(204, headers=(set_cookie(call.request, "", self.terms.secure),))

    @route(
        "GET",
        "/overview",
        "Tell what listens where, how much is asked of it, what is stored, and what is dangerous",
        {200: schemas.OVERVIEW},
        errors=(403,),
    )
    async def show_overview(self, call: Call) -> Response:
        found = await self.operations.overviews.overview(call.principal)
        body = {
            "version": found.version,
            "process": found.process,
            "seconds": found.seconds,
            "bounds": found.bounds,
            "dialects": list(map(_render_port, found.ports)),
            "store": {"where": found.store, "rev": found.rev, "records": found.counts},
            "warnings": list(found.warnings),
        }
        return json_response(200, body)

    @route(
        "POST",
        "/send",
        "Send a request to a port of this daemon, as its clients would, and give what comes back",
        {200: schemas.ANSWER},
        errors=(403,),
        body=schemas.SENT,
        changes=False,
    )
    async def send_request(self, call: Call) -> Response:
        fields = call.fields()
        dialect, given = required(fields, "dialect"), required(fields, "text")
        if not isinstance(given, str):
            raise Invalid("text", "a text")
        data = given.encode("utf-8", "replace")
        answer = await self.operations.sender.send(call.principal, dialect, data)
        body = {
            "text": answer.data.decode("utf-8", "backslashreplace"),
            "seconds": round(answer.seconds, 6),
            "closed": answer.closed,
            "cut": answer.cut,
        }
        return json_response(200, body)


def _render_port(port: Port) -> Mapping[str, Any]:
    return {
        "name": port.dialect.name,
        "app": port.app,
        "about": port.dialect.about,
        "url": port.url,
        "listening": port.listening,
        "trial": port.trial,
        "connections": port.connections,
        "answered": port.answered,
    }
