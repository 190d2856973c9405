"""What an app says of the operations of its wires: by which request, command and call they are had.

Two wires have the same operation where their sayings mean the same. In a template, `{name}` is the
value of a field, and a secret stands as a blank; a field of a template that has no value is left
out, where it is one of those that may be.
"""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import frozen

from sockcrud.journal.masking import MASK
from sockcrud.journal.translating.blanks import blank, in_python, in_shell
from sockcrud.journal.translating.requests import HTTPRequest, LineRequest, Request

_HOLE: Final = re.compile(r"\{(\w+)\}")

Values = dict[str, Any]


@frozen
class Saying:
    """An operation of one wire.

    `operation` is its name there, as the journal has it. `request` is the template: of the object
    on a line, or of the body of an HTTP request (None for none) to `path`, with a `login` as
    `bearer`, `basic` or none.
    """

    means: str
    operation: str
    request: Any = None
    path: str = ""
    within: str = ""
    """The field of the object that the journal shows the fields of."""
    login: str = ""
    optional: tuple[str, ...] = ()
    command: str = ""
    """Words behind `sockcrud`, of which what is no option stands last; an option whose value there
    is none of is left out."""
    stdin: str = ""
    """The blank that the command reads there."""
    call: str = ""
    """A call of the client: `create(name={name})`."""

    def values(self, fields: Any) -> Values | None:
        """Return the values of a request's fields, whatever the case of their names; None where it
        is another request.
        """
        values: Values = {}
        template = self._in_one() if self.path else self.request
        if self.within:
            template = template[self.within]
        return values if _unified(template, fields, values) else None

    def _in_one(self) -> Any:
        """Return the names of all that an HTTP request holds, in its path, query and body."""
        holes = {name: f"{{{name}}}" for name in _HOLE.findall(self.path)}
        query = self.path.partition("?")[2]
        for pair in query.split("&") if query else ():
            name, _, value = pair.partition("=")
            holes[name] = value
        return {**holes, **(self.request or {})}

    def build(self, values: Values) -> Request:
        """Return the request that says it of these values; what it needs and they have not is a
        blank.
        """
        values = self._complete(values)
        if not self.path:
            return LineRequest(json.dumps(_filled(self.request, values), ensure_ascii=False))
        method = self.operation.partition(" ")[0]
        path, mark, query = self.path.partition("?")
        pairs = [pair for pair in query.split("&") if mark and _is_there(pair, values)]
        target = _text(path, values) + ("?" + "&".join(_text(p, values) for p in pairs)) * bool(
            pairs
        )
        body = None if self.request is None else _filled(self.request, values)
        text = None if body is None else json.dumps(body, ensure_ascii=False)
        return HTTPRequest(method, target, (), text, self.login)

    def _complete(self, values: Values) -> Values:
        needed = _holes(self.request) + _HOLE.findall(self.path)
        missing = [name for name in needed if name not in values and name not in self.optional]
        return {**values, **{name: blank(name) for name in missing}}

    def is_complete(self, values: Values) -> bool:
        """Return whether nothing is missing from the values."""
        return self._complete(values) == values

    def words(self, values: Values, at: str) -> str:
        """Return the command that does it."""
        values = self._complete(values)
        group, verb, *rest = shlex.split(self.command)
        words = ["sockcrud", group, verb, "--at", in_shell(at)]
        for word in rest:
            hole = _HOLE.fullmatch(word)
            is_value = words[-1].startswith("--") and word != "-"
            if hole is None:
                words.append(in_shell(word))
            elif hole[1] in values:
                value = values[hole[1]]
                text = value if isinstance(value, str) else json.dumps(value)
                words += ["--"] * (text.startswith("-") and not is_value)
                words.append(in_shell(text))
            elif is_value:
                words.pop()
        line = " ".join(words)
        return f'printf %s "${self.stdin}" | {line}' if self.stdin else line

    def python(self, values: Values) -> str:
        """Return the call of the client that does it."""
        values = self._complete(values)
        name, _, rest = self.call.partition("(")
        args = []
        for arg in filter(None, rest.removesuffix(")").split(", ")):
            keyword, equals, hole = arg.rpartition("=")
            found = _HOLE.fullmatch(hole)
            if found is None:
                args.append(arg)  # as it stands: what is read from the environment
            elif found[1] in values:
                args.append(keyword + equals + _literal(values[found[1]]))
        return f"{name}({', '.join(args)})"


@frozen
class Sayings:
    """Those of one dialect, and how its client is imported, and made at `{at}`."""

    all: Sequence[Saying]
    imports: str = ""
    client: str = ""

    def find(self, operation: str | None, fields: Any) -> tuple[Saying, Values] | None:
        """Return what a request says, and of which values."""
        found = None
        for saying in self.all if operation is not None else ():
            if saying.operation == operation:
                values = saying.values(fields)
                if values is not None:
                    found = saying, values
                    if saying.is_complete(values):
                        break
        return found


def _unified(template: Any, value: Any, values: Values) -> bool:
    if isinstance(template, str) and (hole := _HOLE.fullmatch(template)):
        if value != MASK and not isinstance(value, (dict, list)):
            whole = isinstance(value, str) and hole[1].split("_")[-1] == "id" and value.isdigit()
            values[hole[1]] = int(value) if whole else value
        return True
    if isinstance(template, Mapping):
        if not isinstance(value, Mapping):
            return value is None
        lower = {str(name).lower(): each for name, each in value.items()}
        return all(
            _unified(each, lower[name.lower()], values)
            for name, each in template.items()
            if name.lower() in lower
        )
    return True  # a constant, which the operation has told, or a blank


def _filled(template: Any, values: Values) -> Any:
    if isinstance(template, str) and (hole := _HOLE.fullmatch(template)):
        return values[hole[1]]
    if isinstance(template, Mapping):
        return {
            name: _filled(each, values)
            for name, each in template.items()
            if not isinstance(each, str) or _is_there(each, values)
        }
    return template


def _is_there(text: str, values: Values) -> bool:
    return all(name in values for name in _HOLE.findall(text))


def _holes(template: Any) -> list[str]:
    if isinstance(template, Mapping):
        return [name for each in template.values() for name in _holes(each)]
    return _HOLE.findall(template) if isinstance(template, str) else []


def _text(text: str, values: Values) -> str:
    return _HOLE.sub(lambda found: str(values[found[1]]), text)


def _literal(value: Any) -> str:
    return in_python(value) if isinstance(value, str) else repr(value)
