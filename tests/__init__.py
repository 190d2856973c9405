"""The tests, in the tree of what they test."""

import os
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).absolute().parent.parent
"""The folder of the sources."""


def _keep_bytecode() -> None:
    """Keep bytecode in pytest's cache where the environment asks for none beside the sources.

    A run starts hundreds of processes, and each would compile all that it imports. This is done
    before any of it is imported: pytest rewrites every module of tests, which takes longer still.
    """
    if sys.dont_write_bytecode:
        sys.dont_write_bytecode = False
        folder = str(ROOT / ".pytest_cache" / "d" / "bytecode")
        sys.pycache_prefix = os.environ["PYTHONPYCACHEPREFIX"] = folder
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)


_keep_bytecode()
