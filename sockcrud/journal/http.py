"""HTTP as people read it: a route of the dialect's table, and fields and bodies without secrets."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from sockcrud.journal.masking import MASK, Masked, Words, mask_json, mask_unreadable, plain
from sockcrud.journal.reading import Fault, Read, decoded, fault_of, mask_broken
from sockcrud.protocols.http.targets import decoded_path
from sockcrud.rest.routes import PARAMETER, Found, Route, Routes, Schema, is_whole
from sockcrud.rest.schemas import NEW_PASSWORD, SECRET

_LINE: Final = re.compile(r"(\S+) (\S+) (HTTP/[0-9]\.[0-9])")
_METHODS: Final = frozenset(("GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"))
_SHOWN_FIELDS: Final = frozenset(
    (
        "accept", "accept-encoding", "accept-language", "access-control-allow-headers",
        "access-control-allow-methods", "access-control-allow-origin", "access-control-max-age",
        "access-control-request-headers", "access-control-request-method", "allow", "cache-control",
        "connection", "content-length", "content-type", "date", "deprecation", "etag", "expect",
        "host", "if-match", "if-none-match", "last-event-id", "link", "origin", "referrer-policy",
        "retry-after", "server", "sunset", "te", "transfer-encoding", "upgrade", "user-agent",
        "vary", "www-authenticate", "x-active-connections", "x-server-status", "x-total-count",
        "x-uptime-seconds",
    )
)  # fmt: skip
"""Header fields that hold no secret, unless something in them looks like one."""
_HIDDEN_FIELDS: Final = frozenset(
    ("authorization", "cookie", "location", "proxy-authorization", "referer", "set-cookie")
)
_FIELDS: Final = Words(_SHOWN_FIELDS | _HIDDEN_FIELDS)
_SCHEMES: Final = frozenset(("basic", "bearer", "digest"))
_JSON_TYPE: Final = re.compile(r"(application/(?:[\w.-]+\+)?json)?", re.IGNORECASE)
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,8})[^\r\n]*\r\n")


class HTTPReading:
    """A wire of HTTP with these tables of routes, and bodies of errors."""

    def __init__(self, tables: Iterable[Routes], errors: Iterable[Schema] = ()) -> None:
        self._tables = tuple(tables)
        routes = [route for table in self._tables for route in table.all]
        errors = tuple(errors)
        segments = {
            part
            for route in routes
            for path in (route.path, *route.also)
            for part in path.split("/")
            if part and not PARAMETER.fullmatch(part)
        }
        bodies = _Names(
            (route.body for route in routes),
            (schema for route in routes for schema in route.query.values()),
        )
        names = {name for route in routes for name in route.query} | bodies.all
        self.words = Words(names - bodies.secret, (*segments, *_METHODS), bodies.secret)
        self._segments = frozenset(map(str.lower, segments))
        self._errors = _Names(errors)
        self._no_route = Words((), self.words.known, bodies.secret)
        self._error_words = Words(self._errors.all)
        self._words_of: dict[int, tuple[Words, Words]] = {}

    # Requests

    def request(self, raw: bytes, is_cut: bool, all: bool = False) -> Read:
        head, blank, body = raw.partition(b"\r\n\r\n")
        line, *lines = decoded(head).split("\r\n")
        if is_cut and not blank and not lines:
            return self._unreadable(line)  # it ends within the line
        taken = _LINE.fullmatch(line)
        if taken is None:
            return self._unreadable(decoded(raw))
        method, target, version = taken.groups()
        masked = Masked("")
        found = self._find(method, target)
        route = found.route if found is not None else None
        words, answers = self._words(route)
        method = method if method in _METHODS else masked.hide(method)
        shown_target, fields = self._target(target, found, words, masked, all)
        seen = [f"{method} {shown_target} {version}"]
        if is_cut and not blank:
            lines = lines[:-1]
        fields_of_header, fields_shown = _header(lines, masked)
        seen += fields_shown
        if not blank:
            text = "\r\n".join(seen)
            return self._read(text, route, fields, None, masked, answers)
        if fields_of_header.get("transfer-encoding", "").lower() == "chunked":
            body = _unchunked(body)
        shown_body, body_fields, fault = self._body(
            body, is_cut, fields_of_header, words, masked, all, len(head) + 4
        )
        text = "\r\n".join((*seen, "", shown_body))
        return self._read(text, route, {**fields, **body_fields}, fault, masked, answers)

    def _read(
        self,
        text: str,
        route: Route | None,
        fields: dict[str, Any],
        fault: Fault | None,
        masked: Masked,
        answers: Words,
    ) -> Read:
        operation = None if route is None else f"{route.method} {route.path}"
        return Read(text, operation, fields, fault, masked.hidden, answers)

    def _unreadable(self, text: str) -> Read:
        masked = mask_unreadable(text, self.words)
        return Read(masked.text, hidden=masked.hidden, words=self._error_words)

    def _find(self, method: str, target: str) -> Found | None:
        path = decoded_path(target.partition("?")[0])
        if path is None:
            return None
        for table in self._tables:
            found = table.find(path, method)
            if isinstance(found, Found):
                return found
        return None

    def _words(self, route: Route | None) -> tuple[Words, Words]:
        """Return the words of a route's requests, and of its answers."""
        if route is None:
            return self._no_route, self._error_words
        words = self._words_of.get(id(route))
        if words is None:
            asked = _Names((route.body,), route.query.values())
            answered = _Names(route.answers.values())
            words = (
                Words((*asked.all, *route.query), self.words.known, asked.secret),
                Words(answered.all | self._errors.all, (), answered.secret),
            )
            self._words_of[id(route)] = words
        return words

    def _target(
        self, target: str, found: Found | None, words: Words, masked: Masked, all: bool
    ) -> tuple[str, dict[str, Any]]:
        path, mark, query = target.partition("?")
        whole = set()
        fields: dict[str, Any] = {}
        if found is not None:
            fields = {name: value for name, value in found.parameters.items() if is_whole(name)}
            whole = {str(value) for value in fields.values()}
        parts = [
            part
            if not part or part.lower() in self._segments or part in whole
            else self._part(part, masked)
            for part in path.split("/")
        ]
        pairs = []
        for pair in query.split("&") if mark else ():
            name, equals, value = pair.partition("=")
            seen = MASK
            if equals and not all and words.shows(name) and found is not None:
                fields[name] = seen = plain(value)
            elif value:
                masked.hide(value)
            shown = words.word(name) if name else ""
            if shown is MASK:
                masked.hide(name)
            pairs.append(shown + equals + (seen if value else ""))
        return "/".join(parts) + mark + "&".join(pairs), fields

    def _part(self, part: str, masked: Masked) -> str:
        word = self.words.word(part)
        return masked.hide(part) if word is MASK else word

    def _body(
        self,
        body: bytes,
        is_cut: bool,
        header: Mapping[str, str],
        words: Words,
        masked: Masked,
        all: bool,
        start: int,
    ) -> tuple[str, dict[str, Any], Fault | None]:
        if not body:
            return "", {}, None
        is_object = body.lstrip(b" \t\r\n").startswith(b"{")
        if not is_object:
            found = mask_unreadable(decoded(body), words)
            masked.hidden |= found.hidden
            is_json = _JSON_TYPE.fullmatch(header.get("content-type", "").partition(";")[0].strip())
            fault = (
                Fault(start, "no JSON object") if is_json and words is not self._no_route else None
            )
            return found.text, {}, fault
        fault = None if is_cut else fault_of(body)
        if fault is not None:
            found = mask_broken(body, fault, words)
        else:
            found = mask_json(decoded(body), words, all)
        masked.hidden |= found.hidden
        fields: Any = {}
        if fault is None and not is_cut:
            fields = json.loads(found.text, strict=False)
        elif fault is not None and fault.offset is not None:
            fault = Fault(start + fault.offset, fault.message)
        return found.text, fields if isinstance(fields, dict) else {}, fault

    # Answers

    def answer(self, raw: bytes, is_cut: bool, read: Read) -> str:
        head, blank, body = raw.partition(b"\r\n\r\n")
        line, *lines = decoded(head).split("\r\n")
        if is_cut and not blank:
            lines = lines[:-1]
        header, shown = _header(lines, Masked(""))
        seen = [line, *shown]
        if not blank:
            return "\r\n".join(seen)
        if header.get("transfer-encoding") == "chunked":
            body = _unchunked(body)
        type = header.get("content-type", "").partition(";")[0].strip()
        if body and type and _JSON_TYPE.fullmatch(type):
            shown_body = mask_json(decoded(body), read.words).text
        else:
            shown_body = f"({len(body)} bytes of {type or 'nothing said'})" if body else ""
        return "\r\n".join((*seen, "", shown_body))


