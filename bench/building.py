"""Compiles the programs of `native/`, once for each state of their source, into the user's cache
directory.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from pathlib import Path
from typing import Final

from bench.processes import Failed

SOURCES: Final = Path(__file__).parent / "native"
FLAGS: Final = ("-O2", "-Wall", "-Wextra", "-std=gnu11")


def compiler() -> str | None:
    """Return the C compiler, if there is one."""
    return next((found for name in ("cc", "gcc", "clang") if (found := shutil.which(name))), None)


def cache() -> Path:
    """Return the directory of what has been built."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sockcrud-bench"


def built(name: str) -> Path:
    """Return the program made from `native/NAME.c`; raise `Failed` where it cannot be made."""
    source = SOURCES / f"{name}.c"
    program = cache() / f"{name}-{hashlib.sha256(source.read_bytes()).hexdigest()[:16]}"
    if program.exists():
        return program
    with_what = compiler()
    if with_what is None:
        raise Failed("there is no C compiler (cc, gcc or clang) to build the load with")
    program.parent.mkdir(parents=True, exist_ok=True)
    unfinished = program.with_name(f"{program.name}.{os.getpid()}")
    made = subprocess.run(
        [with_what, *FLAGS, "-o", unfinished, source], capture_output=True, text=True
    )
    if made.returncode:
        raise Failed(f"{source} does not compile:\n{made.stderr}")
    unfinished.replace(program)
    return program
