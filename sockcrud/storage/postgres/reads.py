"""Reading single records in PostgreSQL: what is asked for while a query is under way is the next
one, one for each kind.

Nothing is kept of what was read. A question never joins a query that has been sent already: its
answer could be older than the question.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import islice
from typing import Any, Final

from attrs import frozen
from psycopg.pq.abc import PGresult
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from sockcrud.errors import NotFound
from sockcrud.records import Record, describe
from sockcrud.records.schema import Schema
from sockcrud.storage.contract import R
from sockcrud.storage.postgres.counters import Sizes
from sockcrud.storage.postgres.layout import LAYOUTS, Chain
from sockcrud.storage.postgres.link import Ask
from sockcrud.storage.postgres.pool import Pool
from sockcrud.storage.weights import USUAL

AT_ONCE: Final = 1
"""Round trips under way at the same time. With a second one there are more queries, and each has
less to answer.
"""

MOST_KEYS: Final = 200
"""Records that one answer holds at most: a few milliseconds for the database, during which all
others wait.
"""

MOST_LONG: Final = 16
"""The same of a kind that has long texts."""

_Waiting = dict[Any, list[Deferred[Any]]]


@frozen
class _ById:
    """Which record has this id?"""

    kind: type[Record]
    most: int

    def ask(self, ids: Iterable[int]) -> Ask:
        return LAYOUTS[self.kind].with_ids(ids)

    def answers(self, result: PGresult) -> Iterator[tuple[int, Record]]:
        return ((record.id, record) for record in LAYOUTS[self.kind].records(result))

    def nothing(self, id: int) -> NotFound:
        return NotFound(self.kind.__name__, id)


@frozen
class _ByKey:
    """Which record has this unique value?"""

    kind: type[Record]
    field: str
    most: int

    def ask(self, keys: Iterable[Any]) -> Ask:
        return LAYOUTS[self.kind].with_keys(self.field, keys)

    def answers(self, result: PGresult) -> Iterator[tuple[Any, Record]]:
        layout = LAYOUTS[self.kind]
        return ((layout.key(self.field, record), record) for record in layout.records(result))

    def nothing(self, key: Any) -> None:
        return None


@frozen
class _ByKeyWith:
    """Which record has this unique value, and which ones does it lead to?"""

    kind: type[Record]
    field: str
    chain: Chain
    most: int

    def ask(self, keys: Iterable[Any]) -> Ask:
        return self.chain.with_keys(keys)

    def answers(self, result: PGresult) -> Iterator[tuple[Any, list[Record]]]:
        layout = LAYOUTS[self.kind]
        return (
            (layout.key(self.field, records[0]), records) for records in self.chain.records(result)
        )

    def nothing(self, key: Any) -> tuple[Record, ...]:
        return ()


@frozen
class _Size:
    """How many records of a kind are there? The database counts them at each change."""

    sizes: Sizes
    most: int = MOST_KEYS

    def ask(self, kinds: Iterable[type[Record]]) -> Ask:
        return self.sizes.ask()

    def answers(self, result: PGresult) -> Iterator[tuple[type[Record], int]]:
        return self.sizes.answers(result)

    def nothing(self, kind: type[Record]) -> None:
        return None


_Question = _ById | _ByKey | _ByKeyWith | _Size


def _made_by_key_with(kind: type[Record], field: str, path: tuple[str, ...]) -> _ByKeyWith:
    return _ByKeyWith(kind, field, Chain(kind, field, path), MOST_KEYS)


def _most(kind: type[Record]) -> int:
    return MOST_KEYS if USUAL[kind] else MOST_LONG


_by_id: Callable[[Any], _ById] = cache(lambda kind: _ById(kind, _most(kind)))
_by_key: Callable[[Any, str], _ByKey] = cache(lambda kind, field: _ByKey(kind, field, _most(kind)))
_by_key_with: Callable[[Any, str, tuple[str, ...]], _ByKeyWith] = cache(_made_by_key_with)


class Reads:
    """Asks for many records at once."""

    def __init__(self, pool: Pool, schema: Schema) -> None:
        self._pool = pool
        self._size = _Size(Sizes(schema))
        self._asked: dict[_Question, _Waiting] = {}
        self._under_way = 0
        self._is_scheduled = False

    def get(self, kind: type[R], id: int) -> Deferred[R]:
        """Return the record; raise `NotFound`."""
        return self._ask(_by_id(kind), id)

    def find(self, kind: type[R], field: str, value: Any) -> Deferred[R | None]:
        """Return the record whose unique field has this value, or None."""
        return self._ask(_by_key(kind, field), describe(kind).uniques[field](value))

    def find_with(
        self, kind: type[R], field: str, value: Any, path: tuple[str, ...]
    ) -> Deferred[list[Record]]:
        """Return the record whose unique field has this value, and those that its references lead
        to.
        """
        return self._ask(_by_key_with(kind, field, path), describe(kind).uniques[field](value))

    def count(self, kind: type[Record]) -> Deferred[int]:
        """Return how many records there are."""
        return self._ask(self._size, kind)

    def _ask(self, question: _Question, key: Any) -> Deferred[Any]:
        waiting = self._asked.get(question)
        if waiting is None:
            waiting = self._asked[question] = {}
        answered: Deferred[Any] = Deferred()
        waiting.setdefault(key, []).append(answered)
        if not self._is_scheduled and self._under_way < AT_ONCE:
            self._is_scheduled = (
                True  # for the next turn: what else comes in this one goes together with it
            )
            self._pool.reactor.callLater(0, self._begin)
        return answered

    def _begin(self) -> None:
        self._is_scheduled = False
        if self._asked and self._under_way < AT_ONCE:
            self._under_way += 1
            Deferred.fromCoroutine(self._go_on())

    async def _go_on(self) -> None:
        while self._asked:
            asked: dict[_Question, _Waiting] = {}
            try:
                link = await self._pool.take()
                asked = self._next()
                asks = [question.ask(waiting) for question, waiting in asked.items()]
                results = await self._pool.ask_with(link, asks)
            except Exception:
                failure = Failure()
                if not asked:
                    asked, self._asked = self._asked, {}
                for waiting in asked.values():
                    _fail(waiting, failure)
                continue
            for (question, waiting), result in zip(asked.items(), results, strict=True):
                _answer(question, waiting, result)
        self._under_way -= 1

    def _next(self) -> dict[_Question, _Waiting]:
        """Return what is asked for next: of each question no more than one answer should hold."""
        asked, self._asked = self._asked, {}
        for question, waiting in asked.items():
            if len(waiting) > (most := question.most):
                keys = list(islice(waiting, most))
                asked[question] = {key: waiting.pop(key) for key in keys}
                self._asked[question] = waiting
        return asked


def _answer(question: _Question, waiting: _Waiting, result: PGresult) -> None:
    """Answer those who wait. What each of them does then is for whoever asked to share out."""
    try:
        answers = list(question.answers(result))
    except Exception:  # something else has written what no record can be
        _fail(waiting, Failure())
        return
    for key, answer in answers:
        for answered in waiting.pop(key, ()):
            answered.callback(answer)
    for key, those in waiting.items():
        nothing = question.nothing(key)
        for answered in those:
            if isinstance(nothing, NotFound):
                answered.errback(nothing)
            else:
                answered.callback(nothing)


def _fail(waiting: _Waiting, failure: Failure) -> None:
    for those in waiting.values():
        for answered in those:
            answered.errback(failure)