def _header(lines: Iterable[str], masked: Masked) -> tuple[dict[str, str], list[str]]:
    """Return the values of the fields that are shown, and all of them as they are shown."""
    values: dict[str, str] = {}
    shown = []
    for line in lines:
        name, colon, value = line.partition(":")
        lower, value = name.lower(), value.strip(" \t")
        word = _FIELDS.word(name)
        if word is MASK:
            masked.hide(name)
        if lower in _SHOWN_FIELDS:
            seen = _TOKENS_IN_PATHS.sub(MASK, plain(value))
            values[lower] = value
        elif lower == "authorization":
            scheme, blank, rest = value.partition(" ")
            masked.hide(rest or scheme)
            seen = f"{scheme} {MASK}" if blank and scheme.lower() in _SCHEMES else MASK
        else:
            masked.hide(value)
            seen = MASK
        shown.append(f"{word}{colon} {seen}" if colon else word)
    return values, shown


_TOKENS_IN_PATHS: Final = re.compile(r"[0-9A-Fa-f]{32,}")


def _unchunked(body: bytes) -> bytes:
    """Return what is in the chunks, as far as they go."""
    parts, at = [], 0
    while found := _CHUNK.match(body, at):
        size = int(found[1], 16)
        if not size:
            break
        parts.append(body[found.end() : found.end() + size])
        at = found.end() + size + 2
    return b"".join(parts)


class _Names:
    """The names of the fields that schemas have, wherever in them, and which of them are secret."""

    def __init__(self, *schemas: Iterable[Schema | None]) -> None:
        self.all: set[str] = set()
        self.secret: set[str] = set()
        for some in schemas:
            for schema in some:
                self._add(schema)

    def _add(self, schema: Any) -> None:
        if not isinstance(schema, Mapping):
            return
        for name, value in schema.get("properties", {}).items():
            self.all.add(name)
            if isinstance(value, Mapping) and (
                value.get("format") == SECRET["format"] or value == NEW_PASSWORD
            ):
                self.secret.add(name)
            self._add(value)
        for each in _within(schema):
            self._add(each)


def _within(schema: Mapping[str, Any]) -> Iterator[Any]:
    yield schema.get("items")
    yield schema.get("additionalProperties")
    for word in ("oneOf", "anyOf", "allOf"):
        yield from schema.get(word, ())
