"""What the factory of a dialect is made from."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from attrs import frozen
from twisted.internet.interfaces import IProtocolFactory

from sockcrud.access import Access
from sockcrud.app import AppError, Apps, Dialect, resolve
from sockcrud.faults.acting import Faults
from sockcrud.identity.accounts import Directory
from sockcrud.identity.directory import Logins
from sockcrud.identity.passwords import LEAST_CHARACTERS
from sockcrud.identity.sessions import Sessions
from sockcrud.journal.watching import Watching
from sockcrud.ledger.brownouts import retirements_of
from sockcrud.loading import line_of, reason_of
from sockcrud.protocols.admission import Listening
from sockcrud.protocols.http.connection import HTTPLimits, Response
from sockcrud.protocols.json.objects import JSONLimits
from sockcrud.protocols.listen import is_on_loopback, is_secure
from sockcrud.rest.idempotency import Keys
from sockcrud.rest.openapi import description
from sockcrud.rest.origins import Origins
from sockcrud.rest.pages import page_response, plain_page
from sockcrud.rest.routed import Terms
from sockcrud.settings import Settings
from sockcrud.storage.contract import IStore

_LISTENS: Final = re.compile("where (.+?) listens?\\b")
"""What the help says of the setting that says where a dialect listens: what the dialect is."""


@frozen
class About:
    """What the daemon knows of itself."""

    apps: Apps
    listening: Callable[[], Mapping[str, bool]]
    """Tells of each dialect that is on whether it listens."""
    urls: Callable[[], Mapping[str, str]]
    """Gives the URL of each dialect that listens on a port."""
    metrics: Callable[[], Awaitable[bytes]]
    """Gives the figures, for Prometheus."""
    min_password: int = LEAST_CHARACTERS
    places: Callable[[str, bool], Mapping[str, str | None]] = lambda host, is_local: {}
    """Tells where each dialect is for who has reached the daemon as this host, from this machine or
    not.
    """
    watching: Watching | None = None
    """The journal, and who watches it; None where none is kept."""
    connections: Callable[[], Mapping[str, int]] = dict
    """Tells how many are open at each dialect."""
    answered: Callable[[], Mapping[str, Sequence[int]]] = dict
    """Tells of each dialect how many operations took how long, as `Metrics.answered` does."""
    trials: Callable[[], Mapping[str, str]] = dict
    """Gives a command for each dialect that listens on a port, which shows that it is there."""
    warnings: Callable[[], Sequence[str]] = list
    """Tells what is dangerous about where it listens, and where it stores."""
    store: str = ""
    """Where the records are, for people."""

    faults: Faults | None = None
    """Those that testers ask for; None where there are none to be."""

    def openapi(self) -> bytes:
        """Return the description of all HTTP dialects that listen."""
        kinds = [kind.__name__ for kind in self.apps.schema.journaled]
        return description(self.urls(), self.apps.openapi_parts, kinds, self.min_password)


@frozen
class Serving:
    """Whatever a dialect may need: it takes what it does."""

    dialect: Dialect
    settings: Settings
    clock: Any
    """The reactor, or a clock where there is none."""
    connections: Listening
    """Those of this dialect; `connections.all` are those of the daemon."""
    access: Access
    store: IStore
    directory: Directory
    sessions: Sessions
    logins: Logins
    about: About
    keys: Keys | None = None
    """What keeps the answers to requests with an Idempotency-Key."""

    def factory(self) -> IProtocolFactory:
        """Return what makes the connections of the dialect; raise AppError with the line where that
        failed.
        """
        dialect = self.dialect
        try:
            made = resolve(dialect.factory)(self)
        except Exception as error:
            place = line_of(error, dialect.place)
            raise AppError(
                place, f"the dialect {dialect.name!r} cannot be made: {reason_of(error)}"
            ) from error
        if not IProtocolFactory.providedBy(made):
            wrong = (
                f"the dialect {dialect.name!r} makes {type(made).__name__!r}: expected a "
                f"protocol factory of Twisted"
            )
            raise AppError(dialect.place, wrong)
        return made

    @property
    def endpoint(self) -> str:
        """Where the dialect listens."""
        where: str = self.settings.of(self.dialect.setting)
        return where

    @property
    def terms(self) -> Terms:
        """What an HTTP dialect has to keep to, as it follows from the settings and from where it
        listens.
        """
        settings = self.settings
        pages = settings.admin_cors_origins if self.dialect.privileged else settings.cors_origins
        any_host = "*" in settings.hosts or not (settings.hosts or is_on_loopback(self.endpoint))
        origins = Origins(pages, None if any_host else frozenset(settings.hosts))
        retirement = retirements_of(settings).of(self.dialect.name)
        secure = is_secure(self.endpoint)
        return Terms(origins, settings.max_depth, secure, self.keys, self.page, retirement)

    def page(self) -> Response:
        """Return the page that tells a browser what the dialect's port is."""
        name, about = self.dialect.name, self.dialect.about
        said = _LISTENS.match(about)
        example = self.about.trials().get(name, "")
        return page_response(plain_page(name, about if said is None else said[1], example))

    @property
    def json(self) -> tuple[Any, Listening, JSONLimits]:
        """What a `JSONFactory` takes behind its responder."""
        return self.clock, self.connections, self.json_limits

    @property
    def http(self) -> tuple[Any, Listening, HTTPLimits]:
        """What an `HTTPFactory` takes behind its responder."""
        return self.clock, self.connections, self.http_limits

    @property
    def json_limits(self) -> JSONLimits:
        """The limits of connections with JSON on them."""
        settings = self.settings
        return JSONLimits(
            settings.max_in_flight,
            settings.max_unsent,
            self._own_idle or settings.idle_timeout,
            settings.max_request,
            settings.max_depth,
            settings.object_timeout,
        )

    @property
    def http_limits(self) -> HTTPLimits:
        """The limits of connections with HTTP on them."""
        settings = self.settings
        return HTTPLimits(
            settings.max_in_flight,
            settings.max_unsent,
            max(settings.idle_timeout, self._own_idle or 0.0),
            settings.max_header,
            settings.max_fields,
            settings.max_target,
            settings.max_body,
            settings.header_timeout,
            settings.body_timeout,
            self._own_idle or settings.keep_alive_timeout,
        )

    @property
    def _own_idle(self) -> float | None:
        idle: float | None = self.settings.of(f"{self.dialect.setting}_idle")
        return idle
