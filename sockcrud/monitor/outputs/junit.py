"""A round as JUnit XML, for what collects the results of tests: a suite for each dialect, a case
for each step.
"""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from xml.etree import ElementTree

from sockcrud.monitor.checks.results import Outcome, Result, StepTaken
from sockcrud.monitor.outputs.snapshot import iso
from sockcrud.monitor.rounds import Round

_OUTCOMES = {Outcome.FAILED: "failure", Outcome.SKIPPED: "skipped", Outcome.NOT_REACHED: "skipped"}


def xml(round_: Round) -> bytes:
    """Return the document. A step that failed is a failure, or an error where the fault is the
    monitor's own.
    """
    root = ElementTree.Element("testsuites", name="sockcrud monitor", time=f"{round_.seconds:.3f}")
    suites = [_suite(result) for result in round_.results]
    for name in ("tests", "failures", "errors", "skipped"):
        root.set(name, str(sum(int(suite.get(name, "0")) for suite in suites)))
    root.extend(suites)
    ElementTree.indent(root)
    document: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _suite(result: Result) -> ElementTree.Element:
    own = result.state.value == "unknown"
    stamp = iso(result.at).partition("+")[0].partition(".")[0]
    suite = ElementTree.Element(
        "testsuite", name=result.dialect, timestamp=stamp, hostname="localhost"
    )
    cases = [_case(result.dialect, taken, own) for taken in result.steps]
    if own and not any(case.find("error") is not None for case in cases):
        cases.append(
            _case(
                result.dialect,
                StepTaken("the check", Outcome.FAILED, result.seconds, result.reason),
                own,
            )
        )
    counts = {
        "tests": len(cases),
        **{name + "s" * (name != "skipped"): _count(cases, name) for name in _KINDS},
    }
    for name, count in counts.items():
        suite.set(name, str(count))
    suite.set("time", f"{result.seconds:.3f}")
    ElementTree.SubElement(suite, "properties").append(
        ElementTree.Element("property", name="state", value=result.state.value)
    )
    suite.extend(cases)
    ElementTree.SubElement(suite, "system-out").text = result.reason
    ElementTree.SubElement(suite, "system-err").text = result.left
    return suite


_KINDS = ("failure", "error", "skipped")


def _count(cases: list[ElementTree.Element], kind: str) -> int:
    return sum(case.find(kind) is not None for case in cases)


def _case(dialect: str, taken: StepTaken, own: bool) -> ElementTree.Element:
    case = ElementTree.Element(
        "testcase",
        name=taken.name,
        classname=f"sockcrud.monitor.{dialect}",
        time=f"{taken.seconds:.3f}",
    )
    kind = _OUTCOMES.get(taken.outcome)
    if kind == "failure" and own:
        kind = "error"
    if kind is not None:
        what = ElementTree.SubElement(case, kind, message=taken.reason or taken.outcome.value)
        if kind != "skipped":
            what.set("type", taken.outcome.value)
            what.text = taken.reason
    elif taken.reason:
        ElementTree.SubElement(case, "system-out").text = f"{taken.outcome.value}: {taken.reason}"
    return case


def write(path: Path, document: bytes) -> None:
    """Put the document in the place of the file in one step: who reads it finds the old one or the
    new one, whole.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.absolute().parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(document)
            os.fchmod(file.fileno(), 0o644)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
