"""What the monitor knows at a moment, as JSON has it: for the status page, for `--json`, and for
the table.
"""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any, Final

import sockcrud
from sockcrud.monitor.checks.results import Outcome, Result, State, StepTaken
from sockcrud.monitor.memory import DAY, WEEK, Incident, sparkline
from sockcrud.monitor.rounds import Monitor, Round, Watched

COLUMNS: Final = 30
"""Of the sparkline of an hour."""


def iso(at: float) -> str:
    """Write a moment as ISO 8601, in UTC."""
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds")


def local(at: float, now: float) -> str:
    """Write a moment as people on the same machine read it: of today the time alone."""
    moment, today = (
        datetime.fromtimestamp(at).astimezone(),
        datetime.fromtimestamp(now).astimezone(),
    )
    return moment.strftime("%H:%M" if moment.date() == today.date() else "%d %b %H:%M")


def snapshot(monitor: Monitor) -> dict[str, Any]:
    """Return all that may be shown of a monitor."""
    now = monitor.now()
    return {
        "at": iso(now),
        "state": overall(monitor).value,
        "version": sockcrud.__version__,
        "every": monitor.every,
        "rounds": monitor.number,
        "fault": monitor.fault,
        "dialects": {each.name: _dialect(each, now) for each in monitor.watched},
    }


def overall(monitor: Monitor) -> State:
    """Return the worst state of all dialects; unknown where none is known."""
    states = [
        each.standing.state for each in monitor.watched if each.standing.state is not State.UNKNOWN
    ]
    return max(states, key=lambda state: state.badness, default=State.UNKNOWN)


def _dialect(watched: Watched, now: float) -> dict[str, Any]:
    last, standing = watched.last, watched.standing
    certificate = watched.certificate.days_left if watched.certificate is not None else None
    return {
        "address": watched.address,
        "state": standing.state.value,
        "since": iso(standing.since) if standing.since else None,
        "uptime_24h": watched.memory.uptime(now, DAY),
        "uptime_7d": watched.memory.uptime(now, WEEK),
        "last_hour": sparkline(watched.memory.last_hour(now, COLUMNS)),
        "known_seconds": watched.memory.known(now, WEEK),
        "incidents": [_incident(each) for each in reversed(watched.memory.incidents)],
        "certificate_days": None if certificate is None else round(certificate, 2),
        "last": None if last is None else of_result(last),
    }


def _incident(incident: Incident) -> dict[str, Any]:
    return {
        "start": iso(incident.start),
        "end": iso(incident.end) if incident.is_over else None,
        "state": incident.state.value,
        "step": incident.step,
        "reason": incident.reason,
    }


def of_result(result: Result) -> dict[str, Any]:
    """Show a result."""
    return {
        "at": iso(result.at),
        "state": result.state.value,
        "seconds": round(result.seconds, 4),
        "step": result.step,
        "reason": result.reason,
        "left": result.left,
        "steps": [_step(taken) for taken in result.steps],
    }


def _step(taken: StepTaken) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": taken.name, "outcome": taken.outcome.value}
    if taken.outcome is not Outcome.NOT_REACHED:
        shown["seconds"] = round(taken.seconds, 4)
    return {**shown, "reason": taken.reason} if taken.reason else shown


def of_round(round_: Round) -> dict[str, Any]:
    """Show a round."""
    return {
        "round": round_.number,
        "at": iso(round_.at),
        "seconds": round(round_.seconds, 4),
        "state": round_.state.value,
        "status": round_.status,
        "fault": round_.fault,
        "passed_over": list(round_.passed_over),
        "dialects": {result.dialect: of_result(result) for result in round_.results},
    }
