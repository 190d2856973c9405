"""The console's files: all read when the first of them is asked for, and kept, with their tags.

The page may load scripts, styles and pictures from its own origin, and call nothing else: with
this policy, no text of a record or of a request becomes a script, whatever it looks like.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Final

from attrs import frozen

from sockcrud.protocols.http.connection import Request, Response
from sockcrud.rest.pages import PAGE_HEADERS, accepts_html
from sockcrud.rest.routes import READING

FOLDER: Final = Path(__file__).parent / "static"
INDEX: Final = "index.html"
PREFIX: Final = "/console/"

POLICY: Final = (
    b"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    b" base-uri 'none'; form-action 'none'; frame-ancestors 'none';"
    b" require-trusted-types-for 'script'; trusted-types 'none'"
)

_TYPES: Final = {
    ".css": b"text/css; charset=utf-8",
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml",
}
_HEADERS: Final = (
    *PAGE_HEADERS,
    (b"Content-Security-Policy", POLICY),
    (b"Cross-Origin-Opener-Policy", b"same-origin"),
    (b"Cross-Origin-Resource-Policy", b"same-origin"),
    (
        b"Cache-Control",
        b"no-cache",
    ),  # a browser keeps them, and asks each time whether they changed
)


@frozen
class StaticFile:
    """A file of the page, and the tag of what is in it."""

    body: bytes
    type: bytes
    tag: bytes

    def response(self, request: Request) -> Response:
        """Return the file, or 304 where the browser has it already."""
        headers = (*_HEADERS, (b"ETag", self.tag))
        tags = (request.header(b"if-none-match") or b"").split(b",")
        if {self.tag, b"W/" + self.tag, b"*"} & {tag.strip() for tag in tags}:
            return Response(304, headers=headers, always=False)
        return Response(200, self.body, self.type, headers, always=False)


@cache
def files() -> Mapping[str, StaticFile]:
    """Return the files by their names. They are some dozens of kilobytes."""
    return {path.name: _read(path) for path in FOLDER.iterdir() if path.suffix in _TYPES}


def _read(path: Path) -> StaticFile:
    body = path.read_bytes()
    return StaticFile(body, _TYPES[path.suffix], b'"%b"' % sha256(body).hexdigest()[:16].encode())


def find_file(request: Request) -> StaticFile | None:
    """Return what a browser is to get of the console for this request, None where that is nothing.

    At `/`, others than browsers get what they always got.
    """
    if request.method not in READING:
        return None
    if request.path == "/":
        return files()[INDEX] if accepts_html(request) else None
    return (
        files().get(request.path.removeprefix(PREFIX)) if request.path.startswith(PREFIX) else None
    )
