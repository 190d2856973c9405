"""One stranger against one daemon: what is measured while it attacks, and after; and the
verdict.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random
from time import monotonic, sleep
from typing import Final

from attrs import define, field, frozen

from sockcrud.refusals import LINES_OF_ALL, NAMED
from tests.proofs.strangers.attack import Attack, Stranger
from tests.proofs.strangers.probe import Figures
from tests.proofs.strangers.site import LOGIN, Site

MIB: Final = 2**20
SPARE_DESCRIPTORS: Final = 12
"""What may be open afterwards beyond what was before: the probe's own, and a database's pool that
has grown.
"""
NOISE: Final = 0.5
"""Seconds that a machine with other work to do may take from the daemon, unseen."""
TRIES: Final = 3
MOST_LINES: Final = 100
REFUSALS: Final = "[sockcrud.refusals#"
"""Where lines are from that have a limit of their own, by the second."""
"""Lines of log that one attack may cause."""


@frozen
class Targets:
    """What is promised, in seconds and bytes."""

    delay: float = 0.050
    hashing_delay: float = 0.150
    newcomer: float = 3.0
    """For a new connection and its first answer: who comes while two thousand others do waits
    behind them.
    """
    login: float = 10.0
    memory: int = 20 * MIB
    settles: float = 60.0
    top: int = 640 * MIB
    """Beyond what was before: both budgets of the daemon, for what is unsent and for what is
    unfinished, and some room.
    """
    disk: int = 160 * MIB


STRICT: Final = Targets()
SLACK: Final = Targets(delay=1.0, hashing_delay=1.5, newcomer=5.0, login=60.0, settles=30.0)
"""For the ordinary tests, on any machine: its delays are only those that nothing but a fault
explains.
"""


@define
class Outcome:
    """What one stranger did to one daemon."""

    stranger: Stranger
    figures: Figures
    base: int
    peak: int
    after: int
    settled: float
    """Seconds until memory and descriptors were back, or until they were waited for no longer."""
    descriptors: int
    """Open beyond those that were before."""
    lines: list[str]
    """What was logged."""
    faults: list[str]
    seconds: float
    stored: int
    """Bytes on disk beyond those before."""
    broken: list[str] = field(factory=list)
    notes: list[str] = field(factory=list)

    def failures(self, targets: Targets) -> list[str]:
        """Return what was not as promised, in words."""
        return [
            *self.broken,
            *self._of_delays(targets),
            *self._of_service(),
            *self._of_resources(targets),
        ]

    def may_be_noise(self, targets: Targets) -> bool:
        """Return whether nothing is wrong but delays that a machine with other work to do may
        explain.
        """
        delays = list(self._of_delays(targets))
        longest = max(self.figures.worst, self.figures.newcomer_worst, self.figures.health_worst)
        return bool(delays) and len(delays) == len(self.failures(targets)) and longest < NOISE

    def _of_delays(self, targets: Targets) -> Iterator[str]:
        figures, who = self.figures, self.stranger
        delay = targets.hashing_delay if who.hashes else targets.delay
        if figures.worst > delay:
            yield f"another waited {figures.worst * 1000:,.0f} ms (target {delay * 1000:.0f})"
        if figures.newcomer_worst > targets.newcomer and not who.fills:
            yield f"a new client waited {figures.newcomer_worst:.1f} s"
        if figures.health_worst > targets.newcomer:
            yield f"admin's /health took {figures.health_worst:.1f} s"
        if figures.login_worst > targets.login:
            yield f"a login took {figures.login_worst:.1f} s"

    def _of_service(self) -> Iterator[str]:
        figures = self.figures
        if figures.cut_off:
            yield f"another's connection was cut off {figures.cut_off} x {figures.words}"
        if figures.turned_away and not self.stranger.fills:
            yield (
                f"{figures.turned_away} of {figures.newcomers} new clients turned away "
                f"{figures.words}"
            )
        if figures.unhealthy:
            yield (
                f"admin's /health failed {figures.unhealthy} of {figures.healths} x {figures.words}"
            )
        if figures.logins_refused:
            yield (
                f"{figures.logins_refused} of {figures.logins} correct logins refused "
                f"{figures.words}"
            )

    def _of_resources(self, targets: Targets) -> Iterator[str]:
        if self.after > self.base + targets.memory:
            yield (
                f"{(self.after - self.base) / MIB:,.0f} MiB more memory after {self.settled:.0f} s"
            )
        if self.peak > self.base + targets.top:
            yield f"{(self.peak - self.base) / MIB:,.0f} MiB more memory at the top"
        if self.stored > targets.disk:
            yield f"{self.stored / MIB:,.0f} MiB more on disk"
        if self.descriptors > SPARE_DESCRIPTORS:
            yield f"{self.descriptors} more descriptors after {self.settled:.0f} s"
        if self.faults:
            yield f"{len(self.faults)} faults in the log, such as {self.faults[0][-120:]!r}"
        others = [line for line in self.lines if REFUSALS not in line]
        if len(others) > MOST_LINES:
            yield f"{len(others):,} lines of log, such as {others[-1][-120:]!r}"
        if (refusals := len(self.lines) - len(others)) > (self.seconds + self.settled + 1) * (
            LINES_OF_ALL + NAMED
        ):
            yield f"{refusals:,} lines of log of what was refused"


def attacked(
    site: Site, stranger: Stranger, random: Random, is_short: bool, targets: Targets
) -> Outcome:
    """Let the stranger at the daemon, and tell what came of it."""
    seconds = min(stranger.seconds, 6.0) if is_short else stranger.seconds
    ports = site.daemon.ports
    if stranger.prepare is not None:
        with Attack(
            ports, random, is_short, 120.0, site.token, site.descriptors, LOGIN
        ) as preparing:
            stranger.prepare(preparing)
    base, descriptors, log, stored = (
        site.resident(),
        site.descriptors(),
        site.logged(),
        site.stored(),
    )
    site.forget_peak()
    attack = Attack(ports, random, is_short, seconds, site.token, site.descriptors, LOGIN)
    began = monotonic()
    site.probe.begin(stranger.logs_in)
    with attack:
        try:
            stranger.act(attack)
        except OSError as error:
            attack.note(f"ended by {error!r}")
    took = monotonic() - began
    settled = _settle(site, base + targets.memory, descriptors + SPARE_DESCRIPTORS, targets.settles)
    peak, after, open_after = site.peak(), site.resident(), site.descriptors() - descriptors
    figures = site.probe.end()
    if stranger.logs_in:
        attack.expect(figures.logins, "no login was tried")
    broken = attack.broken
    if not site.is_running:
        broken.append("the daemon has ended")
    elif served := site.is_served(stranger.tls):
        broken.append(served)
    lines, faults = site.log_since(log)
    return Outcome(
        stranger,
        figures,
        base,
        peak,
        after,
        settled,
        open_after,
        lines,
        faults,
        took,
        site.stored() - stored,
        broken,
        attack.notes,
    )


def _settle(site: Site, memory: int, descriptors: int, seconds: float) -> float:
    """Wait until memory and descriptors are back, and tell how long that took; for so long at
    most.
    """
    began = monotonic()
    while site.is_running and monotonic() - began < seconds:
        if site.resident() <= memory and site.descriptors() <= descriptors:
            break
        sleep(0.05)  # nothing tells of another process's memory: it is looked at again and again
    return monotonic() - began


@frozen
class Plan:
    """Against what, and how."""

    store: str = "memory"
    reactor: str | None = None
    is_short: bool = False
    seed: int = 1
    targets: Targets = STRICT


def outcomes(strangers: Iterable[Stranger], plan: Plan) -> Iterator[Outcome]:
    """Yield what comes of each, one after the other."""
    with ExitStack() as stack:
        sites = Sites(plan, stack)
        for stranger in strangers:
            yield tried(sites, stranger)


def tried(sites: Sites, stranger: Stranger) -> Outcome:
    """Let the stranger at a daemon; do so again where nothing fails but a delay that may be the
    machine's.

    What the daemon does, it does again: the best of the outcomes counts.
    """
    plan, outcomes = sites.plan, list[Outcome]()
    for _ in range(TRIES):
        with sites.of(stranger) as site:
            random = Random(f"{plan.seed} {stranger.name}")
            outcomes.append(attacked(site, stranger, random, plan.is_short, plan.targets))
        if not outcomes[-1].may_be_noise(plan.targets):
            break
    return min(outcomes, key=lambda one: (len(one.failures(plan.targets)), one.figures.worst))


class Sites:
    """The daemons that there are: one for each stranger; in the short form, one for all that need
    the same of it.
    """

    def __init__(self, plan: Plan, stack: ExitStack) -> None:
        self.plan = plan
        self._stack = stack
        self._shared: dict[tuple[object, ...], Site] = {}

    @contextmanager
    def of(self, stranger: Stranger) -> Iterator[Site]:
        """Yield a daemon for this one."""
        if not self.plan.is_short:
            with ExitStack() as stack:
                yield self._made(stranger, stack)
            return
        needs = (stranger.flags, stranger.descriptors, stranger.tls)
        if needs not in self._shared or not self._shared[needs].is_running:
            self._shared[needs] = self._made(stranger, self._stack)
        yield self._shared[needs]

    def _made(self, stranger: Stranger, stack: ExitStack) -> Site:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        needs = (stranger.flags, self.plan.reactor, stranger.descriptors, stranger.tls)
        return stack.enter_context(Site(directory, self.plan.store, *needs))
