"""Records as JSON-RPC 2.0 on lines: `books.list`, `books.get` and so on, and a login for the
connection where one is needed.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from sockcrud.access import Principal
from sockcrud.errors import DomainError, Invalid, NotLoggedIn
from sockcrud.generic.declaration import Served, Who, class_name
from sockcrud.generic.operations import Operations
from sockcrud.identity.credentials import Password
from sockcrud.paging import PAGE
from sockcrud.protocols.framed import FramedFactory
from sockcrud.protocols.json.rpc import JSONRPCDialect, Method
from sockcrud.records.json_fields import as_json, read_fields, unknown, whole

if TYPE_CHECKING:
    from sockcrud.serving import Serving

Params = dict[str, Any]
Log: Final = Logger()


class RecordsDialect(JSONRPCDialect):
    """Records behind one connection, which is logged in from `session.login` until its session
    ends, here or elsewhere.
    """

    _token: str | None = None
    _account: Principal | None = None

    async def asks(self, who: Who) -> Principal:
        """Return who asks for what is for these; raise NotLoggedIn where the session is over."""
        if who == "open":
            return self.principal
        if self._token is None:
            raise NotLoggedIn
        try:
            return await self.serving.logins.resume(
                self.principal, self.principal.dialect, self._token
            )
        except NotLoggedIn:
            self._token = self._account = None
            raise

    async def log_in(self, params: Params) -> Params:
        """Log the connection in, in the place of who was logged in before."""
        login, password = (_needed(params, name) for name in ("login", "password"))
        _no_more(params, "login", "password")
        logins = self.serving.logins
        begun = await logins.log_in(
            self.principal, self.principal.dialect, login, Password(password)
        )
        self._end_session()
        self._token = begun.token
        self._account = Principal(
            self.principal.dialect, self.principal.address, begun.account, begun.session_id
        )
        if self._is_gone:
            self._end_session()
        return {"login": begun.account.login, "role": begun.account.role}

    async def log_out(self, params: Params) -> None:
        """End the session of the connection; raise NotLoggedIn where there is none."""
        _no_more(params)
        principal = await self.asks("logged in")
        self._token = self._account = None
        await self.serving.logins.log_out(principal)

    def connection_lost(self) -> None:
        super().connection_lost()
        self._end_session()

    def _end_session(self) -> None:
        """End the session, of which nobody else has the token. Nobody waits for that: where it
        fails, it ends by its time.
        """
        account, self._token, self._account = self._account, None, None
        if account is not None:
            ending = Deferred.fromCoroutine(self.serving.logins.log_out(account))
            ending.addErrback(lambda failure: failure.trap(DomainError))
            ending.addErrback(lambda failure: Log.failure("a session could not be ended", failure))


def method_names(served: Sequence[Served]) -> list[str]:
    """Return the names that methods have here, some of which a kind of record may do without."""
    return [f"{each.plural}.{name}" for each in served for name in _METHODS] + list(_SESSION)


def factory(served: Sequence[Served], serving: Serving) -> FramedFactory:
    """Return what makes the connections on which these are served."""
    methods: dict[str, Method] = {}
    for each in served:
        operations = Operations(serving.access, serving.store, each)
        for name, (call, only_reads) in _METHODS.items():
            if name != "find" or operations.uniques:
                methods[f"{each.plural}.{name}"] = Method(partial(call, operations), only_reads)
    if any(each.needs_login for each in served):
        methods |= {name: Method(call) for name, call in _SESSION.items()}
    name = class_name(serving.dialect.name)
    dialect: type[RecordsDialect] = type(name, (RecordsDialect,), {"methods": methods})
    return dialect.factory(serving)


async def _list(operations: Operations, dialect: RecordsDialect, params: Params) -> Params:
    principal = await dialect.asks(operations.served.read)
    where = dict(params)
    limit, after = where.pop("limit", None), where.pop("after", None)
    page = await operations.list(
        principal,
        PAGE if limit is None else whole("limit", limit),
        None if after is None else whole("after", after),
        _fields(operations, where, "limit", "after", *operations.filters),
    )
    return {"items": list(map(as_json, page.items)), "next": page.next}


async def _get(operations: Operations, dialect: RecordsDialect, params: Params) -> Params:
    principal = await dialect.asks(operations.served.read)
    id = whole("id", _needed(params, "id"))
    _no_more(params, "id")
    return as_json(await operations.get(principal, id))


async def _find(operations: Operations, dialect: RecordsDialect, params: Params) -> Params:
    principal = await dialect.asks(operations.served.read)
    return as_json(
        await operations.find(principal, _fields(operations, params, *operations.uniques))
    )


async def _create(operations: Operations, dialect: RecordsDialect, params: Params) -> Params:
    principal = await dialect.asks(operations.served.write)
    return as_json(
        await operations.create(principal, _fields(operations, params, *operations.fields))
    )


async def _update(operations: Operations, dialect: RecordsDialect, params: Params) -> Params:
    principal = await dialect.asks(operations.served.write)
    fields = dict(params)
    id, rev = whole("id", _needed(fields, "id")), _revision(fields)
    del fields["id"]
    fields.pop("rev", None)
    return as_json(
        await operations.update(
            principal, id, _fields(operations, fields, "id", "rev", *operations.fields), rev
        )
    )


async def _delete(operations: Operations, dialect: RecordsDialect, params: Params) -> None:
    principal = await dialect.asks(operations.served.write)
    id, rev = whole("id", _needed(params, "id")), _revision(params)
    _no_more(params, "id", "rev")
    await operations.delete(principal, id, rev)


_METHODS: Final[Mapping[str, tuple[Callable[[Operations, Any, Params], Awaitable[Any]], bool]]] = {
    "list": (_list, True),
    "get": (_get, True),
    "find": (_find, True),
    "create": (_create, False),
    "update": (_update, False),
    "delete": (_delete, False),
}


_SESSION: Final[Mapping[str, Callable[[Any, Params], Awaitable[Any]]]] = {
    "session.login": RecordsDialect.log_in,
    "session.logout": RecordsDialect.log_out,
}


def _fields(operations: Operations, params: Params, *known: str) -> dict[str, Any]:
    """Return the values of the fields that are named; raise Invalid for a name that is none of
    those known.
    """
    _no_more(params, *known)
    return read_fields(operations.served.kind, params)


def _needed(params: Params, name: str) -> Any:
    if name not in params:
        raise Invalid(name, "a value, and there is none")
    return params[name]


def _revision(params: Params) -> int | None:
    return None if params.get("rev") is None else whole("rev", params["rev"])


def _no_more(params: Params, *known: str) -> None:
    for name in params:
        if name not in known:
            raise unknown(name, known)
