"""What docs/trust.md names is there."""

from __future__ import annotations

import re
from importlib.util import find_spec

from tests import ROOT
from tests.docs.test_readme import README
from tests.proofs.stranger import KINDS
from tests.proofs.strangers.attack import STRANGERS

TRUST = (ROOT / "docs" / "trust.md").read_text(encoding="utf-8")


def test_every_test_that_is_named_is_there() -> None:
    files = set(re.findall(r"`(tests/[\w/]+\.py)`", TRUST))
    assert len(files) > 15
    assert [name for name in sorted(files) if not (ROOT / name).is_file()] == []


def test_every_stranger_that_is_named_is_there() -> None:
    assert KINDS
    named = {
        name
        for names in re.findall(r"`tests/proofs/test_stranger\.py` \(([^)]*)\)", TRUST)
        for name in re.findall("`(.*?)`", names)
    }
    assert named
    assert named - set(STRANGERS) == set()


def test_every_command_that_is_named_is_there() -> None:
    modules = set(re.findall(r"`python -m ([\w.]+)", TRUST + README.read_text(encoding="utf-8")))
    assert "tests.proofs.stranger" in modules
    assert [name for name in sorted(modules) if find_spec(name) is None] == []
