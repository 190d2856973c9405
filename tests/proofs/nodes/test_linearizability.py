# mypy: allow-untyped-calls
"""What several nodes tell of a record can have come from one record. The long form is `python -m
tests.proofs.nodes.linearizability`.

The checker is first shown to see what is wrong, and to let pass whatever is right.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations, permutations
from math import inf
from random import Random

import pytest
from attrs import Factory, define, evolve
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.trial.unittest import SynchronousTestCase

from tests.proofs.durability.crash_book import Broken
from tests.proofs.nodes.linearizability import Histories, Person, Record
from tests.proofs.nodes.linearizable import (
    Kind,
    NotLinearizable,
    Outcome,
    Step,
    Value,
    becomes,
    check,
    is_possible,
)
from tests.proofs.nodes.linearizable_doors import Told
from tests.support.nodes import Nodes

DONE, MISSING, EXISTS, DIFFERS, UNKNOWN = Outcome


def read(value: Value, asked: float, answered: float) -> Step:
    return Step(Kind.READ, MISSING if value is None else DONE, asked, answered, value)


def write(
    value: Value, asked: float, answered: float, outcome: Outcome = DONE, expected: Value = None
) -> Step:
    return Step(Kind.WRITE, outcome, asked, answered, value, expected)


def create(value: Value, asked: float, answered: float, outcome: Outcome = DONE) -> Step:
    return Step(Kind.CREATE, outcome, asked, answered, value)


def delete(asked: float, answered: float, outcome: Outcome = DONE) -> Step:
    return Step(Kind.DELETE, outcome, asked, answered)


def unanswered(step: Step) -> Step:
    return evolve(step, outcome=UNKNOWN, answered=inf)


class CheckerTests(SynchronousTestCase):
    """The checker refuses what no single record can have brought about, and nothing else."""

    def passes(self, *steps: Step, initial: Value = "old") -> None:
        check(steps, initial)

    def refuses(self, *steps: Step, initial: Value = "old") -> None:
        with self.assertRaises(NotLinearizable):
            check(steps, initial)

    def test_a_stale_read_is_seen(self) -> None:
        self.refuses(write("new", 0, 1), read("old", 2, 3))
        self.refuses(write("new", 0, 3), read("new", 1, 1.5), read("old", 2, 2.5))
        self.refuses(delete(0, 1), read("old", 2, 3))
        self.refuses(create("new", 0, 1), read(None, 2, 3), initial=None)

    def test_a_read_beside_a_write_may_see_either(self) -> None:
        for value in ("old", "new"):
            self.passes(write("new", 0, 3), read(value, 1, 2))

    def test_a_lost_update_is_seen(self) -> None:
        self.refuses(write("a", 0, 3, expected="old"), write("b", 1, 4, expected="old"))
        self.refuses(write("a", 0, 1), write("b", 2, 3), read("a", 4, 5))
        self.passes(
            write("a", 0, 3, expected="old"),
            write("b", 1, 4, DIFFERS, expected="old"),
            read("a", 5, 6),
        )

    def test_a_refusal_for_a_revision_that_the_record_had_is_seen(self) -> None:
        self.refuses(write("a", 0, 1, DIFFERS, expected="old"))
        self.passes(write("a", 0, 2), write("b", 1, 3, DIFFERS, expected="old"))

    def test_a_write_that_comes_back_from_the_dead_is_seen(self) -> None:
        lost = unanswered(write("a", 0, 0))
        self.refuses(write("a", 0, 1), delete(2, 3), read(None, 4, 5), read("a", 6, 7))
        self.refuses(lost, read("a", 1, 2), write("b", 3, 4), read("b", 5, 6), read("a", 7, 8))
        self.refuses(
            unanswered(create("a", 0, 0)),
            read("a", 1, 2),
            delete(3, 4),
            read("a", 5, 6),
            initial=None,
        )

    def test_two_who_create_the_same_are_seen(self) -> None:
        self.refuses(create("a", 0, 2), create("b", 1, 3), initial=None)
        self.passes(create("a", 0, 2), create("b", 1, 3, EXISTS), read("a", 4, 5), initial=None)

    def test_what_nobody_was_told_of_may_take_effect_later_or_never_but_once(self) -> None:
        lost, lost_later = unanswered(write("a", 0, 0)), unanswered(write("a", 5, 5))
        self.passes(lost, read("old", 1, 2), read("a", 3, 4))
        self.passes(lost, read("old", 1, 2), read("old", 3, 4))
        self.refuses(lost, read("a", 1, 2), read("old", 3, 4))
        self.passes(lost_later, read("old", 1, 2), read("a", 6, 7))
        self.refuses(lost_later, read("a", 1, 2))

    def test_what_is_refused_is_explained(self) -> None:
        error = self.assertRaises(
            NotLinearizable, check, [write("new", 0, 1), read("old", 2, 3)], "old"
        )
        self.assertIn(
            "write new: done\nthe record is new, and none of these can come next:\n", str(error)
        )
        self.assertTrue(str(error).endswith("read old: done"))

    def test_an_order_that_is_found_is_one(self) -> None:
        steps = [
            write("a", 0, 9),
            read("old", 1, 2),
            create("b", 1, 8, EXISTS),
            read("a", 3, 4),
            read(None, 6, 7),
        ]
        steps.append(unanswered(delete(5, 5)))
        record: Value = "old"
        for step in check(steps, "old"):
            record = becomes(step, record)
        self.assertEqual(record, None)


def by_trying_all(steps: Sequence[Step], initial: Value) -> bool:
    """Return whether any order of the steps, with or without those of unknown outcome, is one that
    a record can go through.
    """
    unknown = [step for step in steps if step.outcome is UNKNOWN]
    for size in range(len(unknown) + 1):
        for never in combinations(unknown, size):
            happened = [step for step in steps if not any(step is other for other in never)]
            if any(_goes(order, initial) for order in permutations(happened)):
                return True
    return False


def _goes(order: Sequence[Step], record: Value) -> bool:
    for place, step in enumerate(order):
        if any(later.answered < step.asked for later in order[place + 1 :]):
            return False
        if not is_possible(step, record):
            return False
        record = becomes(step, record)
    return True


VALUES = st.sampled_from(["a", "b", "c"])


@st.composite
def a_step(draw: st.DrawFn) -> Step:
    kind = draw(st.sampled_from(list(Kind)))
    asked = draw(st.integers(0, 8))
    value = None if kind is Kind.DELETE else draw(VALUES)
    expected = draw(st.none() | VALUES) if kind in (Kind.WRITE, Kind.DELETE) else None
    outcomes = {Kind.READ: [DONE, MISSING], Kind.CREATE: [DONE, EXISTS, UNKNOWN]}.get(
        kind, [DONE, MISSING, UNKNOWN]
    )
    outcome = draw(st.sampled_from([*outcomes, DIFFERS] if expected is not None else outcomes))
    answered = inf if outcome is UNKNOWN else asked + draw(st.integers(1, 5))
    return Step(kind, outcome, asked, answered, value, expected)


class AllOrdersTests(SynchronousTestCase):
    @settings(max_examples=200, deadline=None)
    @given(st.lists(a_step(), max_size=5), st.none() | VALUES)
    def test_the_checker_says_what_trying_all_orders_does(
        self, steps: list[Step], initial: Value
    ) -> None:
        try:
            check(steps, initial)
        except NotLinearizable:
            passed = False
        else:
            passed = True
        self.assertEqual(passed, by_trying_all(steps, initial))

    def test_a_long_history_with_lost_answers_is_checked_at_once(self) -> None:
        random = Random(1)
        steps, value = [], 0
        for time in range(300):
            if time % 50 == 25:
                steps.append(unanswered(write(-time - 1, time, time)))
            elif random.random() < 0.5:
                value = time
                steps.append(write(value, time, time + 0.5))
            else:
                steps.append(read(value, time, time + 0.5))
        check(steps, 0)
        with self.assertRaises(NotLinearizable):
            check([*steps, read(-1000, 400, 401)], 0)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    with Nodes(tmp_path_factory.mktemp("nodes"), 3) as nodes:
        yield nodes


def test_what_three_nodes_tell_of_a_record_is_of_one_record_also_when_the_database_is_killed(
    nodes: Nodes,
) -> None:
    with Histories(nodes, 1) as histories:
        for number in range(6):
            histories.run(30, restart=number % 3 == 1)
    assert histories.figures.histories == 6
    assert histories.figures.outcomes[DONE] > 300
    assert histories.figures.outcomes[DIFFERS] > 5
    nodes.check_logs()


@define(eq=False)
class Caching(Person):
    """Somebody who is shown what a record was when it was first read, as by a node that keeps what
    it has read.
    """

    kept: dict[str, Told] = Factory(dict)

    def tell(self, record: Record, kind: Kind, value: Value, tag: str | None) -> Told:
        if kind is not Kind.READ:
            return super().tell(record, kind, value, tag)
        return self.kept.setdefault(record.name, super().tell(record, kind, value, tag))


class Careless(Person):
    """Somebody whose changes are made whatever the record is by then."""

    def tell(self, record: Record, kind: Kind, value: Value, tag: str | None) -> Told:
        return super().tell(record, kind, value, None)


@define(eq=False)
class Repeating(Person):
    """Somebody whose creations are made again after the record was deleted."""

    created: dict[str, Value] = Factory(dict)

    def tell(self, record: Record, kind: Kind, value: Value, tag: str | None) -> Told:
        told = super().tell(record, kind, value, tag)
        if kind is Kind.CREATE and told.outcome is DONE:
            self.created[record.name] = value
        if kind is Kind.DELETE and record.name in self.created:
            super().tell(record, Kind.CREATE, self.created[record.name], None)
        return told


@pytest.mark.parametrize("faulty", [Caching, Careless, Repeating])
def test_it_is_seen_when_a_node_shows_what_is_old_or_loses_an_update_or_repeats_one(
    nodes: Nodes, faulty: type[Person]
) -> None:
    with (
        Histories(nodes, 2, faulty) as histories,
        pytest.raises(Broken, match="none of these can come next"),
    ):
        run_until_broken(histories)


def run_until_broken(histories: Histories) -> None:
    for _ in range(5):
        histories.run(30)
