"""Nothing acknowledged is lost with the power. The long form is `python -m
tests.proofs.durability.power_loss`.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.proofs.durability.crash import STORE
from tests.proofs.durability.kill_points import why_not
from tests.proofs.durability.power_loss import run

REASON = why_not()
pytestmark = pytest.mark.skipif(bool(REASON), reason=REASON)


def test_what_is_acknowledged_is_in_every_state_that_a_loss_of_power_can_leave(
    tmp_path: Path,
) -> None:
    recording, states, missing = run("FULL", 30, 1, tmp_path)
    assert len(recording.acknowledged) == 59
    last = recording.acknowledged[-1][0]
    assert any(
        one.file == STORE and one.call == "pwrite64" and one.time < last
        for one in recording.operations
    )  # a checkpoint
    assert states > 1000
    assert missing == 0


def test_a_store_that_syncs_less_is_seen_to_lose_changes(tmp_path: Path) -> None:
    _, _, missing = run("NORMAL", 30, 1, tmp_path)
    assert missing > 100
