"""A record that is served without writing it, driven at random through both of its wires, against
a plain model.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, Protocol

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from tests.support.http_kit import answers, request

ISBNS: Final = ("978-0-14-143958-7", "978-3-16-148410-0", "978-0-00-000000-2")
WIRES: Final = ("lines", "rest")

Outcome = tuple[str, Any]
"""What became of a request, and the record or the list that was answered, or the field that was
wrong.
"""

_OF_LINES: Final = {-32602: "invalid", -32001: "not_found", -32002: "taken", -32003: "outdated"}
_OF_REST: Final = {422: "invalid", 404: "not_found", 409: "taken", 412: "outdated"}


class Library(Protocol):
    """A daemon that serves books (examples/library.py), without any."""

    def talk(self, wire: str, data: bytes) -> bytes:
        """Send on a connection of the wire, and return the answer."""

    def close(self) -> None:
        """End it."""


class Wires:
    """Both wires, with one vocabulary."""

    def __init__(self, library: Library) -> None:
        self._talk = library.talk

    def ask(self, wire: str, verb: str, **given: Any) -> Outcome:
        """Ask on a wire, and return what becomes of it."""
        return self._lines(verb, given) if wire == "lines" else self._rest(verb, given)

    def _lines(self, verb: str, given: dict[str, Any]) -> Outcome:
        called = {"jsonrpc": "2.0", "method": f"books.{verb}", "params": given, "id": 1}
        said = json.loads(self._talk("lines", json.dumps(called).encode() + b"\n"))
        if "result" in said:
            return "ok", said["result"]
        kind = _OF_LINES[said["error"]["code"]]
        return kind, said["error"]["data"]["field"] if kind in ("invalid", "taken") else None

    def _rest(self, verb: str, given: dict[str, Any]) -> Outcome:
        id, rev = given.pop("id", None), given.pop("rev", None)
        headers = {} if rev is None else {"If-Match": f'"{rev}"'}
        if verb in ("list", "find"):
            query = "&".join(f"{name}={value}" for name, value in given.items())
            kind, body = self._asked("GET", f"/books?{query}", None, {})
            if verb == "list" or kind != "ok":
                return kind, body
            return ("ok", body["items"][0]) if body["items"] else ("not_found", None)
        method = {"create": "POST", "get": "GET", "update": "PATCH", "delete": "DELETE"}[verb]
        path = "/books" if id is None else f"/books/{id}"
        return self._asked(method, path, given if verb in ("create", "update") else None, headers)

    def _asked(self, method: str, path: str, body: object, headers: Mapping[str, str]) -> Outcome:
        said = self._talk("rest", request(method, path, body, headers=headers))
        (answered,) = answers(said, (method,))
        found: Any = json.loads(answered.body) if answered.body else None
        if answered.status < 300:
            return "ok", found
        kind = _OF_REST[answered.status]
        return kind, found["field"] if kind in ("invalid", "taken") else None


def _mostly(right: Sequence[Any], wrong: Sequence[Any]) -> st.SearchStrategy[Any]:
    """Return values of which one in ten is wrong: else hardly a record would come about."""
    return st.integers(0, 9).flatmap(lambda number: st.sampled_from(right if number else wrong))


_ID: Final = st.integers(1, 6)
_WIRE: Final = st.sampled_from(WIRES)
_FIELDS: Final[Mapping[str, st.SearchStrategy[Any]]] = {
    "title": _mostly(("Emma", "책 😀", "x" * 200), ("", "x" * 201)),
    "isbn": _mostly(ISBNS, ("short",)),
    "year": _mostly((1450, 1815, 2100), (1449, 2101, "1815", True)),
}
_CHECKS: Final[Mapping[str, Callable[[Any], bool]]] = {
    "title": lambda value: 1 <= len(value) <= 200,
    "isbn": lambda value: 10 <= len(value) <= 17,
    "year": lambda value: type(value) is int and 1450 <= value <= 2100,
}


class RecordsMachine(RuleBasedStateMachine):
    """Whatever is asked on whichever wire: the model and the daemon say the same."""

    def make_library(self) -> Library:
        raise NotImplementedError

    @initialize()
    def begin(self) -> None:
        self.library = self.make_library()
        self.wires = Wires(self.library)
        self.books: dict[int, dict[str, Any]] = {}
        self.next = 1
        self.rev: int | None = None  # the latest that was seen

    def teardown(self) -> None:
        if hasattr(self, "library"):
            for wire in WIRES:
                self.list(wire, None, None)
            self.library.close()

    @rule(wire=_WIRE, fields=st.fixed_dictionaries(dict(_FIELDS)))
    def create(self, wire: str, fields: dict[str, Any]) -> None:
        became, said = self.wires.ask(wire, "create", **fields)
        wrong = self.wrong(fields, None)
        if wrong is not None:
            assert (became, said) == wrong
            return
        assert became == "ok", said
        self.agree(self.next, fields, said)
        self.next += 1

    @rule(
        wire=_WIRE,
        id=_ID,
        fields=st.fixed_dictionaries({}, optional=dict(_FIELDS)).filter(bool),
        age=st.sampled_from((None, 0, 1)),
    )
    def update(self, wire: str, id: int, fields: dict[str, Any], age: int | None) -> None:
        given = {"rev": self.books[id]["rev"] - age} if id in self.books and age is not None else {}
        became, said = self.wires.ask(wire, "update", id=id, **given, **fields)
        wrong = self.wrong(fields, id)
        if id not in self.books:
            # What is wrong in itself is seen before what is not there.
            assert became == ("invalid" if wrong and wrong[0] == "invalid" else "not_found")
        elif wrong is not None and (wrong[0] == "invalid" or age != 1):
            assert (became, said) == wrong
        elif age == 1:
            assert became == "outdated"
        else:
            assert became == "ok", said
            self.agree(id, {**self.books[id], **fields}, said)

    @rule(wire=_WIRE, id=_ID, age=st.sampled_from((None, 0, 1)))
    def delete(self, wire: str, id: int, age: int | None) -> None:
        given = {"rev": self.books[id]["rev"] - age} if id in self.books and age is not None else {}
        became, _ = self.wires.ask(wire, "delete", id=id, **given)
        if id not in self.books:
            assert became == "not_found"
        elif age == 1:
            assert became == "outdated"
        else:
            assert became == "ok"
            del self.books[id]

    @rule(wire=_WIRE, id=_ID)
    def get(self, wire: str, id: int) -> None:
        became, said = self.wires.ask(wire, "get", id=id)
        if id in self.books:
            assert (became, said) == ("ok", self.books[id])
        else:
            assert became == "not_found"

    @rule(wire=_WIRE, isbn=st.sampled_from(ISBNS))
    def find(self, wire: str, isbn: str) -> None:
        became, said = self.wires.ask(wire, "find", isbn=isbn)
        found = [book for book in self.books.values() if book["isbn"] == isbn]
        assert (became, said) == ("ok", found[0]) if found else became == "not_found"

    @rule(wire=_WIRE, after=st.none() | st.integers(0, 6), limit=st.none() | st.integers(1, 3))
    def list(self, wire: str, after: int | None, limit: int | None) -> None:
        given = {"after": after, "limit": limit}
        became, said = self.wires.ask(
            wire, "list", **{name: value for name, value in given.items() if value is not None}
        )
        assert became == "ok", said
        expected = [book for id, book in sorted(self.books.items()) if id > (after or 0)]
        shown = expected if limit is None else expected[:limit]
        assert said["items"] == shown
        assert said["next"] == (shown[-1]["id"] if len(shown) < len(expected) else None)

    # The model

    def wrong(self, fields: Mapping[str, Any], id: int | None) -> Outcome | None:
        """Return why these fields are refused; None where they are not."""
        for name, value in fields.items():  # the first that is wrong is named
            if not _CHECKS[name](value):
                return "invalid", name
        others = [book for known, book in self.books.items() if known != id]
        if "isbn" in fields and any(book["isbn"] == fields["isbn"] for book in others):
            return "taken", "isbn"
        return None

    def agree(self, id: int, fields: Mapping[str, Any], said: Mapping[str, Any]) -> None:
        """Check a record that has changed, and take it into the model: its revision rises."""
        assert self.rev is None or said["rev"] > self.rev
        self.rev = said["rev"]
        assert said == {**fields, "id": id, "rev": self.rev}
        self.books[id] = dict(said)
