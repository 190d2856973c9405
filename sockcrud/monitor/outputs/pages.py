"""The pages of the status port: HTML for people, which needs no script, and figures for
Prometheus.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from html import escape
from typing import Any, Final

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import generate_latest
from prometheus_client.registry import Collector

from sockcrud.monitor.checks.results import State
from sockcrud.monitor.memory import DAY, HOUR, WEEK
from sockcrud.monitor.outputs.snapshot import local, snapshot
from sockcrud.monitor.rounds import Monitor

MOST_INCIDENTS: Final = 20
"""Incidents that the page shows."""
_NEARLY: Final = 0.95
"""The part of a span that is as good as all of it: its first hour may have begun before."""

_STYLE: Final = """
:root { color-scheme: light dark; --line: #d0d7de;
  --up: #1a7f37; --degraded: #9a6700; --down: #cf222e; --unknown: #6e7781; }
@media (prefers-color-scheme: dark) {
  :root { --line: #30363d;
    --up: #3fb950; --degraded: #d29922; --down: #f85149; --unknown: #8b949e; }
}
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; margin: 0; }
p { margin: .5rem 0 1rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; }
th, td { border-bottom: 1px solid var(--line); padding: .4rem .75rem .4rem 0;
  text-align: left; vertical-align: top; }
td.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
th.n { text-align: right; }
.bars { font-family: ui-monospace, monospace; white-space: pre; letter-spacing: -1px; }
.up { color: var(--up); } .degraded { color: var(--degraded); } .down { color: var(--down); }
.unknown { color: var(--unknown); }
b { font-weight: 600; }
.why { overflow-wrap: anywhere; }
small { color: var(--unknown); }
summary { cursor: pointer; }
h2 { font-size: 1.1rem; margin: 1.5rem 0 .25rem; }
@media (max-width: 44rem) {
  body { margin: 1rem auto; }
  thead { display: none; }
  table, tbody, tr, th, td { display: block; }
  tr { border-bottom: 1px solid var(--line); padding: .5rem 0; }
  th, td { border: 0; padding: .1rem 0; }
  td.n, td.bars { text-align: left; }
  td[data-is]::before { color: var(--unknown); content: attr(data-is) ": "; }
}
ol { margin: .25rem 0; padding-left: 1.5rem; }
"""

_WORDS: Final = {
    "up": "All services are up",
    "degraded": "Some services are degraded",
    "down": "Some services are down",
    "unknown": "Nothing is known yet",
}


def html(monitor: Monitor) -> bytes:
    """Return the status page. It loads itself anew after each period, with no script."""
    shown = snapshot(monitor)
    state, now = shown["state"], monitor.now()
    rows = "\n".join(_row(name, dialect, now) for name, dialect in shown["dialects"].items())
    zone = datetime.fromtimestamp(now).astimezone().strftime("%Z")
    fault = (
        f'<p class="down">The monitor itself: {escape(shown["fault"])}</p>'
        if shown["fault"]
        else ""
    )
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="refresh" content="{max(5, round(shown["every"]))}">
<title>{escape(state)} - sockcrud</title>
<style>{_STYLE}</style>
</head>
<body>
<main>
<h1 class="{escape(state)}">{escape(_WORDS[state])}</h1>
<p><small>as of {_time(shown["at"], now)} ({escape(zone)}), a round each {shown["every"]:g} s,
{shown["rounds"]} so far; also as <a href="/status.json">JSON</a>
and <a href="/metrics">figures</a></small></p>
{fault}
<div class="scroll">
<table>
<thead><tr><th scope="col">Service</th><th scope="col">State</th>
<th scope="col">Last check</th><th scope="col" class="n">Latency</th>
<th scope="col">Last hour</th><th scope="col" class="n">24 h</th>
<th scope="col" class="n">7 d</th></tr></thead>
<tbody>
{rows}
</tbody>
</table>
</div>
{_incidents(shown["dialects"], now)}
</main>
</body>
</html>
""".encode()


def _row(name: str, dialect: dict[str, Any], now: float) -> str:
    state, last, known = dialect["state"], dialect["last"], dialect["known_seconds"]
    since = f" <small>since {_time(dialect['since'], now)}</small>" if dialect["since"] else ""
    latency = f"{last['seconds'] * 1000:,.0f} ms" if last else ""
    bars = escape(dialect["last_hour"])
    return f"""<tr><th scope="row">{escape(name)}<br>
<small>{escape(dialect["address"])}</small></th>
<td><b class="{escape(state)}">{escape(state)}</b>{since}</td>
<td class="why">{_last(last, now)}{_certificate(dialect["certificate_days"])}</td>
<td class="n" data-is="latency">{latency}</td>
<td class="bars" role="img" aria-label="latencies of the last hour">{bars}</td>
<td class="n" data-is="24 h">{uptime(dialect["uptime_24h"], known, DAY)}</td>
<td class="n" data-is="7 d">{uptime(dialect["uptime_7d"], known, WEEK)}</td></tr>"""


def _last(last: dict[str, Any] | None, now: float) -> str:
    if last is None:
        return "<small>none yet</small>"
    words = f'<b class="{escape(last["state"])}">{escape(last["state"])}</b>'
    if last["step"]:
        words += f": {escape(last['reason'])} <small>(at {escape(last['step'])})</small>"
    if last["left"]:
        words += f"<br>may have left records behind: {escape(last['left'])}"
    steps = "".join(
        f"<li>{escape(step['name'])}: {escape(step['outcome'])}"
        + (f", {step['seconds'] * 1000:,.0f} ms" if "seconds" in step else "")
        + (f" <small>{escape(step['reason'])}</small>" if step.get("reason") else "")
        + "</li>"
        for step in last["steps"]
    )
    return (
        f"{words}<details><summary>{len(last['steps'])} steps, "
        f"{_time(last['at'], now)}</summary><ol>{steps}</ol></details>"
    )


def _incidents(dialects: dict[str, Any], now: float) -> str:
    """Return the latest incidents of all dialects, the last first."""
    found = [
        (incident["start"], name, incident)
        for name, dialect in dialects.items()
        for incident in dialect["incidents"]
    ]
    found.sort(key=lambda each: each[0], reverse=True)
    rows = "".join(
        f"<li>{_time(start, now)} to "
        + (_time(each["end"], now) if each["end"] else "now")
        + f': {escape(name)} <b class="{escape(each["state"])}">{escape(each["state"])}</b>, '
        f'<span class="why">{escape(each["reason"])}</span>'
        f" <small>(at {escape(each['step'])})</small></li>"
        for start, name, each in found[:MOST_INCIDENTS]
    )
    return f"<h2>Incidents</h2>\n<ul>{rows}</ul>" if rows else ""


def _time(iso: str, now: float) -> str:
    """Return a moment as people here read it, with the whole of it for programs."""
    at = datetime.fromisoformat(iso).timestamp()
    return f'<time datetime="{escape(iso)}">{local(at, now)}</time>'


def _certificate(days: float | None) -> str:
    return "" if days is None else f"<br><small>certificate: {days:.1f} days left</small>"


def percent(part: float | None) -> str:
    """Write a part of one; never 100 % where anything is missing."""
    if part is None:
        return "–"
    return "100 %" if part == 1 else f"{min(part * 100, 99.99):.2f} %"


def uptime(part: float | None, known: float, span: float) -> str:
    """Write how often it was not down in a span: of a shorter time, where no more is known, and
    once.
    """
    if known >= span * _NEARLY:
        return percent(part)
    if part is None or (span > DAY and known < DAY * _NEARLY):
        return percent(None)
    if known >= 2 * HOUR:
        return f"{percent(part)} ({known / HOUR:.0f} h)"
    return f"{percent(part)} ({max(1, known / 60):.0f} min)"


class Figures(Collector):
    """The figures of a monitor, for prometheus_client."""

    def __init__(self, monitor: Monitor) -> None:
        self._monitor = monitor
        self._registry = CollectorRegistry()
        self._registry.register(self)

    def text(self) -> bytes:
        """Return all figures as Prometheus reads them."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield all figures."""
        shown = snapshot(self._monitor)
        states = GaugeMetricFamily(
            "sockcrud_monitor_state",
            "1 for the state the dialect has, 0 for the others.",
            labels=["dialect", "state"],
        )
        seconds = GaugeMetricFamily(
            "sockcrud_monitor_seconds", "How long the latest check took.", labels=["dialect"]
        )
        at = GaugeMetricFamily(
            "sockcrud_monitor_checked_at",
            "When it began, in seconds since 1970.",
            labels=["dialect"],
        )
        failing = GaugeMetricFamily(
            "sockcrud_monitor_failing_step",
            "1 for the step that decided, where it is not up.",
            labels=["dialect", "step"],
        )
        uptime = GaugeMetricFamily(
            "sockcrud_monitor_uptime_ratio",
            "How often it was not down.",
            labels=["dialect", "span"],
        )
        days = GaugeMetricFamily(
            "sockcrud_monitor_certificate_days",
            "Days its certificate is valid.",
            labels=["dialect"],
        )
        for watched in self._monitor.watched:
            name, dialect = watched.name, shown["dialects"][watched.name]
            for state in State:
                states.add_metric([name, state.value], float(watched.standing.state is state))
            if watched.last is not None:
                seconds.add_metric([name], watched.last.seconds)
                at.add_metric([name], watched.last.at)
                if watched.last.step:
                    failing.add_metric([name, watched.last.step], 1)
            for span in ("24h", "7d"):
                if dialect[f"uptime_{span}"] is not None:
                    uptime.add_metric([name, span], dialect[f"uptime_{span}"])
            if dialect["certificate_days"] is not None:
                days.add_metric([name], dialect["certificate_days"])
        yield from (states, seconds, at, failing, uptime, days)
        yield CounterMetricFamily(
            "sockcrud_monitor_rounds", "Rounds that were begun.", value=self._monitor.number
        )
        fault = GaugeMetricFamily(
            "sockcrud_monitor_fault", "1 where something is wrong with the monitor itself."
        )
        fault.add_metric([], float(bool(shown["fault"])))
        yield fault
