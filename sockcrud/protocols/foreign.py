"""Telling another protocol's opening from what a person types into a JSON port.

A browser, a mail server or any other client that can be talked into connecting to a port sends the
opening of its own protocol first, and what somebody else chose (a form, a header, the name of a
file) in later lines. So a connection that opens like another protocol is given up before a later
line is read; where it is unclear, it counts as foreign.

Foreign is, in front of the connection's first object, a line that

- begins with a control byte or with one from 0x80 up, blanks aside, on a new connection: TLS,
  PROXY v2, PostgreSQL, MQTT, SMB, SOCKS, RDP, the options of a telnet client, a byte order mark,
  UTF-16
- has a control byte in it; where it begins with `{`, directly behind that: LDAP, MongoDB, X11,
  AMQP, git
- begins with a sign that is neither `_ - '` nor one of JSON: RESP `*1`, XMPP `<`, rsync `@`,
  PostScript `%!`
- has a slash in it, and does not begin as JSON does: HTTP from 0.9 to 2, WebSocket, RTSP, SIP, ICAP
- begins with a word in capitals, and a blank or a hyphen and more behind it: `GET x`, `EHLO x`,
  `USER x`, `PROXY TCP4 …`, `SSH-2.0-…`, `A1 LOGIN …`, `SET x y`
- begins with a command of mail, in letters of either case: `ehlo x`, `mail from:<x>`
- begins with a tag and a command: IMAP `a1 login x y`
- is a command whose data is the next line: memcached `set k 0 0 9`, beanstalk `put 0 0 60 9`
- begins with a length and a colon: SCGI and other netstrings: `70:`

Words, a single word in capitals, numbers, and pieces of JSON are a person's. Each line in front of
the first object is judged, so a foreign opening of several lines has none that is missed; behind
it, only a line of HTTP is foreign.
"""

from __future__ import annotations

import re
from typing import Final

LOOKED_AT: Final = 256
"""How much of a line the rules look at, but for a slash and a control byte: these count anywhere.
"""
_CONTROLS: Final = bytes({*range(0x20), 0x7F} - {*b"\t\r\n"})
_BEGINS_BINARY: Final = frozenset({*_CONTROLS, *range(0x80, 0x100)})
_JSON_BEGINS: Final = b'"[],}?'
"""What a piece of JSON begins with, or a question: no method of HTTP and no command has these in
its name.
"""
_BINARY_OBJECT: Final = re.compile(rb"\{[ \t\r]*[" + re.escape(_CONTROLS) + rb"]")
_FOREIGN: Final = re.compile(
    rb"""
      [^A-Za-z0-9_'\x80-\xff-]
    | [A-Z][A-Z0-9_]+ [ \t-]+ [^ \t\r]
    | (?i: (?: ehlo | helo | lhlo ) [ ] | mail[ ]+from: | rcpt[ ]+to: )
    | [A-Za-z]+ [0-9]+ [ ] [A-Za-z]
    | [a-z]+ [ ] [^ ]+ (?: [ ][0-9]+ ){3,4} (?: [ ]noreply )? [ \r]* \Z
    | [0-9]+ :
    """,
    re.VERBOSE,
)
_HTTP: Final = re.compile(rb"[!-~]+ .*HTTP/[0-9](?:\.[0-9])?[ \t\r]*", re.DOTALL)


def begins_foreign(byte: int) -> bool:
    """Return whether a connection whose first byte is this, blanks aside, speaks another
    protocol.
    """
    return byte in _BEGINS_BINARY


def is_foreign(line: bytes) -> bool:
    """Return whether this line, which is no JSON object, is another protocol's, on a connection
    that has sent no object yet.
    """
    if line.startswith(b"{"):
        return _BINARY_OBJECT.match(line) is not None
    if len(line.translate(None, _CONTROLS)) != len(line):
        return True
    return line[0] not in _JSON_BEGINS and (
        b"/" in line or _FOREIGN.match(line[:LOOKED_AT]) is not None
    )


def is_http(line: bytes) -> bool:
    """Return whether this line begins a request of HTTP."""
    return _HTTP.fullmatch(line) is not None
