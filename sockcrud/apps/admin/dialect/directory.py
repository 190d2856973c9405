"""The admin's routes for logins, accounts, companies and sessions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, TypeVar

import attrs

from sockcrud.apps.admin.dialect import schemas
from sockcrud.apps.admin.dialect.base import LOGOUT, AdminBase
from sockcrud.errors import Invalid, Outdated
from sockcrud.identity.credentials import Password
from sockcrud.identity.records import Account, Company
from sockcrud.paging import PAGE, Page
from sockcrud.protocols.http.connection import Response
from sockcrud.records.json_fields import as_json, whole_of_text
from sockcrud.rest.etags import NO_REVISION, etag
from sockcrud.rest.fields import required
from sockcrud.rest.routed import Call, json_response
from sockcrud.rest.routes import route
from sockcrud.rest.schemas import ID, a_page

T = TypeVar("T")

_ACCOUNT_FIELDS: Final = ("login", "role", "company_id", "active")
_COMPANY_FIELDS: Final = ("name", "active")


def whole_of_query(call: Call, name: str) -> int | None:
    """Return a whole number of the query, None where it is not there; raise Invalid for anything
    else.
    """
    return whole_of_text(name, call.query[name]) if name in call.query else None


def page_of_query(call: Call) -> tuple[int, int | None]:
    """Return how many are wanted, and after which."""
    limit = whole_of_query(call, "limit")
    return PAGE if limit is None else limit, whole_of_query(call, "after")


def _named(call: Call, names: Sequence[str]) -> dict[str, Any]:
    """Return those of the fields that the body has. None is no value of any: to operations it means
    "not named".
    """
    fields = call.fields()
    named = {name: fields[name] for name in names if name in fields}
    for name, value in named.items():
        if value is None:
            raise Invalid(name, "a value, not null")
    return named


def _with_password(named: dict[str, Any], least: int) -> dict[str, Any]:
    if "password" in named:
        named["secret"] = Password(named.pop("password"), least)
    return named


def _one(record: Account | Company, status: int = 200, *headers: tuple[bytes, bytes]) -> Response:
    return json_response(status, as_json(record), etag(record.rev), *headers)


def _created(record: Account | Company, home: bytes) -> Response:
    return _one(record, 201, (b"Location", b"%b/%d" % (home, record.id)))


def _page(page: Page[T], render: Callable[[T], Mapping[str, Any]]) -> Response:
    return json_response(200, {"items": list(map(render, page.items)), "next": page.next})


_TAG: Final = {"ETag": "the revision of the record"}

# What the routes of accounts and of companies have in common.
_LISTS: Final[Mapping[str, Any]] = {"errors": (400, 403), "query": schemas.PAGED}
_CREATES: Final[Mapping[str, Any]] = {"headers": {**_TAG, "Location": "the path of the record"}}
_GETS: Final[Mapping[str, Any]] = {"errors": (403, 404), "headers": _TAG}
_CHANGES: Final[Mapping[str, Any]] = {"errors": (403, 404, 409), "if_match": True, "headers": _TAG}


class DirectoryRoutes(AdminBase):
    """Logins, accounts, companies and sessions."""

    @route(
        "POST",
        "/login",
        "Log in; the token goes into Authorization: Bearer",
        {200: schemas.TOKEN},
        errors=(401, 429),
        login=False,
        body=schemas.LOGIN,
    )
    async def begin(self, call: Call) -> Response:
        fields = call.fields()
        login, password = required(fields, "login"), required(fields, "password")
        dialect = call.principal.dialect
        begun = await self.operations.logins.log_in(
            call.principal, dialect, login, Password(password)
        )
        return json_response(200, {"token": begun.token})

    @route("POST", LOGOUT, "Log out: the token is dead from then on", {204: None})
    async def end(self, call: Call) -> Response:
        await self.operations.logins.log_out(call.principal)
        return Response(204)

    @route(
        "GET",
        "/accounts",
        "List the accounts of all companies",
        {200: a_page(schemas.ACCOUNT)},
        **_LISTS,
    )
    async def list_accounts(self, call: Call) -> Response:
        return _page(
            await self.operations.administration.accounts(call.principal, *page_of_query(call)),
            as_json,
        )

    @route(
        "POST",
        "/accounts",
        "Create an account, of the default company unless one is named",
        {201: schemas.ACCOUNT},
        errors=(403, 404, 409),
        body=schemas.NEW_ACCOUNT,
        **_CREATES,
    )
    async def create_account(self, call: Call) -> Response:
        named = _with_password(
            _named(call, ("password", *_ACCOUNT_FIELDS)), self.operations.min_password
        )
        login, secret = required(named, "login"), named.get("secret")
        if secret is None:
            raise Invalid("password", "a value, and there is none")
        del named["login"], named["secret"]
        account = await self.operations.administration.create_account(
            call.principal, login, secret, **named
        )
        return _created(account, b"/accounts")

    @route("GET", "/accounts/{id}", "Get one account", {200: schemas.ACCOUNT}, **_GETS)
    async def get_account(self, call: Call) -> Response:
        return _one(await self.operations.administration.account(call.principal, call.id))

    @route(
        "PATCH",
        "/accounts/{id}",
        "Change what is named of an account, and end its sessions",
        {200: schemas.ACCOUNT},
        body=schemas.CHANGED_ACCOUNT,
        **_CHANGES,
    )
    async def change_account(self, call: Call) -> Response:
        named = _with_password(
            _named(call, ("password", *_ACCOUNT_FIELDS)), self.operations.min_password
        )
        change = self.operations.administration.change_account
        return _one(
            await call.if_match(
                lambda expect: change(call.principal, call.id, expect=expect, **named)
            )
        )

    @route(
        "DELETE",
        "/accounts/{id}",
        "Deactivate an account, and end its sessions; nothing is deleted",
        {200: schemas.ACCOUNT},
        **_CHANGES,
    )
    async def deactivate_account(self, call: Call) -> Response:
        deactivate = self.operations.administration.deactivate_account
        return _one(
            await call.if_match(lambda expect: deactivate(call.principal, call.id, expect=expect))
        )

    @route("GET", "/companies", "List the companies", {200: a_page(schemas.COMPANY)}, **_LISTS)
    async def list_companies(self, call: Call) -> Response:
        return _page(
            await self.operations.administration.companies(call.principal, *page_of_query(call)),
            as_json,
        )

    @route(
        "POST",
        "/companies",
        "Create a company",
        {201: schemas.COMPANY},
        errors=(403, 409),
        body=schemas.NEW_COMPANY,
        once=True,
        **_CREATES,
    )
    async def create_company(self, call: Call) -> Response:
        named = _named(call, _COMPANY_FIELDS)
        required(named, "name")
        return await call.once(
            lambda: self.operations.administration.create_company(call.principal, **named),
            lambda company: _created(company, b"/companies"),
        )

    @route("GET", "/companies/{id}", "Get one company", {200: schemas.COMPANY}, **_GETS)
    async def get_company(self, call: Call) -> Response:
        return _one(await self.operations.administration.company(call.principal, call.id))

    @route(
        "PATCH",
        "/companies/{id}",
        "Rename, activate or deactivate a company, and end the sessions of its accounts",
        {200: schemas.COMPANY},
        body=schemas.CHANGED_COMPANY,
        **_CHANGES,
    )
    async def change_company(self, call: Call) -> Response:
        named = _named(call, _COMPANY_FIELDS)
        change = self.operations.administration.change_company
        return _one(
            await call.if_match(
                lambda expect: change(call.principal, call.id, expect=expect, **named)
            )
        )

    @route(
        "DELETE",
        "/companies/{id}",
        "Deactivate a company, and end the sessions of its accounts; nothing is deleted",
        {200: schemas.COMPANY},
        **_CHANGES,
    )
    async def deactivate_company(self, call: Call) -> Response:
        change = self.operations.administration.change_company
        return _one(
            await call.if_match(
                lambda expect: change(call.principal, call.id, active=False, expect=expect)
            )
        )

    @route(
        "GET",
        "/sessions",
        "List the sessions, of one account or of all",
        {200: a_page(schemas.SESSION)},
        errors=(400, 403),
        query={**schemas.PAGED, "account_id": ID},
    )
    async def list_sessions(self, call: Call) -> Response:
        limit, after = page_of_query(call)
        account_id = whole_of_query(call, "account_id")
        return _page(
            await self.operations.administration.sessions(call.principal, limit, after, account_id),
            attrs.asdict,
        )

    @route(
        "DELETE",
        "/sessions",
        "End all sessions of an account",
        {200: schemas.ENDED},
        errors=(400, 403, 404),
        query={"account_id": ID},
        needed=("account_id",),
    )
    async def end_sessions(self, call: Call) -> Response:
        account_id = whole_of_query(call, "account_id")
        if account_id is None:
            raise Invalid("account_id", "the id of an account in the query, and there is none")
        return json_response(
            200,
            {
                "ended": await self.operations.administration.end_sessions(
                    call.principal, account_id
                )
            },
        )

    @route(
        "DELETE", "/sessions/{id}", "End one session", {204: None}, errors=(403, 404), if_match=True
    )
    async def end_session(self, call: Call) -> Response:
        async def end(expect: int | None) -> None:
            if expect is not None:
                raise Outdated(expect, NO_REVISION)  # sessions have no tag, so none is right
            await self.operations.administration.end_session(call.principal, call.id)

        await call.if_match(end)
        return Response(204)
