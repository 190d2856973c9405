"""The translations of a request: all that are known of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from attrs import frozen

from sockcrud.client.places import Place
from sockcrud.journal.http import HTTPReading
from sockcrud.journal.reading import NOTHING_KNOWN, Read, Reading
from sockcrud.journal.translating import forms
from sockcrud.journal.translating.blanks import in_python, names
from sockcrud.journal.translating.requests import (
    BEARER,
    HTTPRequest,
    Request,
    http_request,
    line_request,
)
from sockcrud.journal.translating.sayings import Saying, Sayings, Values


@frozen
class Translation:
    """One way to say it: in `form`, at `dialect`, with the names of what is to be filled in."""

    form: str
    dialect: str
    text: str
    blanks: tuple[str, ...] = ()

    @property
    def as_json(self) -> dict[str, Any]:
        """Return it as JSON has it."""
        return {
            "form": self.form,
            "dialect": self.dialect,
            "text": self.text,
            "blanks": list(self.blanks),
        }


class Translator:
    """Translates requests of all dialects. `places` says where each is, as far as that is known."""

    def __init__(
        self,
        readings: Mapping[str, Reading],
        sayings: Mapping[str, Sayings],
        places: Mapping[str, Place],
    ) -> None:
        self._readings = readings
        self._sayings = sayings
        self._places = places

    def of_bytes(self, dialect: str, raw: bytes) -> list[Translation]:
        """Return the translations of a request of this dialect."""
        return self.of_read(dialect, self._readings.get(dialect, NOTHING_KNOWN).request(raw, False))

    def of_read(self, dialect: str, read: Read) -> list[Translation]:
        """Return those of a request that was read."""
        return list(self._all(dialect, read.text, read.operation, read.fields))

    def of_entry(self, entry: Mapping[str, Any]) -> list[Translation]:
        """Return those of a request as the journal renders it."""
        text, fields = entry["request"]["text"], entry["fields"]
        return list(self._all(entry["dialect"], text, entry["operation"], fields))

    def _all(
        self, dialect: str, text: str, operation: str | None, fields: Any
    ) -> Iterator[Translation]:
        place = self._places.get(dialect)
        if place is None:
            return
        is_http = isinstance(self._readings.get(dialect), HTTPReading)
        request: Request | None = http_request(text) if is_http else line_request(text)
        own = self._sayings.get(dialect)
        found = None if own is None else own.find(operation, fields)
        if found is not None and isinstance(request, HTTPRequest) and _is_unclear(request):
            request = found[0].build(found[1])
        if request is not None:
            yield from _raw(dialect, request, place)
        if found is None or own is None:
            return
        saying, values = found
        yield from _known(dialect, own, saying, values, place)
        for name, other in self._sayings.items():
            at = self._places.get(name)
            for each in other.all if at is not None and name != dialect else ():
                if each.means == saying.means and at is not None:
                    wanted = "curl" if each.path else "nc"
                    yield from _raw(name, each.build(values), at, [wanted])
                    if not saying.command:
                        yield from _command(name, each, values, at)


def _is_unclear(request: HTTPRequest) -> bool:
    """Return whether the body is masked so that nothing of it can be sent again."""
    return request.body is not None and "{" not in request.body and bool(names(request.body))


def _raw(
    dialect: str,
    request: Request,
    place: Place,
    wanted: Sequence[str] = ("nc", "curl", "httpie", "socket"),
) -> Iterator[Translation]:
    made = {"nc": forms.netcat(request, place), "socket": forms.sockets(request, place)}
    if isinstance(request, HTTPRequest) and place.kind != "unix":
        made["curl"], made["httpie"] = forms.curl(request, place), forms.httpie(request, place)
    for form in wanted:
        if form in made:
            yield Translation(form, dialect, made[form], _blanks(request))


def _blanks(request: Request) -> tuple[str, ...]:
    if not isinstance(request, HTTPRequest):
        return tuple(names(request.text))
    login = {"bearer": ["TOKEN"], "basic": ["LOGIN", "PASSWORD"]}.get(request.login, [])
    texts = [request.target, *(value for _, value in request.fields), request.body or ""]
    return tuple(dict.fromkeys([*login, *(name for text in texts for name in names(text))]))


def _known(
    dialect: str, own: Sayings, saying: Saying, values: Values, place: Place
) -> Iterator[Translation]:
    yield from _command(dialect, saying, values, place)
    blanks, at = _blanks(saying.build(values)), _written(place)
    if saying.call and own.client:
        call = f"print(client.{saying.python(values)})"
        lines = [own.imports, ""]
        body = [f"client = {own.client.replace('{at}', in_python(at))}"]
        if saying.login == BEARER or "SESSION" in blanks:
            token = "TOKEN" if saying.login == BEARER else "SESSION"
            body.append(f'client.token = os.environ["{token}"]')
        body += [call, "client.close()"]
        if "os.environ" in "\n".join(body):
            lines.insert(0, "import os\n")
        yield Translation("python", dialect, "\n".join([*lines, *body]), blanks)


def _command(dialect: str, saying: Saying, values: Values, place: Place) -> Iterator[Translation]:
    if saying.command:
        text = saying.words(values, _written(place))
        needed = dict.fromkeys([*_blanks(saying.build(values)), saying.stdin])
        blanks = tuple(name for name in needed if name and f'"${name}"' in text)
        yield Translation("sockcrud", dialect, text, blanks)


def _written(place: Place) -> str:
    """Return a place as commands and clients take it."""
    return f"tls://{place}" if place.kind == "tls" else str(place)
