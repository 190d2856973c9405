"""What expressions in the sentences cannot say in a line: parts and differences of records."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from typing import Any


class Records:
    """Keywords on records as they came."""

    ROBOT_LIBRARY_SCOPE = "GLOBAL"

    def without_field(self, record: Mapping[str, Any], name: str) -> dict[str, Any]:
        """Return a copy without this field."""
        return {field: value for field, value in record.items() if field != name}

    def changed_fields(self, before: Mapping[str, Any], after: Mapping[str, Any]) -> list[str]:
        """Return the names of the fields that are not the same in both."""
        return [name for name in {**before, **after} if before.get(name) != after.get(name)]

    def should_have_fields(self, record: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
        """Fail unless the record has these fields with these values and types, whatever else it
        has.
        """
        wrong = [
            f"{name} is {record.get(name)!r}, and should be {value!r}"
            for name, value in wanted.items()
            if record.get(name) != value or type(record.get(name)) is not type(value)
        ]
        assert not wrong, "; ".join(wrong)

    def records_with(
        self, records: Iterable[Mapping[str, Any]], name: str, value: object
    ) -> list[Mapping[str, Any]]:
        """Return those of the records whose field has this value."""
        return [record for record in records if record[name] == value]

    def values_of(self, records: Iterable[Mapping[str, Any]], name: str) -> list[Any]:
        """Return the values of one field."""
        return [record[name] for record in records]

    def messages_in(self, text: str) -> list[dict[str, Any]]:
        """Read the messages as the protocol writes them: Python's form of each, with commas and no
        blanks between.
        """
        messages: list[dict[str, Any]] = ast.literal_eval(f"[{text}]")
        assert ",".join(map(repr, messages)) == text, (
            f"not written as the protocol has it: {text[:200]}"
        )
        return messages

    def metric(self, text: str, name: str, **labels: str) -> float:
        """Return the sum of the figures of this name whose labels have these values."""
        total = 0.0
        for found in re.finditer(rf"^{name}(?:\{{(.*)\}})? (\S+)$", text, re.MULTILINE):
            told = dict(re.findall(r'(\w+)="([^"]*)"', found[1] or ""))
            if labels.items() <= told.items():
                total += float(found[2])
        return total
