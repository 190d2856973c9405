"""The tests, in the tree of what they test."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).absolute().parent.parent
"""The folder of the sources."""
