"""The table of what strangers did."""

from __future__ import annotations

from typing import Final

from tests.proofs.strangers.rounds import MIB, Outcome, Targets

HEAD: Final = (
    f"{'stranger':<20} {'worst':>8} {'p99':>7} {'stolen':>7} {'new':>8} {'health':>8} {'login':>7} "
    f"{'base':>6} {'top':>6} {'after':>6} {'in s':>5} {'disk':>5} {'fds':>5} {'log':>6} "
    f"{'took':>6}\n"
    f"{'':<20} {'ms':>8} {'ms':>7} {'ms':>7} {'ms':>8} {'ms':>8} {'ms':>7} {'MiB':>6} {'MiB':>6} "
    f"{'MiB':>6} "
    f"{'':>5} {'MiB':>5} {'':>5} {'lines':>6} {'s':>6}"
)


def row(outcome: Outcome, targets: Targets) -> str:
    """Return the figures of one, its verdict, and below them what was not as promised."""
    f, failures = outcome.figures, outcome.failures(targets)
    login = f"{f.login_worst * 1000:,.0f}" if f.logins else ""
    figures = (
        f"{outcome.stranger.name:<20} {f.worst * 1000:>8,.1f} {f.p99 * 1000:>7,.1f} "
        f"{f.stolen * 1000:>7,.1f} "
        f"{f.newcomer_worst * 1000:>8,.0f} {f.health_worst * 1000:>8,.0f} {login:>7} "
        f"{outcome.base / MIB:>6,.0f} {outcome.peak / MIB:>6,.0f} {outcome.after / MIB:>6,.0f} "
        f"{outcome.settled:>5.1f} "
        f"{outcome.stored / MIB:>5,.0f} {outcome.descriptors:>5} {len(outcome.lines):>6,} "
        f"{outcome.seconds:>6.1f}  "
        f"{'FAIL' if failures else 'PASS'}"
    )
    notes = [f"    ({note})" for note in outcome.notes]
    return "\n".join([figures, *(f"    - {failure}" for failure in failures), *notes])


def summary(attacks: int, failed: int, seconds: float) -> str:
    """Return the last line."""
    return f"\n{attacks} attacks in {seconds:,.0f} s: {attacks - failed} PASS, {failed} FAIL"
