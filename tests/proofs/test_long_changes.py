"""The long changes in short: each comes to its end, and nobody who reads or creates meanwhile is
refused or forgotten.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proofs.long_changes import MIB, Sizes, run

_SHORT = Sizes(users=2_000, addresses=2_000, sessions=2_000, import_bytes=MIB, quiet_seconds=0.2)


@pytest.mark.parametrize("store", ["memory", "sqlite"])
def test_the_long_changes_in_short(store: str, tmp_path: Path) -> None:
    measured = list(run(store, _SHORT, tmp_path))
    assert len(measured) == (7 if store == "memory" else 9)
    for each in measured:
        assert each.waits.reads, each.name
        assert each.waits.creates, each.name
        assert each.peak - each.before < 64 * MIB, each.name
