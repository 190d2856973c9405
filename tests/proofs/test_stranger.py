"""Whatever strangers do, others are served: each of them once, in small. The long form is `python
-m tests.proofs.stranger`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import cache
from typing import Any, Final

import pytest
from attrs import evolve

from sockcrud.identity.passwords import HashCost
from tests.proofs.stranger import KINDS
from tests.proofs.strangers.attack import STRANGERS
from tests.proofs.strangers.probe import Figures
from tests.proofs.strangers.report import row
from tests.proofs.strangers.rounds import MIB, SLACK, STRICT, Outcome, Plan, Sites, tried
from tests.proofs.strangers.site import STORES
from tests.support.running import Daemon

SHORT: Final = [name for name, one in STRANGERS.items() if not one.only_full]
OF_STORES: Final = ("nobody", "history", "changes", "unread-lists")
"""Those whose harm would be the store's: they are let at each. The others meet the memory store."""


@pytest.fixture(scope="module", autouse=True)
def costly_hashes(quick_daemons: None) -> Iterator[None]:
    """Have the daemons hash at a sixth of the full cost: some strangers live on it."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Daemon, "cost", HashCost(1, 6_400, 1))
        yield


@pytest.fixture(scope="module")
def sites() -> Iterator[Callable[[str], Sites]]:
    """Yield the daemons on a store."""
    with ExitStack() as stack:
        yield cache(lambda store: Sites(Plan(store, is_short=True, targets=SLACK), stack))


def _attacks() -> Iterator[Any]:
    for store in STORES:
        for name in SHORT if store == "memory" else OF_STORES:
            yield pytest.param(store, name, id=f"{store}-{name}")


@pytest.mark.parametrize(("store", "name"), list(_attacks()))
def test_others_are_served_and_nothing_is_left(
    sites: Callable[[str], Sites], store: str, name: str
) -> None:
    outcome = tried(sites(store), STRANGERS[name])
    assert not outcome.failures(SLACK), row(outcome, SLACK)


def test_every_family_has_its_strangers() -> None:
    families = {one.act.__module__ for one in STRANGERS.values()}
    assert families == {module.__name__ for module in KINDS}


WELL: Final = Figures(asked=1, worst=0.05, newcomers=1, healths=1)
GOOD: Final = Outcome(
    STRANGERS["nobody"],
    WELL,
    base=90 * MIB,
    peak=95 * MIB,
    after=91 * MIB,
    settled=0.1,
    descriptors=1,
    lines=[],
    faults=[],
    seconds=1.0,
    stored=0,
)


@pytest.mark.parametrize(
    ("figures", "more", "told"),
    [
        ({"worst": 0.051}, {}, "another waited 51 ms (target 50)"),
        ({"cut_off": 1}, {}, "another's connection was cut off"),
        ({"turned_away": 1}, {}, "1 of 1 new clients turned away"),
        ({"newcomer_worst": 3.1}, {}, "a new client waited 3.1 s"),
        ({"unhealthy": 1}, {}, "admin's /health failed 1 of 1"),
        ({"health_worst": 3.1}, {}, "admin's /health took 3.1 s"),
        ({"logins": 2, "logins_refused": 1}, {}, "1 of 2 correct logins refused"),
        ({}, {"after": 111 * MIB}, "21 MiB more memory"),
        ({}, {"peak": 800 * MIB}, "710 MiB more memory at the top"),
        ({}, {"stored": 200 * MIB}, "200 MiB more on disk"),
        ({}, {"descriptors": 13}, "13 more descriptors"),
        ({}, {"faults": ["Traceback (most recent call last):"]}, "1 faults in the log"),
        ({}, {"lines": ["a line"] * 101}, "101 lines of log"),
        ({}, {"broken": ["the daemon has ended"]}, "the daemon has ended"),
    ],
)
def test_what_is_not_as_promised_is_told(
    figures: dict[str, Any], more: dict[str, Any], told: str
) -> None:
    assert GOOD.failures(STRICT) == []
    (failure,) = evolve(GOOD, figures=evolve(GOOD.figures, **figures), **more).failures(STRICT)
    assert told in failure


def test_a_delay_alone_may_be_the_machines_and_nothing_else() -> None:
    late = evolve(GOOD, figures=evolve(GOOD.figures, worst=0.2))
    assert late.may_be_noise(STRICT)
    assert not GOOD.may_be_noise(STRICT)
    assert not evolve(late, broken=["the daemon has ended"]).may_be_noise(STRICT)
    assert not evolve(late, figures=evolve(late.figures, worst=2.0)).may_be_noise(STRICT)
