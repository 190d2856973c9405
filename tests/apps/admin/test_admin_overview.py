# mypy: allow-untyped-calls
"""How all is, as the console's first page has it."""

from __future__ import annotations

from unittest.mock import AsyncMock

from attrs import evolve

from sockcrud.apps.messages.records import Message
from sockcrud.errors import Unavailable
from sockcrud.metrics import SECONDS
from tests.apps.admin.admin_case import AdminCase


class OverviewTests(AdminCase):
    def setUp(self) -> None:
        super().setUp()
        self.about = evolve(
            self.about,
            connections=lambda: {"admin": 3},
            answered=self.metrics.answered,
            trials=lambda: {"admin": "curl http://127.0.0.1:8000/health"},
            warnings=lambda: ["other machines can reach users"],
            store="memory:",
        )
        self.client = self.a_client()

    def test_every_dialect_is_there_with_its_place_and_its_figures(self) -> None:
        told = self.asks("GET", "/overview").json
        dialects = {each["name"]: each for each in told["dialects"]}
        admin, way = dialects["admin"], dialects["way"]
        self.assertEqual(
            (admin["url"], admin["listening"], admin["connections"], admin["trial"]),
            ("http://127.0.0.1:8000", True, 3, "curl http://127.0.0.1:8000/health"),
        )
        self.assertEqual((way["url"], way["listening"], way["trial"]), (None, False, None))
        self.assertEqual(told["warnings"], ["other machines can reach users"])

    def test_who_looks_twice_has_what_was_asked_in_between(self) -> None:
        def looks() -> tuple[float, list[int]]:
            told = self.asks("GET", "/overview").json
            self.assertEqual(len(told["bounds"]), len(SECONDS))
            (answered,) = [each["answered"] for each in told["dialects"] if each["name"] == "admin"]
            return told["seconds"], answered

        began, before = looks()
        for _ in range(5):
            self.asks("GET", "/accounts")
        self.clock.advance(2)
        ended, after = looks()
        self.assertEqual(ended - began, 2)
        self.assertEqual(sum(after) - sum(before), 6)  # the first look, too
        self.assertEqual(len(after), len(SECONDS) + 1)

    def test_the_store_is_counted_and_told_where_it_cannot_be_reached(self) -> None:
        self.have(self.store.insert(Message, 1, data="x"))
        store = self.asks("GET", "/overview").json["store"]
        self.assertEqual((store["where"], store["rev"]), ("memory:", self.store.rev))
        self.assertEqual((store["records"]["Message"], store["records"]["Account"]), (1, 4))
        self.patch(self.store, "count", AsyncMock(side_effect=Unavailable))
        self.assertIsNone(self.asks("GET", "/overview").json["store"]["records"])
