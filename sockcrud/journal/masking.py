"""Texts without the secrets in them.

What is shown is what an app has declared: the values of the fields that it names, and words that it
knows. All else is masked, so that a secret in a place where nobody expects one is masked too. Of
what cannot be read nothing is shown but the words that the wire knows and the marks between them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from typing import Any, Final
from urllib.parse import quote, unquote

from attrs import Factory, define

MASK: Final = "***"
MORE: Final = "…"

_NAMES: Final = r"(?:passw|passphrase|pwd|senha|secret|token|cookie|api.?key|비밀번호|암호)"
_SECRET_NAME: Final = re.compile(rf"{_NAMES}|^pass$", re.IGNORECASE)
"""Names of fields that hold secrets, whatever is declared of them."""
_SECRET_WITHIN: Final = re.compile(_NAMES + r"""\w*[\\"']*\s*[:=]""", re.IGNORECASE)
"""The same where a text holds names and values itself."""
_TOKEN: Final = re.compile(r"(?=[A-Za-z+/_=.-]*[0-9])[A-Za-z0-9+/_=.-]{32,}")
"""What looks like a token or a digest, wherever it stands."""
_JSON: Final = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|\s+|[^\s"{}\[\]:,]+', re.DOTALL)
_WORDS_AND_MARKS: Final = re.compile(
    r"""[{}\[\],:;"'=&?/<>()|#]+|\s+|[^\s{}\[\],:;"'=&?/<>()|#]+"""
)
_MARKS: Final = frozenset("{}[],:;\"'=&?/<>()|#")
_MOST_MARKS: Final = 5
"""Marks without a word between them: more may be a password."""
_WORD: Final = re.compile(r"[A-Za-z][A-Za-z_.-]{2,23}")
_LONGEST_UNREADABLE: Final = 256
"""Characters shown of what cannot be read: its head."""
_NEAR: Final = 0.75
_OURS: Final = frozenset(
    (
        "body",
        "content-type",
        "header",
        "host",
        "method",
        "origin",
        "password",
        "query",
        "request",
        "user",
    )
)
"""Words that are known to all wires: what refusals name, and the one field that all may see."""
_SHORTEST_ECHO: Final = 4
_MOST_ECHOES: Final = 64


class Words:
    """What a wire says of its words: the fields whose values are shown, those that are secret, and
    what else it knows. Case makes no difference.
    """

    def __init__(
        self, shown: Iterable[str], others: Iterable[str] = (), secret: Iterable[str] = ()
    ) -> None:
        self.secret = frozenset(map(str.lower, secret))
        self.shown = frozenset(map(str.lower, shown)) - self.secret
        self.known = self.shown | self.secret | _OURS | frozenset(map(str.lower, others))
        self._near = lru_cache(1024)(self._is_near)

    def shows(self, name: str) -> bool:
        """Return whether the value of this field is shown."""
        return name.lower() in self.shown and not self.hides(name)

    def hides(self, name: str) -> bool:
        """Return whether the field is a secret."""
        return name.lower() in self.secret or _SECRET_NAME.search(name) is not None

    def word(self, text: str) -> str:
        """Return a word as it may be shown: one that is known, or nearly so, as a misspelt one is;
        else the mask.
        """
        lower = text.lower()
        return (
            text if lower in self.known or (_WORD.fullmatch(text) and self._near(lower)) else MASK
        )

    def _is_near(self, word: str) -> bool:
        return bool(get_close_matches(word, self.known, 1, _NEAR))


NO_WORDS: Final = Words(())


def plain(value: str) -> str:
    """Return the value of a field that is shown, but not what looks like a secret in it."""
    return MASK if _SECRET_WITHIN.search(value) else _TOKEN.sub(MASK, value)


@define
class Masked:
    """A text without its secrets, and what was taken out of it: it may be repeated elsewhere."""

    text: str
    hidden: set[str] = Factory(set)

    def hide(self, text: str) -> str:
        """Take note of something that is not shown; return the mask."""
        if len(text) >= _SHORTEST_ECHO and len(self.hidden) < _MOST_ECHOES:
            self.hidden.add(text)
        return MASK


def mask_json(text: str, words: Words, all: bool = False) -> Masked:
    """Return JSON without its secrets; with `all`, without any value. Of what is cut off, the part
    before that is shown.
    """
    return _JSONMask(text, words, all).masked()


class _JSONMask:
    def __init__(self, text: str, words: Words, all: bool) -> None:
        self._text = text
        self._words = words
        self._all = all
        self._masked = Masked("")
        # Of each object and array that is open: whether it is an object, and is shown.
        self._open: list[tuple[bool, bool]] = []
        self._shows = True  # the value that comes next
        self._is_key = False

    def masked(self) -> Masked:
        out, at = [], 0
        while at < len(self._text):
            found = _JSON.match(self._text, at)
            if found is None or (
                found.end() == len(self._text) and self._open and len(found[0]) > 1
            ):
                self._masked.hide(self._text[at:].strip('"'))
                out.append(MORE)  # it may be the half of a word
                break
            at = found.end()
            out.append(self._token(found[0]))
        self._masked.text = "".join(out)
        return self._masked

    def _token(self, token: str) -> str:
        first = token[0]
        if first in "{[":
            self._open.append((first == "{", self._shows))
            self._is_key = first == "{"
        elif first in "}]":
            if self._open:
                self._open.pop()
            self._is_key = False
        elif first == ",":
            is_object, shows = self._open[-1] if self._open else (False, True)
            self._is_key, self._shows = is_object, shows
        elif first == ":":
            self._is_key = False
        elif not first.isspace():
            return self._key(token) if self._is_key else self._value(token)
        return token

    def _key(self, token: str) -> str:
        name = _decoded(token)
        within = self._open[-1][1]
        self._shows = within and self._words.shows(name)
        if self._words.hides(name):
            self._shows = False
        if self._words.word(name) is MASK:
            self._masked.hide(name)
            return f'"{MASK}"'
        return token

    def _value(self, token: str) -> str:
        if token in ("true", "false", "null"):
            return token
        # In an array no name says what a value is: a password may stand there, by mistake.
        is_named = bool(self._open) and self._open[-1][0]
        if self._shows and is_named and not self._all:
            if not token.startswith('"'):
                return token
            text = _decoded(token)
            if (seen := plain(text)) == text:
                return token
            self._masked.hide(text)
            return json.dumps(seen, ensure_ascii=False)
        self._masked.hide(_decoded(token))
        return f'"{MASK}"'


def _decoded(token: str) -> str:
    try:
        value = json.loads(token, strict=False)
    except ValueError:
        return token.strip('"')
    return value if isinstance(value, str) else token


def mask_unreadable(text: str, words: Words) -> Masked:
    """Return the head of what cannot be read, without any word that the wire does not know."""
    masked = Masked("")
    head = text[:_LONGEST_UNREADABLE]
    out = []
    for found in _WORDS_AND_MARKS.finditer(head):
        token = found[0]
        if token[0] in _MARKS:
            out.append(token if len(token) <= _MOST_MARKS else masked.hide(token))
        elif token.isspace():
            out.append(token[:8])
        else:
            is_whole = found.end() < len(head) or len(head) == len(text)
            word = words.word(token) if is_whole else MASK
            out.append(masked.hide(token) if word is MASK else word)
    masked.text = "".join(out) + (MORE if len(text) > len(head) else "")
    return masked


def without_echoes(text: str, hidden: Iterable[str]) -> str:
    """Return a text without anything that was hidden elsewhere, however it is spelled."""
    for secret in sorted(hidden, key=len, reverse=True):
        for spelling in _spellings(secret):
            if len(spelling) >= _SHORTEST_ECHO and spelling in text:
                text = text.replace(spelling, MASK)
    return text


def fields_without_echoes(value: Any, hidden: Iterable[str]) -> Any:
    """Return what fields hold without anything that was hidden elsewhere."""
    if isinstance(value, str):
        return without_echoes(value, hidden)
    if isinstance(value, Mapping):
        return {
            without_echoes(name, hidden): fields_without_echoes(each, hidden)
            for name, each in value.items()
        }
    if isinstance(value, list):
        return [fields_without_echoes(each, hidden) for each in value]
    return value


def _spellings(secret: str) -> set[str]:
    decoded = unquote(secret, errors="replace")
    return {
        spelling
        for each in (secret, decoded)
        for spelling in (
            each,
            json.dumps(each)[1:-1],
            json.dumps(each, ensure_ascii=False)[1:-1],
            quote(each, safe=""),
        )
    }
