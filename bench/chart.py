"""The report as a chart: a bar for each rate, and the ratio beside it. An SVG of its own, readable
on light and on dark.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from typing import Final
from xml.sax.saxutils import escape

from bench.figures import RaceResult, Report, SingleResult
from bench.table import verdict

WIDTH: Final = 900
MARGIN: Final = 16
NAMES: Final = 260
BAR: Final = 300
BAR_HEIGHT: Final = 16
STEP: Final = 22
FIGURES: Final = MARGIN + NAMES + BAR + 12
RATIOS: Final = FIGURES + 76
HEADING: Final = 30
LINE: Final = 120
"""Letters that fit into a line of the whole width."""
TOLD: Final = ("when", "machine", "how")

_STYLE: Final = """
  text { font: 13px system-ui, sans-serif; fill: #1f2328; }
  .title { font-weight: 600; }
  .name { text-anchor: end; }
  .quiet { fill: #59636e; }
  .ours { fill: #2f6fdf; }
  .theirs { fill: #8c959f; }
  .bad { fill: #c0392b; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .quiet { fill: #9198a1; }
    .ours { fill: #6ea8ff; }
    .theirs { fill: #6e7681; }
    .bad { fill: #ff7b72; }
  }
"""


def as_svg(report: Report) -> str:
    """Return the chart of all rows with peers, and below them the single figures."""
    parts: list[str] = []
    top = MARGIN
    for race in _charted(report):
        parts.extend(_race(race, top))
        top += HEADING + STEP * len(race.contestants) + MARGIN
    singles = [result for result in report.results if isinstance(result, SingleResult)]
    parts.extend(_singles(singles, top))
    top += STEP * len(singles) + MARGIN
    told = textwrap.wrap(
        "; ".join(str(report.about[name]) for name in TOLD if name in report.about), LINE
    )
    parts.extend(
        _text(MARGIN, top + STEP * number, line, "quiet") for number, line in enumerate(told)
    )
    top += STEP * len(told)
    label = "Requests a second of sockcrud and its peers"
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {top}" role="img" '
        f'aria-label="{label}">'
    )
    return "\n".join([head, f"<style>{_STYLE}</style>", *parts, "</svg>"]) + "\n"


def _charted(report: Report) -> list[RaceResult]:
    return [
        result for result in report.results if isinstance(result, RaceResult) and result.comparable
    ]


def _race(race: RaceResult, top: int) -> Iterator[str]:
    yield _text(MARGIN, top + 14, race.title, "title")
    yield _text(FIGURES, top + 14, "requests/s", "quiet")
    yield _text(RATIOS, top + 14, "sockcrud has", "quiet")
    fastest = max(one.rate for one in race.contestants)
    for number, one in enumerate(race.contestants):
        y = top + HEADING + STEP * number
        width = max(1, round(BAR * one.rate / fastest))
        yield _text(MARGIN + NAMES - 8, y + 13, one.name, "name")
        kind = "theirs" if number else "ours"
        yield (
            f'<rect x="{MARGIN + NAMES}" y="{y}" width="{width}" height="{BAR_HEIGHT}" rx="2" '
            f'class="{kind}"/>'
        )
        yield _text(FIGURES, y + 13, f"{one.rate:,.0f}")
        if number:
            ratio = race.against(one).value
            met = verdict(race.targets.get(one.name), ratio)
            aimed = f" (target {met.target})" if met.target else ""
            yield _text(RATIOS, y + 13, f"{ratio:.2f} x{aimed}", "bad" if "NO" in met.met else "")


def _singles(singles: Sequence[SingleResult], top: int) -> Iterator[str]:
    for number, single in enumerate(singles):
        told = verdict(single.target, single.value)
        y = top + STEP * number + 13
        yield _text(MARGIN, y, single.title)
        figure = f"{single.value:.3g} {single.unit} (target {told.target})"
        yield _text(FIGURES, y, figure, "bad" if "NO" in told.met else "")


def _text(x: int, y: int, text: str, kind: str = "") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x}" y="{y}"{named}>{escape(text)}</text>'
