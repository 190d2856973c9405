"""What a connection keeps makes no difference. The long form is `python -m tests.proofs.kept`."""

from __future__ import annotations

import pytest

from tests.proofs.kept import PROPERTIES, run


@pytest.mark.parametrize("name", list(PROPERTIES))
def test_it_makes_no_difference_in_the_same_examples_always(name: str) -> None:
    run(name, 100)
