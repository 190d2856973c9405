"""Where apps are found: in Twisted's folders of plugins, and in files that are named."""

from __future__ import annotations

import os
import re
import shlex
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import suppress
from functools import lru_cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Final

from sockcrud.app import App, AppError, Apps, Place
from sockcrud.setting import SECTION

_PLUGINS: Final = Path("twisted", "plugins")
MODULE: Final = "sockcrud_app_"
"""How the modules of apps in files are named, before the names of the files."""
_DROP_IN: Final = "sockcrud_app*.py"
"""Names of the files among Twisted's plugins that have apps. Others are left alone: they may import
as much as they like.
"""


_loaded: Final[dict[Path, ModuleType]] = {}

VARIABLE: Final = "SOCKCRUD_APP"
FILE: Final = "tap.cfg"
"""The settings of the working directory."""


def in_use() -> Apps:
    """Return the apps that commands use: those installed, and those that the environment names, or
    else the settings of the working directory.
    Raises AppError.
    """
    try:
        written = os.environ.get(VARIABLE)
        return apps(shlex.split(_named_here() if written is None else written))
    except ValueError as error:
        raise AppError(
            VARIABLE, f"expected names of files with blanks between them ({error})"
        ) from None


def _named_here() -> str:
    """Return what the settings of the working directory say of apps; "" where there are none, or
    where they cannot be read: who needs the others says so.
    """
    if not os.path.exists(FILE):
        return ""
    from configparser import ConfigParser, Error  # late: most have no such file

    parser = ConfigParser(interpolation=None, default_section="")
    with suppress(OSError, UnicodeDecodeError, Error):
        parser.read(FILE, encoding="utf-8")
    return parser.get(SECTION, "app", fallback="")


def apps(files: Sequence[str] = ()) -> Apps:
    """Return the apps that are installed, and those in these files; raise AppError."""
    return Apps([*installed(), *(in_file(file) for file in files)])


@lru_cache(maxsize=1)
def installed() -> tuple[App, ...]:
    """Return the apps that installed packages bring; raise AppError.

    They are found where Twisted finds plugins: every App that is a name in a module of
    `twisted/plugins`, of sockcrud's own package as of others. Twisted's own search is not used, for
    it imports the interfaces of all plugins there are, which takes longer than all else that
    `sockcrud --help` does.
    """
    found: dict[int, App] = {}
    for file in _drop_ins():
        module = _imported(f"sockcrud_installed_{file.stem}", file)
        found |= {id(value): value for value in vars(module).values() if isinstance(value, App)}
    return tuple(found.values())


def _drop_ins() -> Iterator[Path]:
    """Yield the files, those of sockcrud first. Of two of one name that on the earlier path counts,
    as with all modules.
    """
    seen: dict[str, Path] = {}
    for path in sys.path:
        for file in sorted(Path(path, _PLUGINS).glob(_DROP_IN)):
            seen.setdefault(file.name, file)
    yield from (seen[name] for name in sorted(seen))


def in_file(name: str) -> App:
    """Return the app in this file, or in the folder of this name: what is called `app` there.
    Raises AppError.
    """
    file = Path(name)
    if file.is_dir():
        file /= "__init__.py"
    if not file.is_file():
        raise AppError(
            name, "there is no such file: expected one of Python with app = App(...) in it"
        )
    stem = file.parent.resolve().name if file.name == "__init__.py" else file.stem
    module = _imported(f"{MODULE}{re.sub(r'[^0-9A-Za-z_]', '_', stem)}", file)
    if not hasattr(module, "app"):
        raise AppError(name, "there is no app in it: expected app = App(...)")
    if not isinstance(module.app, App):
        raise AppError(name, f"app is {type(module.app).__name__!r}: expected app = App(...)")
    return module.app


def _imported(name: str, file: Path) -> ModuleType:
    """Import the module in this file under this name; raise AppError with the line where that
    failed.
    """
    path = file.resolve()
    if path in _loaded:
        return _loaded[path]  # its kinds are those that are known already
    while name in sys.modules:
        name += "_"  # of another file with this name
    folder = [str(path.parent)] if file.name == "__init__.py" else None
    spec = spec_from_file_location(name, path, submodule_search_locations=folder)
    if spec is None or spec.loader is None:
        raise AppError(file, "this is no file of Python: expected NAME.py")
    module = module_from_spec(spec)
    sys.modules[name] = (
        module  # before it is run: its classes look for their module, and its parts for it
    )
    try:
        spec.loader.exec_module(module)
    except AppError:
        sys.modules.pop(name, None)
        raise
    except (Exception, SystemExit) as error:
        sys.modules.pop(name, None)
        raise AppError(
            line_of(error, Place(str(path), 1)), f"it cannot be loaded: {reason_of(error)}"
        ) from error
    _loaded[path] = module
    return module


def line_of(error: BaseException, place: Place) -> Place:
    """Return the line of this file where the error comes from, the last that was run or the one
    that cannot be read; the place itself where there is none.
    """
    if isinstance(error, SyntaxError) and error.filename is not None:
        return Place(error.filename, error.lineno or 1)
    lines = [
        frame.lineno
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename == place.file
    ]
    return Place(place.file, lines[-1] or 1) if lines else place


def reason_of(error: BaseException) -> str:
    """Return what is wrong, in one line."""
    says = " ".join(str(error.msg if isinstance(error, SyntaxError) else error).split())
    return f"{type(error).__name__}{': ' if says else ''}{says}"
