# mypy: allow-untyped-calls
"""What Prometheus is told, read back as it reads it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.defer import Deferred, fail

from sockcrud.access import Access, Principal
from sockcrud.apps.messages.records import Message
from sockcrud.apps.messages.service import Messages
from sockcrud.errors import Unavailable
from sockcrud.metrics import MOST_OPERATIONS, SECONDS, Metrics
from tests.support.directory_kit import HERE
from tests.support.model import KINDS
from tests.support.people_case import ABSENT, NEW, SECRET, PeopleCase

Labels = tuple[tuple[str, str], ...]


class MetricsTests(PeopleCase):
    def setUp(self) -> None:
        super().setUp()
        self.connections = {"way": 2, "admin": 1}
        self.metrics = Metrics(
            self.store, ("way", "admin", "messages"), lambda: self.connections, "1.2.3"
        )
        self.logins.access.observers.append(self.metrics)

    def samples(self) -> dict[str, dict[Labels, float]]:
        text = self.have(self.metrics.text()).decode()
        samples: dict[str, dict[Labels, float]] = {}
        for family in text_string_to_metric_families(text):
            self.assertTrue(family.documentation, family.name)
            for sample in family.samples:
                values = samples.setdefault(sample.name, {})
                labels = tuple(sorted(sample.labels.items()))
                self.assertNotIn(labels, values)
                values[labels] = sample.value
        return samples

    def sample(self, name: str, **labels: str) -> float | None:
        return self.samples().get(name, {}).get(tuple(sorted(labels.items())))

    def watch(
        self,
        operation: str = "x.y",
        dialect: str = "way",
        seconds: float = 0.0,
        outcome: str = "ok",
    ) -> None:
        self.metrics(operation, Principal(dialect, HERE), seconds, outcome)

    def test_requests_are_counted_by_dialect_operation_and_outcome(self) -> None:
        messages = Messages(Access(self.clock, [self.metrics]), self.store)
        way, tcp = self.nobody("way"), self.nobody("messages")
        self.have(messages.add(tcp, 1, "abc"))
        self.have(messages.get(tcp, 1))
        self.have(messages.get(tcp, 1))
        self.failureResultOf(Deferred.fromCoroutine(messages.get(way, ABSENT)))
        self.assertEqual(
            self.samples()["sockcrud_requests_total"],
            {
                (("dialect", "messages"), ("operation", "messages.add"), ("outcome", "ok")): 1,
                (("dialect", "messages"), ("operation", "messages.get"), ("outcome", "ok")): 2,
                (("dialect", "way"), ("operation", "messages.get"), ("outcome", "not_found")): 1,
            },
        )

    def test_durations_are_a_histogram_whatever_the_outcome(self) -> None:
        times = (0.0, SECONDS[0], SECONDS[1], 0.3, 11.0)
        for seconds, outcome in zip(times, ("ok", "ok", "ok", "invalid", "crashed"), strict=True):
            self.watch(seconds=seconds, outcome=outcome)
        labels = {"dialect": "way", "operation": "x.y"}
        self.assertEqual(self.sample("sockcrud_request_seconds_count", **labels), 5)
        self.assertAlmostEqual(
            self.sample("sockcrud_request_seconds_sum", **labels) or 0, sum(times)
        )
        for bound, count in (
            ("0.0001", 2),
            ("0.00025", 3),
            ("0.25", 3),
            ("0.5", 4),
            ("10.0", 4),
            ("+Inf", 5),
        ):
            self.assertEqual(
                self.sample("sockcrud_request_seconds_bucket", **labels, le=bound), count, bound
            )

    def test_a_session_that_is_resumed_is_no_request_of_its_own_and_one_that_is_not_is(
        self,
    ) -> None:
        self.as_(self.anna)
        self.failureResultOf(
            Deferred.fromCoroutine(self.logins.resume(self.nobody("way"), "way", "nonsense"))
        )
        counted = {
            (dict(labels)["operation"], dict(labels)["outcome"]): count
            for labels, count in self.samples()["sockcrud_requests_total"].items()
        }
        self.assertEqual(
            counted, {("sessions.log_in", "ok"): 1, ("sessions.resume", "not_logged_in"): 1}
        )
        self.assertEqual(
            self.sample(
                "sockcrud_request_seconds_count", dialect="way", operation="sessions.resume"
            ),
            1,
        )

    def test_labels_from_outside_are_all_one(self) -> None:
        for name in ("evil\n", 'e"vil', "x" * 10_000):
            self.watch(dialect=name)
            self.watch(outcome=name)
        many = 3 * MOST_OPERATIONS
        for number in range(many):
            self.watch(operation=f"operation {number}")
        requests = self.samples()["sockcrud_requests_total"]
        self.assertLessEqual(len(requests), MOST_OPERATIONS + 3)
        self.assertEqual(sum(requests.values()), 6 + many)
        self.assertEqual(
            self.sample("sockcrud_requests_total", dialect="other", operation="x.y", outcome="ok"),
            3,
        )
        self.assertEqual(
            self.sample("sockcrud_requests_total", dialect="way", operation="x.y", outcome="other"),
            3,
        )
        self.assertLessEqual(len(self.metrics._cells), 2 * MOST_OPERATIONS)

    def test_logins_that_fail_are_counted_with_their_reason(self) -> None:
        for _ in range(10):
            self.fails("anna", NEW)
        self.fails("anna", SECRET)
        self.fails("nobody", SECRET)
        self.assertEqual(
            self.samples()["sockcrud_login_failures_total"],
            {
                (("dialect", "way"), ("reason", "login_failed")): 11,
                (("dialect", "way"), ("reason", "login_delayed")): 1,
            },
        )

    def fails(self, login: str, password: Any) -> None:
        work = self.logins.log_in(self.nobody("way"), "way", login, password)
        self.failureResultOf(Deferred.fromCoroutine(work))

    def test_connections_are_told_as_they_are_now(self) -> None:
        self.assertEqual(self.sample("sockcrud_open_connections", dialect="way"), 2)
        self.connections["way"] = 0
        self.assertEqual(self.sample("sockcrud_open_connections", dialect="way"), 0)

    def test_the_size_of_the_store_by_kind(self) -> None:
        self.have(self.store.insert(Message, 7, data="x"))
        sizes = self.samples()["sockcrud_store_records"]
        self.assertEqual(
            {dict(labels)["kind"] for labels in sizes}, {kind.__name__ for kind in KINDS}
        )
        self.assertEqual(self.sample("sockcrud_store_records", kind="Message"), 1)
        self.assertEqual(self.sample("sockcrud_store_records", kind="Account"), 4)

    def test_of_a_store_out_of_reach_nothing_is_told(self) -> None:
        self.samples()
        self.patch(self.store, "count", lambda kind: fail(Unavailable()))
        samples = self.samples()
        self.assertNotIn("sockcrud_store_records", samples)
        self.assertIn("sockcrud_open_connections", samples)

    def test_who_asks_while_the_store_is_asked_gets_the_same_figures_and_asks_nothing(self) -> None:
        counts: list[Deferred[int]] = []

        def count(kind: object) -> Deferred[int]:
            counts.append(Deferred())
            return counts[-1]

        self.patch(self.store, "count", count)
        readers = [Deferred.fromCoroutine(self.metrics.text()) for _ in range(200)]
        for number, _ in enumerate(KINDS):
            self.assertEqual(len(counts), number + 1)
            counts[-1].callback(3)
        texts = [self.successResultOf(reader) for reader in readers]
        self.assertIn(b'sockcrud_store_records{kind="Message"} 3.0', texts[0])
        self.assertEqual(len(set(texts)), 1)
        self.have(self.store.insert(Message, 8, data="x"))
        later = Deferred.fromCoroutine(self.metrics.text())
        self.assertEqual(len(counts), len(KINDS) + 1)
        counts[-1].errback(Unavailable())
        self.assertNotIn(b"sockcrud_store_records", self.successResultOf(later))

    def test_commits_are_told_of_a_store_that_has_such(self) -> None:
        self.assertEqual([name for name in self.samples() if "commit" in name], [])
        self.metrics.committed(0.002)
        self.metrics.committed(0.2)
        self.assertEqual(self.sample("sockcrud_commit_seconds_count"), 2)
        self.assertEqual(self.sample("sockcrud_commit_seconds_bucket", le="0.1"), 1)

    def test_what_this_is_and_what_the_process_needs(self) -> None:
        samples = self.samples()
        ((labels, value),) = samples["sockcrud_build_info"].items()
        self.assertEqual((dict(labels)["version"], value), ("1.2.3", 1))
        self.assertIn("process_resident_memory_bytes", samples)

    def test_each_daemon_counts_for_itself(self) -> None:
        self.watch()
        other = Metrics(self.store, ("way",))
        self.assertNotIn(b"x.y", self.have(other.text()))

    def test_no_name_of_anybody_is_among_the_figures(self) -> None:
        token = self.log_in("anna").token
        text = self.have(self.metrics.text())
        for secret in self.secrets(token):
            self.assertNotIn(secret.encode(), text)

    def secrets(self, token: str) -> Iterator[str]:
        yield from (token, "anna", HERE, SECRET.to_keep())

    def test_counting_the_same_again_needs_nothing_new(self) -> None:
        self.watch()
        before: Mapping[Any, Any] = dict(self.metrics._cells)
        self.watch()
        self.assertEqual(dict(self.metrics._cells), before)
