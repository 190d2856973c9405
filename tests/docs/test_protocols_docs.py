"""What docs/protocols shows is what the daemon says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.docs.test_readme import shown, without_chance
from tests.docs.write_transcripts import PAGES, outputs

WITH_TRANSCRIPTS = [page for page in PAGES if any(shown(page))]


def test_each_wire_has_a_page_with_transcripts() -> None:
    assert {"users", "messages", "shop", "way", "members", "admin"} <= {
        page.stem for page in WITH_TRANSCRIPTS
    }


@pytest.mark.parametrize("page", WITH_TRANSCRIPTS, ids=lambda page: page.stem)
def test_the_transcripts_are_real(page: Path, tmp_path: Path) -> None:
    for (command, output), said in zip(shown(page), outputs(page, tmp_path), strict=True):
        assert without_chance(said) == without_chance(output), command
