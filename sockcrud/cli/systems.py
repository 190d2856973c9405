"""How commands reach a server: its client, which is imported when it is asked, and whether it needs
a login.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

from attrs import frozen

from sockcrud.app import Lazy, resolve

C = TypeVar("C")


@frozen
class System(Generic[C]):
    """A dialect, as commands ask it."""

    dialect: str
    client: Lazy[Callable[..., C]]
    """Makes a client: is given where, and by name `timeout` and `trust`."""
    login: bool = False
    """Whether only who has logged in is answered."""

    @contextmanager
    def connected(self, changes: bool = False) -> Iterator[C]:
        """Have a client, with the login that is kept. `changes` says that it does not only read."""
        with self._client(self.login, changes) as client:
            yield client

    @contextmanager
    def connected_as_nobody(self, changes: bool = False) -> Iterator[C]:
        """Have a client without a login."""
        with self._client(False, changes) as client:
            yield client

    @contextmanager
    def _client(self, login: bool, changes: bool) -> Iterator[C]:
        from sockcrud.cli import addresses, asking  # late: help and completion ask nobody

        place = addresses.place_of(self.dialect)
        kept = asking.login_for(self.dialect, place) if login else None
        make: Callable[..., Any] = resolve(self.client)
        with (
            asking.errors_as_lines(self.dialect, place, changes),
            asking.client_at(make, place) as client,
        ):
            if kept is not None:
                client.token = kept.token
            yield client
