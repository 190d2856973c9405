# mypy: allow-untyped-calls
"""One directory of accounts and one record, driven at random through every wire, in memory.

The long form, on every store, is `python -m tests.proofs.contract`.
"""

from __future__ import annotations

from typing import Final

from attrs import define
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from twisted.trial.unittest import SynchronousTestCase

from sockcrud import loading
from sockcrud.identity.credentials import Password
from sockcrud.identity.records import ADMIN
from sockcrud.records.schema import Schema
from sockcrud.storage.memory.store import MemoryStore
from tests import ROOT
from tests.generic.generic_kit import LibraryCase
from tests.proofs.contract.people import ROOT_PASSWORD, PeopleMachine, World
from tests.proofs.contract.records import Library, RecordsMachine
from tests.support.connection_kit import Peer
from tests.support.directory_kit import DirectoryCase
from tests.support.doors_kit import AllDoorsCase, Asks, wired
from tests.support.model import KINDS
from tests.support.tally import Tally

SHORT: Final = settings(
    max_examples=80,
    stateful_step_count=30,
    deadline=None,
    derandomize=True,
    phases=[Phase.explicit, Phase.generate, Phase.shrink],
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)


class OneAdmin(AllDoorsCase):
    """All doors in memory, and nobody but root."""

    def setUp(self) -> None:
        DirectoryCase.setUp(self)
        self.tally = Tally()
        root = Password(ROOT_PASSWORD).to_keep()
        self.have(self.directory.create("root", root, role=ADMIN))
        self.clients = {}
        self.responders = wired(self)


@define
class DoorsInMemory:
    """A daemon without a process."""

    asks: Asks

    def close(self) -> None:
        """Nothing is open."""


class PeopleInMemory(PeopleMachine):
    def make_world(self) -> World:
        case = OneAdmin()
        case.setUp()
        return DoorsInMemory(case.asks)


@define
class BooksInMemory:
    """The library of examples/library.py without a process."""

    peers: dict[str, Peer]

    def talk(self, wire: str, data: bytes) -> bytes:
        """Send, and return what is said at once."""
        return self.peers[wire].ask(data)

    def close(self) -> None:
        """Nothing is open."""


class RecordsInMemory(RecordsMachine):
    def make_library(self) -> Library:
        case = LibraryCase()
        case.setUp()
        app = loading.in_file(str(ROOT / "examples" / "library.py"))
        case.store = MemoryStore(Schema([*KINDS, *app.records]))
        return BooksInMemory({"lines": case.lines(app).peer, "rest": case.rest(app).peer})


class ContractTests(SynchronousTestCase):
    def test_an_account_is_the_same_at_every_door(self) -> None:
        run_state_machine_as_test(PeopleInMemory, settings=SHORT)

    def test_a_record_is_the_same_on_both_of_its_wires(self) -> None:
        run_state_machine_as_test(RecordsInMemory, settings=SHORT)
