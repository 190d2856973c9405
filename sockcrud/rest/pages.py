"""What a browser is shown where a port has nothing for one: in one plain page, what the port is."""

from __future__ import annotations

import re
from html import escape
from typing import Final

from sockcrud.protocols.http.connection import Request, Response

PAGE_HEADERS: Final = (
    (b"X-Content-Type-Options", b"nosniff"),
    (b"Referrer-Policy", b"no-referrer"),
)
_POLICY: Final = (
    b"Content-Security-Policy",
    b"default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
)
_HTML: Final = re.compile(rb"(?:^|,)[ \t]*text/html[ \t]*(?:[,;]|$)")


def accepts_html(request: Request) -> bool:
    """Return whether who asks names HTML among what it takes, as browsers do, and few programs."""
    accept = request.header(b"accept")
    return accept is not None and _HTML.search(accept) is not None


def plain_page(name: str, about: str, example: str) -> bytes:
    """Return the page of a port: the name of what listens there, what that is, how to try it."""
    trial = f"<p>To try it, in a terminal:</p>\n<pre><code>{escape(example)}</code></pre>\n"
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{escape(name)} - sockcrud</title>
</head>
<body>
<main>
<h1>{escape(name)}</h1>
<p>This is a port for programs: {escape(about)}.</p>
{trial * bool(example)}</main>
</body>
</html>
""".encode()


def page_response(page: bytes) -> Response:
    """Return the page as an answer."""
    headers = (*PAGE_HEADERS, _POLICY, (b"Cache-Control", b"no-store"))
    return Response(200, page, b"text/html; charset=utf-8", headers, always=False)
