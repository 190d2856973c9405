"""How bytes are read for people: which operation of which fields, or where that went wrong."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any, Final, NoReturn, Protocol

from attrs import Factory, define, frozen

from sockcrud.journal.masking import (
    MASK,
    MORE,
    NO_WORDS,
    Masked,
    Words,
    mask_json,
    mask_unreadable,
)


@frozen
class Fault:
    """Where bytes stopped being a request, counted from the first of them, and why."""

    offset: int | None
    message: str


@define
class Read:
    """A request as it was read. Nothing in it is secret but `hidden`: what was masked, to be masked
    in the answer too.
    """

    text: str
    operation: str | None = None
    fields: Any = None
    fault: Fault | None = None
    hidden: set[str] = Factory(set)
    words: Words = NO_WORDS
    """Those of the answer."""


class Reading(Protocol):
    """What reads the requests and answers of one dialect."""

    @property
    def words(self) -> Words:
        """Return all words of the dialect."""

    def request(self, raw: bytes, is_cut: bool, all: bool = False) -> Read:
        """Read a request, of which there may be more than these bytes; with `all`, no value of it
        is shown.
        """

    def answer(self, raw: bytes, is_cut: bool, read: Read) -> str:
        """Return an answer as it may be shown."""


def decoded(raw: bytes) -> str:
    """Return bytes as text; what is no UTF-8 as `\\xNN`."""
    return raw.decode("utf-8", "backslashreplace")


def fault_of(raw: bytes) -> Fault | None:
    """Return where bytes stop being JSON; None where they are, as far as can be told."""
    try:
        text = raw.decode()
        json.loads(text, parse_constant=_no_constant)
    except UnicodeDecodeError as error:
        return Fault(error.start, "no UTF-8")
    except json.JSONDecodeError as error:
        return Fault(len(text[: error.pos].encode()), error.msg)
    except (_Constant, RecursionError) as error:
        return Fault(None, str(error) or "nested too deeply")
    return None


class _Constant(ValueError):
    """A number that JSON does not know."""


def _no_constant(name: str) -> NoReturn:
    raise _Constant(f"{name} is no number of JSON")


@frozen
class BytesReading:
    """A wire of which nothing is known but, perhaps, some words."""

    words: Words = NO_WORDS

    def request(self, raw: bytes, is_cut: bool, all: bool = False) -> Read:
        masked = mask_unreadable(decoded(raw), self.words)
        return Read(masked.text, hidden=masked.hidden)

    def answer(self, raw: bytes, is_cut: bool, read: Read) -> str:
        return mask_unreadable(decoded(raw), self.words).text


class JSONReading:
    """A wire of JSON objects, in which the value of one field says which operation is meant."""

    def __init__(
        self,
        operation: str,
        operations: Iterable[str],
        fields: Iterable[str],
        answers: Iterable[str],
        secret: Iterable[str] = (),
    ) -> None:
        self._operation = operation
        self._operations = tuple(operations)
        secret = tuple(secret)
        self.words = Words((operation, *fields), self._operations, secret)
        self._answers = Words(answers, (), secret)

    def request(self, raw: bytes, is_cut: bool, all: bool = False) -> Read:
        if is_cut:
            masked = mask_json(decoded(raw), self.words, all)
            return Read(masked.text, hidden=masked.hidden, words=self._answers)
        if fault := fault_of(raw):
            masked = mask_broken(raw, fault, self.words)
            return Read(masked.text, fault=fault, hidden=masked.hidden, words=self._answers)
        masked = mask_json(decoded(raw), self.words, all)
        fields = json.loads(masked.text, strict=False)
        operation = None
        if isinstance(fields, dict):
            operation = self._operation_of(fields.pop(self._operation, None), masked)
            fields = self.fields_of(fields)
        return Read(masked.text, operation, fields, None, masked.hidden, self._answers)

    def fields_of(self, request: dict[str, Any]) -> Any:
        """Return what a request holds besides the name of its operation."""
        return request

    def _operation_of(self, named: Any, masked: Masked) -> str | None:
        if not isinstance(named, str) or not named:
            return None
        if (word := self.words.word(named)) is MASK:
            masked.hide(named)  # so it is masked in the text, too
        return word

    def answer(self, raw: bytes, is_cut: bool, read: Read) -> str:
        return mask_json(decoded(raw), read.words).text


class RPCReading(JSONReading):
    """JSON-RPC 2.0: its methods, and the names of their parameters and results."""

    def __init__(
        self, methods: Iterable[str], fields: Iterable[str], secret: Iterable[str] = ()
    ) -> None:
        fields = tuple(fields)
        super().__init__(
            "method",
            methods,
            ("jsonrpc", "id", "params", *fields),
            ("jsonrpc", "id", "result", "error", "items", "next", *_OF_RPC_ERRORS, *fields),
            secret,
        )

    def fields_of(self, request: dict[str, Any]) -> Any:
        return request.get("params")


_OF_RPC_ERRORS: Final = (
    "code", "message", "data", "field", "expected", "name", "kind", "by", "rev", "retry_after",
)  # fmt: skip


def mask_broken(raw: bytes, fault: Fault, words: Words) -> Masked:
    """Return what is no JSON: as such up to where it is not, and from there the words known."""
    if fault.offset is None:
        return mask_unreadable(decoded(raw), words)
    read = mask_json(decoded(raw[: fault.offset]), words)
    rest = mask_unreadable(decoded(raw[fault.offset :]), words)
    text = read.text.removesuffix(MORE)
    return Masked(text + rest.text, read.hidden | rest.hidden)


NOTHING_KNOWN: Final = BytesReading()
