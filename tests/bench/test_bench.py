"""The benchmark, in its short form: what it counts, what it says of given figures, and that it
starts and ends its servers.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, cast
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner

from bench.__main__ import main
from bench.chart import as_svg
from bench.figures import (
    Contestant,
    RaceResult,
    Report,
    SingleResult,
    Skipped,
    Target,
    as_json,
    from_json,
    ratio,
)
from bench.load import Sample, Shape
from bench.others import worked_seconds
from bench.processes import Cores, Failed, Server, free_ports, on_core, two_cores
from bench.races import Contender, Lineup, Race
from bench.stage import Stage
from bench.table import as_text

SVG = "{http://www.w3.org/2000/svg}"


def sample(rate: float, p99_us: float = 1000.0) -> Sample:
    return Sample(rate, p99_us / 2, p99_us, p99_us * 2, p99_us * 3, int(rate), 0.4)


def contestant(name: str, *rates: float) -> Contestant:
    return Contestant(
        name,
        [sample(rate) for rate in rates],
        [0.98] * len(rates),
        [0.01] * len(rates),
        [10.0] * len(rates),
    )


@pytest.fixture
def report() -> Report:
    contestants = [
        contestant("sockcrud", 90, 100, 120),
        contestant("Redis", 100, 125, 140),
        contestant("<others>", 40, 50, 60),
    ]
    race = RaceResult(
        "get",
        "get & show",
        contestants,
        {"Redis": Target((0.85, 0.75)), "<others>": Target((1.5,))},
        ["a note"],
    )
    single = SingleResult(
        "start", "start to listening", "s", [0.7, 0.4, 0.5], Target((0.6,), at_most=True)
    )
    return Report(
        {"python": "3", "how": "5 rounds of 3 s; " + "and so on, " * 20},
        [race, single, Skipped("far", "a far row", "skipped: no such thing", failed=False)],
    )


# What is said of figures


def test_a_ratio_is_that_of_the_medians_beside_the_extremes_of_the_rounds() -> None:
    found = ratio([10, 20, 60], [10, 10, 20])
    assert (found.value, found.least, found.most) == (2.0, 1.0, 3.0)


def test_rounds_that_do_not_belong_together_are_not_compared() -> None:
    with pytest.raises(ValueError, match="zip"):
        ratio([1, 2], [1])


@pytest.mark.parametrize(
    ("value", "at_most", "met"), [(0.5, False, (False, True)), (0.55, False, (True, True))]
)
def test_a_target_is_met_from_its_limit_on(
    value: float, at_most: bool, met: tuple[bool, ...]
) -> None:
    assert Target((0.55, 0.45)).met(value) == met


def test_a_target_that_is_a_most_is_met_up_to_its_limit() -> None:
    assert [Target((20.0,), at_most=True).met(value) for value in (19.9, 20.0, 20.1)] == [
        (True,),
        (True,),
        (False,),
    ]


def cells(line: str) -> list[str]:
    return re.split(r" {2,}", line.strip())


def test_the_table_tells_rate_ratio_rounds_target_and_whether_it_is_met(report: Report) -> None:
    head, _, ours, redis, others, start, far, *rest = as_text(report).splitlines()
    assert cells(head) == [
        "row",
        "beside",
        "median/s",
        "p99 ms",
        "cpu us",
        "server",
        "load",
        "ratio",
        "rounds",
        "target",
        "met",
    ]
    assert cells(ours) == ["get & show", "sockcrud", "100", "1.00", "10.0", "98%", "40%"]
    assert cells(redis) == [
        "Redis",
        "125",
        "1.00",
        "10.0",
        "98%",
        "40%",
        "0.80 x",
        "0.80-0.90",
        ">= 0.85 and 0.75",
        "NO, yes",
    ]
    assert cells(others)[-4:] == ["2.00 x", "2.00-2.25", ">= 1.5", "yes"]
    assert cells(start) == ["start to listening", "0.5 s", "0.4-0.7", "<= 0.6", "yes"]
    assert cells(far) == ["a far row", "no figure: see below"]
    assert {"get: a note", "far: skipped: no such thing", "python: 3"} <= set(rest)


def test_what_was_measured_beside_others_is_marked_as_no_proof(report: Report) -> None:
    for result in report.results[:2]:
        cast(Any, result).disturbed = True
    said = as_text(report)
    assert [cells(line)[-1] for line in said.splitlines()[3:6]] == ["NO?, yes?", "yes?", "yes?"]
    assert from_json(as_json(report)) == report


def test_the_json_has_every_sample_and_gives_the_same_report_again(report: Report) -> None:
    written = json.loads(json.dumps(as_json(report)))
    assert [one["rate"] for one in written["results"][0]["contestants"][0]["samples"]] == [
        90,
        100,
        120,
    ]
    assert written["results"][0]["ratios"]["Redis"]["value"] == 0.8
    assert from_json(written) == report


def test_figures_from_before_the_processor_time_was_measured_are_shown_without_it(
    report: Report,
) -> None:
    written = as_json(report)
    for one in written["results"][0]["contestants"]:
        del one["costs_us"]
    assert cells(as_text(from_json(written)).splitlines()[2]) == [
        "get & show",
        "sockcrud",
        "100",
        "1.00",
        "98%",
        "40%",
    ]


def test_the_chart_has_a_bar_for_each_rate_in_proportion(report: Report) -> None:
    bars = ElementTree.fromstring(as_svg(report)).findall(f"{SVG}rect")
    longest = int(bars[1].attrib["width"])
    assert [round(int(bar.attrib["width"]) / longest, 2) for bar in bars] == [0.8, 1.0, 0.4]
    assert [bar.attrib["class"] for bar in bars] == ["ours", "theirs", "theirs"]


def test_the_chart_tells_names_as_they_are_and_marks_what_falls_short(report: Report) -> None:
    drawing = as_svg(report)
    texts = {
        text.text: text.attrib.get("class")
        for text in ElementTree.fromstring(drawing).findall(f"{SVG}text")
    }
    assert {"get & show", "<others>", "start to listening"} <= set(texts)
    assert "5 rounds of 3 s" in drawing
    assert texts["0.80 x (target >= 0.85 and 0.75)"] == "bad"
    assert texts["2.00 x (target >= 1.5)"] is None
    assert "prefers-color-scheme: dark" in drawing


def test_a_chart_stays_within_its_frame(report: Report) -> None:
    drawing = ElementTree.fromstring(as_svg(report))
    _, _, width, height = (int(part) for part in drawing.attrib["viewBox"].split())
    for text in drawing.findall(f"{SVG}text"):
        at, long = (
            int(text.attrib["x"]),
            len(text.text or "") * 7,
        )  # a letter of 13 pixels is about 7 wide
        assert (at - long >= 0) if text.attrib.get("class") == "name" else (at + long <= width), (
            text.text
        )
        assert 0 < int(text.attrib["y"]) < height


# The command


def test_figures_of_an_earlier_run_are_shown_and_drawn_again(
    report: Report, tmp_path: Path
) -> None:
    (tmp_path / "figures.json").write_text(json.dumps(as_json(report)))
    ran = CliRunner().invoke(
        main, ["--from", str(tmp_path / "figures.json"), "--svg", str(tmp_path / "chart.svg")]
    )
    assert ran.exit_code == 0
    assert ran.output == as_text(report)
    assert (tmp_path / "chart.svg").read_text() == as_svg(report)


def test_a_row_that_failed_makes_the_command_fail(report: Report, tmp_path: Path) -> None:
    report.results.append(Skipped("broken", "a broken row", "FAILED: it broke", failed=True))
    (tmp_path / "figures.json").write_text(json.dumps(as_json(report)))
    ran = CliRunner().invoke(main, ["--from", str(tmp_path / "figures.json")])
    assert ran.exit_code == 1
    assert "broken: FAILED: it broke" in ran.output


def test_a_row_that_does_not_exist_is_refused_with_those_that_do() -> None:
    ran = CliRunner().invoke(main, ["--rows", "get-user,nonsense"])
    assert ran.exit_code == 2
    said = " ".join(re.sub("[│\n]", " ", ran.output).split())
    assert "there is no row 'nonsense'" in said
    assert "fetch-client" in said


# Servers


def python_server(tmp_path: Path, text: str) -> Server:
    (port,) = free_ports(1)
    return Server(
        "a server", [sys.executable, "-c", text, str(port)], port, tmp_path / "server", _a_core()
    )


def _a_core() -> int:
    return min(os.sched_getaffinity(0))


def test_a_server_runs_on_its_core_until_it_is_stopped(tmp_path: Path) -> None:
    serve = (
        "import socket, sys; s = socket.create_server(('127.0.0.1', "
        "int(sys.argv[1])))\nwhile True: s.accept()"
    )
    with python_server(tmp_path, serve) as server:
        server.wait()
        status = Path(f"/proc/{server.process.pid}/status").read_text()
        assert re.search(rf"^Cpus_allowed_list:\t{_a_core()}$", status, re.MULTILINE)
        assert server.resident_bytes() > 0
        assert server.processor_seconds() >= 0
    assert server.process.returncode is not None


def test_a_server_that_ends_at_once_is_told_with_what_it_said(tmp_path: Path) -> None:
    with (
        python_server(tmp_path, "print('no such option'); raise SystemExit(3)") as server,
        pytest.raises(Failed, match="status 3\nno such option"),
    ):
        server.wait()


def test_a_server_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(Failed, match="nobody cannot be started"):
        Server("nobody", ["/no/such/program"], 1, tmp_path, _a_core())


def test_ports_are_free_and_none_that_an_outgoing_connection_may_take() -> None:
    ports = free_ports(20)
    assert len(set(ports)) == 20
    with ExitStack() as stack:
        for port in ports:
            stack.enter_context(socket.create_server(("127.0.0.1", port)))
        assert not set(ports) & set(free_ports(20))
    low, high = (
        int(port) for port in Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    )
    assert not [port for port in ports if low <= port < high]


def test_what_a_server_starts_in_turn_is_on_its_core_too() -> None:
    before = os.sched_getaffinity(0)
    with on_core(_a_core()):
        inner = subprocess.run(
            [sys.executable, "-c", "import os; print(os.sched_getaffinity(0))"],
            capture_output=True,
            text=True,
        )
    assert inner.stdout.strip() == str({_a_core()})
    assert os.sched_getaffinity(0) == before


def test_with_one_core_there_is_no_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    with pytest.raises(Failed, match="needs two cores"):
        two_cores()


def test_work_of_others_on_a_core_is_seen() -> None:
    before, used = worked_seconds(_a_core()), time.process_time()
    with on_core(_a_core()):
        while time.process_time() < used + 0.2:
            pass
    assert worked_seconds(_a_core()) - before > 0.1


# Races


class CountedLoad:
    """Stands for the load: gives rates one after the other, and tells who was loaded."""

    def __init__(self, rates: Iterator[float]) -> None:
        self._rates = rates
        self.ports: list[int] = []

    def run(self, port: int, shape: Shape, seconds: float) -> Sample:
        self.ports.append(port)
        return sample(next(self._rates))


class QuietServer:
    """Stands for a server."""

    def processor_seconds(self) -> float:
        return 0.0

    def check(self) -> None:
        pass


def race_of(*names: str) -> Race:
    server = cast(Server, QuietServer())
    contenders = [Contender(name, server, port, Shape(b"", "")) for port, name in enumerate(names)]
    return Race(
        "row",
        "title",
        lambda stage: Lineup(contenders),
        {names[1]: Target((1.0,)), "absent": Target((1.0,))},
    )


def test_servers_take_turns_in_each_round_and_the_other_way_round_in_the_next(
    tmp_path: Path,
) -> None:
    load = CountedLoad(iter([10.0, 20.0, 40.0, 30.0, 50.0, 60.0]))
    stage = Stage(tmp_path, Cores(_a_core(), _a_core()), cast(Any, load), cast(Any, None))
    said: list[str] = []
    result = race_of("one", "other").run(stage, 3, 1.0, said.append)
    assert load.ports == [0, 1, 1, 0, 0, 1]
    assert [[one.rate for one in contestant.samples] for contestant in result.contestants] == [
        [10, 30, 50],
        [20, 40, 60],
    ]
    assert list(result.targets) == ["other"]
    assert len(said) == 3


def test_a_failure_under_load_names_the_server(tmp_path: Path) -> None:
    class Broken(CountedLoad):
        def run(self, port: int, shape: Shape, seconds: float) -> Sample:
            raise Failed("of 10 answers 3 were errors")

    stage = Stage(
        tmp_path, Cores(_a_core(), _a_core()), cast(Any, Broken(iter([]))), cast(Any, None)
    )
    with pytest.raises(Failed, match="one: of 10 answers 3 were errors"):
        race_of("one", "other").run(stage, 1, 1.0, lambda line: None)
