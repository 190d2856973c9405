"""The promises of a connection that only real sockets can break, kept on uvloop's transports
too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.protocols import test_connection_tcp
from tests.uvloop.uvloop_kit import UVLOOP, TransportCase


class Connection(TransportCase):
    """The tests of `test_connection_tcp`, all of them."""

    _reactors = [UVLOOP]  # noqa: RUF012  # as Twisted's builder has it


def _played(test: Callable[[], Any]) -> Callable[[TransportCase], None]:
    def play(self: TransportCase) -> None:
        self.play(lambda world: test())

    return play


tests = {name: test for name, test in vars(test_connection_tcp).items() if name.startswith("test_")}
for name, test in tests.items():
    setattr(Connection, name, _played(test))
globals().update(Connection.makeTestCaseClasses())


def test_there_are_such_tests() -> None:
    assert len(tests) >= 8
