"""Garbage that is few objects and many bytes is found too, and what is free is returned to the system."""

from __future__ import annotations

import gc

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from sockcrud.collector import GROWTH, LOOKS_A_TRIM, TRIM_GROWTH, GrowthWatch, let_collector_rest, resident_bytes
from sockcrud.wire.connections import Connections


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

    def found(self) -> int:
        self.watch.look()
        return Cycle.found

    def test_garbage_is_looked_for_once_the_process_has_grown(self) -> None:
        self.size = GROWTH
        self.assertEqual(self.found(), 0)
        self.size += 1
        self.assertEqual(self.found(), 1)
        Cycle()
        self.assertEqual(self.found(), 1)

    def test_growth_counts_from_the_least_there_was(self) -> None:
        self.size = GROWTH + 1
        self.assertEqual(self.found(), 1)
        Cycle()
        self.size = 10
        self.assertEqual(self.found(), 1)
        self.size = GROWTH + 11
        self.assertEqual(self.found(), 2)

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
                searched.append(sum(len(gc.get_objects(each)) for each in range(info["generation"] + 1)))

        self.addCleanup(gc.set_threshold, *gc.get_threshold())
        self.addCleanup(gc.unfreeze)
        let_collector_rest()
        gc.callbacks.append(note)
        self.addCleanup(gc.callbacks.remove, note)
        kept = [[number] for number in range(200_000)]
        self.assertEqual(len(kept), 200_000)
        self.assertGreater(len(searched), 10)
        self.assertLess(max(searched), 50_000)
