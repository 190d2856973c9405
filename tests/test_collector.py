"""Garbage that is few objects and many bytes is found too, and what is free is returned to the
system.
"""

from __future__ import annotations

import gc

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.collector import (
    LOOKS_A_TRIM,
    TRIM_GROWTH,
    GrowthWatch,
    let_collector_rest,
    resident_bytes,
)
from sockcrud.protocols.admission import Connections


class Cycle:
    """Garbage that only the collector finds."""

    found = 0

    def __init__(self) -> None:
        self.itself = self

    def __del__(self) -> None:
        Cycle.found += 1


class GrowthTests(SynchronousTestCase):
    def setUp(self) -> None:
        gc.collect()
        gc.disable()
        self.addCleanup(gc.enable)
        self.size = 0
        self.trimmed = 0
        self.holds = Connections(1, Clock())
        self.watch = GrowthWatch(self.holds, lambda: self.size, self.trim)
        Cycle.found = 0
        Cycle()

    def trim(self) -> None:
        self.trimmed += 1

    def test_new_garbage_is_found_at_each_look(self) -> None:
        self.watch.look()
        self.assertEqual(Cycle.found, 1)
        Cycle()
        self.watch.look()
        self.assertEqual(Cycle.found, 2)

    def test_objects_that_take_the_place_of_others_are_not_all_searched_at_once(self) -> None:
        let_collector_rest()
        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        self.addCleanup(gc.unfreeze)
        gc.enable()
        records = [[number] for number in range(100_000)]
        self.watch.look()
        for number in range(
            100_000
        ):  # no more objects than before: the collector does not begin by itself
            records[number] = [number]
            if number % 10_000 == 0:
                self.watch.look()
        gc.disable()
        self.assertLess(
            len(gc.get_objects(generation=0)) + len(gc.get_objects(generation=1)), 31_000
        )

    def looks(self) -> int:
        """Return how often memory was trimmed while it was looked at for a while."""
        self.trimmed = 0
        for _ in range(3 * LOOKS_A_TRIM):
            self.watch.look()
        return self.trimmed

    def test_what_is_free_is_returned_once_those_have_gone_who_held_it(self) -> None:
        self.assertEqual(self.looks(), 0)
        self.size = 2 * TRIM_GROWTH
        self.assertEqual(self.looks(), 0)  # of records, perhaps
        self.holds.unfinished = self.holds.released = 2 * TRIM_GROWTH
        self.assertEqual(self.looks(), 0)  # they are still there
        self.holds.unfinished = 0
        self.assertEqual(self.looks(), 1)
        self.assertEqual(self.looks(), 0)

    def test_linux_tells_the_size(self) -> None:
        self.assertGreater(resident_bytes(), 10_000_000)


class RestTests(SynchronousTestCase):
    def test_no_search_in_what_is_new_is_long_however_much_comes(self) -> None:
        searched: list[int] = []

        def note(phase: str, info: dict[str, int]) -> None:
            if phase == "start" and info["generation"] < 2:
                searched.append(
                    sum(len(gc.get_objects(each)) for each in range(info["generation"] + 1))
                )

        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        self.addCleanup(gc.unfreeze)
        let_collector_rest()
        gc.callbacks.append(note)
        self.addCleanup(gc.callbacks.remove, note)
        kept = [[number] for number in range(200_000)]
        self.assertEqual(len(kept), 200_000)
        self.assertGreater(len(searched), 10)
        self.assertLess(max(searched), 50_000)
