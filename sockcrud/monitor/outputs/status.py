"""The monitor's own port, for people and machines: its pages over HTTP, on bounded connections."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import orjson
from attrs import define, evolve

from sockcrud.metrics import CONTENT_TYPE
from sockcrud.monitor.outputs.pages import Figures, html
from sockcrud.monitor.outputs.snapshot import snapshot
from sockcrud.monitor.rounds import Monitor
from sockcrud.protocols.admission import Connections, Listening
from sockcrud.protocols.http.connection import HTTPFactory, HTTPLimits, Request, Response
from sockcrud.protocols.listen import Listener, Listeners, endpoint, is_secure

MOST_CONNECTIONS: Final = 100
GRACE: Final = 2.0
_HTML: Final = b"text/html; charset=utf-8"
_ALWAYS: Final = (
    (b"Cache-Control", b"no-store"),
    (
        b"Content-Security-Policy",
        b"default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    ),
    (b"X-Content-Type-Options", b"nosniff"),
    (b"Referrer-Policy", b"no-referrer"),
)
_METHODS: Final = (b"Allow", b"GET, HEAD")


class StatusResponder:
    """The pages behind one connection. They only read."""

    always = _ALWAYS

    def __init__(self, monitor: Monitor, figures: Figures) -> None:
        self._monitor = monitor
        self._pages: dict[str, Callable[[], Response]] = {
            "/": lambda: Response(200, html(monitor), _HTML),
            "/status.json": lambda: _json(200, snapshot(monitor)),
            "/metrics": lambda: Response(200, figures.text(), CONTENT_TYPE),
            "/health": self._health,
        }

    async def answer(self, request: Request) -> Response:
        """Return a page, or with why there is none."""
        page = self._pages.get(request.path)
        if page is None:
            return _error(404, f"there is no such page; there are {', '.join(self._pages)}")
        if request.method not in ("GET", "HEAD"):
            return _error(405, "the pages can only be read")
        return page()

    async def refuse_early(self, request: Request) -> Response | None:
        """Return the refusal: no body is wanted."""
        return await self.answer(request)

    def only_reads(self, request: Request) -> bool:
        """Tell that nothing is changed here."""
        return True

    def refusal(self, status: int, explanation: str) -> Response:
        """Word an error of the wire."""
        return _error(status, explanation)

    def body_sink(self, request: Request) -> None:
        """Return none: nothing is done with a body."""
        return

    def _health(self) -> Response:
        """Return whether the monitor does its work; what it found is another matter."""
        monitor = self._monitor
        last, patience = monitor.last_round, 2 * (monitor.every + monitor.conductor.limits.timeout)
        late = last is not None and monitor.now() - last.at - last.seconds > patience
        words = "no round has ended for too long" if late else monitor.fault
        return _json(503 if words else 200, {"status": "bad" if words else "good", "fault": words})


def _json(status: int, body: Any) -> Response:
    return Response(status, orjson.dumps(body, option=orjson.OPT_APPEND_NEWLINE))


def _error(status: int, message: str) -> Response:
    return evolve(_json(status, {"error": message}), headers=(_METHODS,) if status == 405 else ())


@define(eq=False)
class StatusPort:
    """The port, once it listens."""

    connections: Connections
    listeners: Listeners
    clock: Any

    @property
    def host(self) -> Any:
        """The address it has; None where it does not listen."""
        return next(iter(self.listeners)).host

    async def stop(self) -> None:
        """Listen no more, and fire when all connections have ended."""
        await self.listeners.stop()
        await self.connections.finish(self.clock, GRACE)


def listen(description: str, monitor: Monitor, reactor: Any) -> StatusPort:
    """Open the port; raise `CannotListen`. It is on the loopback address unless the description
    says another.
    """
    figures = Figures(monitor)
    connections = Connections(MOST_CONNECTIONS, reactor)
    factory = HTTPFactory(
        lambda peer: StatusResponder(monitor, figures),
        reactor,
        Listening(connections),
        HTTPLimits(),
    )
    listeners = Listeners()
    listeners.add(
        Listener("status", endpoint(description, reactor), factory, is_secure(description))
    )
    listeners.start()
    return StatusPort(connections, listeners, reactor)
