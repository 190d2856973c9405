"""The table on a terminal: what is known of each dialect, as it becomes known."""

from __future__ import annotations

from typing import Any, Final

from attrs import define, field
from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from sockcrud.monitor.checks.results import State
from sockcrud.monitor.memory import DAY, WEEK, sparkline
from sockcrud.monitor.outputs.lines import Writer
from sockcrud.monitor.outputs.pages import uptime
from sockcrud.monitor.outputs.snapshot import local
from sockcrud.monitor.rounds import Monitor, Round, Watched
from sockcrud.monitor.thresholds import Change

_STYLES: Final = {
    State.UP: "green",
    State.DEGRADED: "yellow",
    State.DOWN: "bold red",
    State.UNKNOWN: "dim",
}
_WIDE: Final = 120
"""From so many columns on the sparkline has its full length."""


def table(monitor: Monitor, width: int, whole: bool = False) -> RenderableType:
    """Return all that is shown: a line for each dialect, or as many as its reason needs."""
    now = monitor.now()
    columns = 30 if width >= _WIDE else 12
    shown = Table(expand=True, pad_edge=False, box=None, header_style="bold")
    shown.add_column("service", no_wrap=True)
    shown.add_column("state", no_wrap=True)
    shown.add_column(
        "last check", ratio=1, no_wrap=not whole, overflow="fold" if whole else "ellipsis"
    )
    shown.add_column("latency", justify="right", no_wrap=True)
    shown.add_column("last hour", no_wrap=True)
    shown.add_column("24 h", justify="right", no_wrap=True)
    shown.add_column("7 d", justify="right", no_wrap=True)
    for each in monitor.watched:
        shown.add_row(*_row(each, now, columns))
    foot = f"{local(now, now)}   round {monitor.number}, one each {monitor.every:g} s"
    lines: list[RenderableType] = [shown, Text(foot, style="dim")]
    if monitor.fault:
        lines.append(Text(f"the monitor itself: {monitor.fault}", style="bold red"))
    return Group(*lines)


def _row(watched: Watched, now: float, columns: int) -> list[RenderableType]:
    state, last = watched.standing.state, watched.last
    known = watched.memory.known(now, WEEK)
    words = Text("none yet" if last is None else "", style="dim" if last is None else "")
    if last is not None:
        words.append(last.state.value, _STYLES[last.state])
        if last.step:
            words.append(f": {last.reason} (at {last.step})")  # the cause first: the end is cut off
        elif last.skipped:
            words.append(f", {len(last.skipped)} steps skipped", "dim")
        if last.left:
            words.append(f"; may have left records behind: {last.left}", "yellow")
    return [
        Text(watched.name),
        Text(state.value, _STYLES[state]),
        words,
        Text("" if last is None else f"{last.seconds * 1000:,.0f} ms"),
        Text(sparkline(watched.memory.last_hour(now, columns))),
        Text(uptime(watched.memory.uptime(now, DAY), known, DAY)),
        Text(uptime(watched.memory.uptime(now, WEEK), known, WEEK)),
    ]


@define(eq=False)
class LiveTable:
    """Keeps the table on a terminal. It is drawn in a thread: a terminal may be stopped."""

    writer: Writer
    console: Console
    monitor: Monitor | None = None
    _live: Live | None = field(init=False, default=None)
    _drawing: bool = field(init=False, default=False)

    def hear_result(self, watched: Watched, change: Change | None) -> None:
        """Draw it anew."""
        self.draw()

    def hear_round(self, round: Round) -> None:
        """Draw it anew."""
        self.draw()

    def draw(self) -> None:
        """Draw it, unless it is being drawn."""
        if self.monitor is None or self._drawing:
            return
        shown = table(self.monitor, self.console.width)
        self._drawing = True
        self._drawing = self.writer.write(lambda: self._draw(shown), "the table")

    def say(self, line: str) -> None:
        """Write a line above the table."""
        self.writer.write(
            lambda: self.console.print(Text(line.rstrip("\n")), soft_wrap=True), "the log"
        )

    def stop(self) -> None:
        """Leave the last table where it is."""

        def stop() -> Any:
            if self._live is not None:
                self._live.stop()

        self.writer.write(stop, "the table")

    def _draw(self, shown: RenderableType) -> None:
        try:
            if self._live is None:
                self._live = Live(
                    shown,
                    console=self.console,
                    auto_refresh=False,
                    redirect_stdout=False,
                    redirect_stderr=False,
                )
                self._live.start(refresh=True)
            else:
                self._live.update(shown, refresh=True)
        finally:
            self._drawing = False
