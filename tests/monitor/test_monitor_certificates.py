# mypy: allow-untyped-calls
"""The certificate of a TLS port: the monitor says before it expires, and when it has."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from twisted.internet.endpoints import serverFromString
from twisted.internet.protocol import Factory, Protocol

from sockcrud.client.places import Place
from sockcrud.monitor.certificates import WithCertificate, fetcher
from sockcrud.monitor.checks.results import Result
from sockcrud.monitor.checks.steps import Conductor, Limits, Step
from tests.support.awaiting import awaits
from tests.support.certificate_kit import endpoint


class Nothing:
    """A check whose steps all are well."""

    name = "users"

    def __init__(self) -> None:
        self.asked = 0

    def steps(self) -> Sequence[Step]:
        return (Step("ask", self._ask),)

    async def _ask(self) -> None:
        self.asked += 1

    async def clean_up(self) -> str:
        return ""


class Quiet(Protocol):
    pass


@asynccontextmanager
async def a_port(description: str) -> AsyncIterator[Place]:
    from twisted.internet import reactor

    factory = Factory.forProtocol(Quiet)
    factory.noisy = False
    port = await serverFromString(reactor, description).listen(factory)
    try:
        yield Place("tls", "127.0.0.1", port.getHost().port)
    finally:
        await port.stopListening()


async def found(
    place: Place, days: float = 14.0, timeout: float = 10.0
) -> tuple[Result, WithCertificate]:
    from twisted.internet import reactor

    clock: Any = reactor
    check = WithCertificate(Nothing(), place, fetcher(reactor), time.time, days)
    return await Conductor(clock, time.time, Limits(timeout=timeout)).conduct(check), check


@awaits
async def test_a_certificate_with_enough_days_is_well(tmp_path: Path) -> None:
    async with a_port(endpoint(tmp_path, 30.5)) as place:
        result, check = await found(place)
        assert (result.state.value, [taken.name for taken in result.steps]) == (
            "up",
            ["certificate", "ask"],
        )
        assert check.seen.days_left is not None
        assert 30.4 < check.seen.days_left <= 30.5


@awaits
async def test_one_that_is_about_to_expire_is_degraded_and_all_the_rest_is_checked(
    tmp_path: Path,
) -> None:
    async with a_port(endpoint(tmp_path, 5.5)) as place:
        result, _ = await found(place)
        assert (result.state.value, result.step) == ("degraded", "certificate")
        assert "5.5 days, fewer than 14" in result.reason
        assert [taken.outcome.value for taken in result.steps] == ["warned", "ok"]
        assert (await found(place, days=5.0))[0].state.value == "up"


@awaits
async def test_one_that_has_expired_is_down_and_says_since_when(tmp_path: Path) -> None:
    async with a_port(endpoint(tmp_path, -1.0)) as place:
        result, check = await found(place)
        assert (result.state.value, result.step) == ("down", "certificate")
        assert "has expired: it was valid until 2" in result.reason
        assert check.seen.days_left is not None
        assert check.seen.days_left < 0


@awaits
async def test_a_port_without_tls_is_down_in_time_and_one_that_is_closed_is_refused() -> None:
    async with a_port("tcp:0:interface=127.0.0.1") as place:
        result, _ = await found(place, timeout=0.3)
        assert (result.state.value, result.step) == ("down", "certificate")
    result, _ = await found(place)
    assert "refused" in result.reason
