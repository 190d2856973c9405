"""Reading the objects that answers hold. What has another shape is a bad answer; no value is told,
it may be a secret.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar

import attrs
import orjson

from sockcrud.client.errors import BadAnswer

T = TypeVar("T")


class Fields:
    """An object of JSON."""

    def __init__(self, value: Any) -> None:
        if not isinstance(value, dict):
            raise BadAnswer("an answer that is no JSON object where one is expected")
        self.all: dict[str, Any] = value

    @classmethod
    def decoded(cls, raw: bytes) -> Fields:
        """Return the object that is written there."""
        return cls(decoded(raw))

    def __contains__(self, name: str) -> bool:
        return name in self.all

    def text(self, name: str) -> str:
        return self._typed(name, str, "text")

    def whole(self, name: str) -> int:
        """Return a whole number; true is none."""
        value = self.all.get(name)
        if type(value) is not int:
            raise BadAnswer(f"an answer without a whole number {name!r}")
        return value

    def flag(self, name: str) -> bool:
        return self._typed(name, bool, "flag")

    def of(self, name: str) -> Fields:
        """Return an object inside."""
        return Fields(self.all.get(name))

    def maybe(self, name: str) -> Mapping[str, Any] | None:
        """Return an object inside as JSON has it, or None where null stands for it."""
        return None if self.all.get(name) is None else self.of(name).all

    def each(self, name: str, read: Callable[[Fields], T]) -> list[T]:
        """Return the objects of a list inside."""
        return objects(self.all.get(name), read)

    def record(self, kind: type[T], **given: Any) -> T:
        """Return a record: each field by its type, but for those that are given."""
        fields = attrs.fields(kind)  # type: ignore[arg-type]
        read = {
            each.name: _READERS[_name(each.type)](self, each.name)
            for each in fields
            if each.name not in given
        }
        return kind(**read, **given)

    def amount(self, name: str) -> Decimal:
        """Return money: a text, as the wire has it, or a number."""
        value = self.all.get(name)
        try:
            found = Decimal(str(value)) if type(value) in (str, int, float) else None
        except InvalidOperation:
            found = None
        if found is None or not found.is_finite():
            raise BadAnswer(f"an answer without an amount {name!r}")
        return found

    def moment(self, name: str) -> datetime:
        """Return a point in time, which ISO 8601 writes with an offset."""
        try:
            found = datetime.fromisoformat(self.text(name).replace("Z", "+00:00"))
        except ValueError:
            found = None
        if found is None or found.utcoffset() is None:
            raise BadAnswer(f"an answer without a moment {name!r}")
        return found

    def day(self, name: str) -> date:
        """Return a day, as ISO 8601 writes it."""
        try:
            return date.fromisoformat(self.text(name))
        except ValueError:
            raise BadAnswer(f"an answer without a day {name!r}") from None

    def http_day(self, name: str) -> date:
        """Return the day of a date as HTTP writes it."""
        try:
            return parsedate_to_datetime(self.text(name)).date()
        except ValueError:
            raise BadAnswer(f"an answer without a date {name!r}") from None

    def _typed(self, name: str, kind: type[T], called: str) -> T:
        value = self.all.get(name)
        if not isinstance(value, kind):
            raise BadAnswer(f"an answer without a {called} {name!r}")
        return value


_READERS: Final[Mapping[str, Callable[[Fields, str], Any]]] = {
    "int": Fields.whole,
    "str": Fields.text,
    "bool": Fields.flag,
    "Decimal": Fields.amount,
    "datetime": Fields.moment,
    "date": Fields.day,
    "Mapping[str, Any] | None": Fields.maybe,
    "Mapping[str, int]": lambda fields, name: fields.of(name).all,
}


def _name(type: Any) -> str:
    return type if isinstance(type, str) else str(type.__name__)


def objects(value: Any, read: Callable[[Fields], T]) -> list[T]:
    """Return the objects of a list."""
    if not isinstance(value, list):
        raise BadAnswer("an answer that is no JSON list where one is expected")
    return [read(Fields(item)) for item in value]


def decoded(raw: bytes) -> Any:
    """Return what is written as JSON."""
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise BadAnswer("an answer that is not JSON") from None
