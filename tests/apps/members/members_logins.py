"""Logins as the field's clients send them: who they are for, and how their length is counted."""

from __future__ import annotations

from typing import Final

LOGINS: Final = [
    ("ana@ex.com", "pw1"),
    ("ana@ex.com", "pwPOS"),
    ("ana@ex.com", "GET"),
    ("josé@ex.com", "pw1"),
    ("josé@ex.com", "pé1"),
    ("joão@ex.com", "maçã"),
    ("conceição", "não é não"),
    ("josé@ex.com", "SHOP"),
    ("ação@ex.com", "pwPU"),
    ("김@ex.com", "pw1"),
    ("김철수@ex.com", "pw1"),
    ("김철수", "비밀번호"),
    ("김철수@ex.com", "비밀번POST"),
    ("최고관리자@회사.한국", "아주 긴 비밀번호 하나 더"),
    ("수지@ex.com", "PUT"),
    ("müller", "straße12"),
    ("éé", "éé"),
    ("ééé", "éé"),
    ("anna😀", "pw😀"),
    ("anna", "😀😀😀😀😀"),
    *(("a" + "é" * extra, "pw1") for extra in (1, 3, 4, 5, 7)),
    *(("ab", "p" + "é" * extra) for extra in (2, 4, 6, 9)),
    *(("ab", "한" * extra + "w1") for extra in (1, 2, 3, 5)),
]
"""Emails and passwords, with any number of bytes more than characters."""

FOLLOWING: Final = {
    "POST": b"POST /? HTTP/1.1\r\nContent-Length: 20\r\n\r\nuser:other,OTHER",
    "PUT": b"PUT /? HTTP/1.1\r\nContent-Length: 20\r\n\r\nuser:other,OTHER",
    "GET": b"GET /? HTTP/1.1\r\nAccept: */*\r\n\r\n",
    "unended GET": b"GET /? HTTP/1.1\r\nAccept: */*",
    "HEAD": b"HEAD /? HTTP/1.1",
    "with Host": b"DELETE /next HTTP/1.1\r\nHost: b\r\n\r\n",
    "blank lines": b"\r\n\r\nPOST /? HTTP/1.1\r\nContent-Length: 20\r\n\r\nuser:other,OTHER",
}
"""Requests that may come directly behind one."""

COUNTS: Final = {
    "characters": lambda text: len(text) + 4,
    "bytes": lambda text: len(text.encode()) + 4,
    "as HTTP has it": lambda text: len(text.encode()),
}
"""What a client may announce for a text."""


def loosely(
    method: str, login: str, password: str, count: str = "characters"
) -> tuple[bytes, bytes]:
    """Return the header and the body of a request as clients send it that count so."""
    text = f"user:{login},{password}"
    header = (
        f"{method} /? HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Length: "
        f"{COUNTS[count](text)}\r\n\r\n"
    )
    return header.encode(), text.encode()
