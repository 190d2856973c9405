"""Requests that may be sent again: the header `Idempotency-Key`, as the IETF's draft has it
(draft-ietf-httpapi-idempotency-key-header).

The answer to a request with a key is kept in the transaction of the change that the request makes:
either both are on disk or neither is. So whoever did not get an answer sends the same request with
the same key once more, and gets the answer to the first one, whatever became of that: it was
carried out, or it was not and is now, but never twice. That holds over a restart, and over all
nodes of a database: a key is unique in the store.

- A key is that of an account, or, where nobody has logged in, of an address; at one dialect.
- It stands for one request: its method, its target and its body, whose digest is kept, worked out
  together with the key, which is not. Any other request with the key is refused with `KeyReused`.
- A request whose key is in use at this moment, by this daemon, is refused with `KeyInUse`. Where
  it is in use on another node, the transactions of both come one after the other, and the later one
  finds the answer of the first.
- What was refused has changed nothing, so nothing is kept, and the key may be used again.

Answers are kept for a time, and no more of them than a number, of one account or address no more
than a part of that: the oldest go first. What has a password or a token in its request or in its
answer takes no key; a login name is unique anyhow.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta, timezone
from hashlib import sha256
from typing import Any, Final, TypeVar

import orjson
from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater
from twisted.logger import Logger

from sockcrud.access import Principal
from sockcrud.errors import DomainError, Invalid, KeyInUse, KeyReused, NotFound
from sockcrud.identity.records import KeptAnswer
from sockcrud.peers import peer_of
from sockcrud.protocols.http.request import Request
from sockcrud.protocols.http.responses import Response
from sockcrud.storage.contract import IStore, ITransaction
from sockcrud.storage.joining import Joining, joined_by

T = TypeVar("T")

HEADER: Final = b"Idempotency-Key"
FIELD: Final = HEADER.lower()

LONGEST_KEY: Final = 255
LONGEST_ANSWER: Final = 64 * 1024
"""Characters of an answer that is kept whole; a longer one is kept without its body."""

SHARE: Final = 10
"""One account, or one address, has this part of all answers at most."""
USUAL_BYTES: Final = 1024
"""Bytes an answer, on average: so many times the number of answers are the bytes of them all."""

TOGETHER: Final = 100
"""Answers beyond the bounds that are deleted together, in a transaction of their own."""
SLICE: Final = 200
"""Answers looked at in one turn of a sweep."""

_KEY: Final = re.compile(rb'"((?:[ !#-\[\]-~]|\\["\\])*)"|([!#-~]+)')
"""A string of structured fields (RFC 9651); most clients leave its quotes away."""

_log = Logger()


class Keys:
    """The keys that are in use, and the answers that are kept."""

    def __init__(self, store: IStore, clock: IReactorTime, age: timedelta, most: int) -> None:
        self._store = store
        self._clock = clock
        self._age = age
        self._most = most
        self._in_use: set[str] = set()
        self._ledger = self._new_ledger()
        self._is_loaded = False

    async def once(
        self,
        principal: Principal,
        request: Request,
        perform: Callable[[], Awaitable[T]],
        render: Callable[[T], Response],
    ) -> Response:
        """Return the answer that was kept under the request's key, or what `render` makes of the
        result of `perform`, and keep that.

        Raise `Invalid`, `KeyInUse`, `KeyReused`, or as these do.
        """
        given = request.header(FIELD) or b""
        key = _read(given)
        holder = _holder(principal)
        name = _digest(holder.encode(), principal.dialect.encode(), key)
        target = f"{request.method} {request.path}?{request.query}".encode()
        kept = _Kept(self, name, holder, _digest(key, target, request.body), render)
        if name in self._in_use:
            raise KeyInUse
        self._in_use.add(name)
        try:
            response = await self._answered(kept, perform, render)
        finally:
            self._in_use.discard(name)
        return evolve(response, headers=(*response.headers, (HEADER, given)))

    async def _answered(
        self,
        kept: _Kept,
        perform: Callable[[], Awaitable[T]],
        render: Callable[[T], Response],
    ) -> Response:
        found = await self._store.find(KeptAnswer, "key", kept.name)
        if found is not None and not self.is_over(found):
            return kept.repeated(found)

        async def work() -> T:
            return await perform()

        try:
            result = await joined_by(kept, work())
        except _Known as known:
            return kept.repeated(known.answer)
        if kept.answer is None or kept.response is None:
            return render(result)  # it has changed nothing
        self._note(kept.answer)
        return kept.response

    def is_over(self, answer: KeptAnswer) -> bool:
        """Return whether the answer's time is over."""
        # Either way: one from before the clock went back would be kept for longer.
        return abs(self.now() - answer.kept_at) >= self._age

    def now(self) -> datetime:
        """Return the time of day."""
        return datetime.fromtimestamp(self._clock.seconds(), timezone.utc)

    # What is kept no longer

    def _note(self, answer: KeptAnswer) -> None:
        self._ledger.add(answer)
        if len(self._ledger.beyond) >= TOGETHER:
            deleting = Deferred.fromCoroutine(self._delete(self._ledger.take_beyond()))
            deleting.addErrback(_not_deleted)

    async def sweep(self) -> int:
        """Delete the answers whose time is over, and those beyond the bounds; fire with how many.

        Works in slices, one in a turn of the reactor, so that nobody waits for it.
        """
        if not self._is_loaded:
            await self._load()
        swept = await self._delete(self._ledger.take_beyond())
        excess = await self._store.count(KeptAnswer) - self._most  # other nodes keep some, too
        while page := await self._store.page(KeptAnswer, SLICE):
            over = [each.id for at, each in enumerate(page) if at < excess or self.is_over(each)]
            deleted = await self._delete(over)
            swept, excess = swept + deleted, excess - len(over)
            if not deleted or len(over) < len(page):
                break  # they are in the order in which they were kept
            await deferLater(self._clock, 0)
        return swept

    def _new_ledger(self) -> _Ledger:
        return _Ledger(self._most, self._most * USUAL_BYTES)

    async def _load(self) -> None:
        self._ledger = self._new_ledger()  # which is told of the oldest first
        after: int | None = None
        while page := await self._store.page(KeptAnswer, SLICE, after):
            for answer in page:
                self._ledger.add(answer)
            after = page[-1].id
            await deferLater(self._clock, 0)
        self._is_loaded = True

    async def _delete(self, ids: Sequence[int]) -> int:
        async def delete(transaction: ITransaction) -> int:
            deleted = 0
            for id in ids:
                try:
                    await transaction.delete(KeptAnswer, id)
                except NotFound:
                    continue  # another node was faster
                deleted += 1
            return deleted

        if not ids:
            return 0
        self._ledger.forget(ids)
        return await self._store.transact(delete)


def _not_deleted(failure: Any) -> None:
    _log.failure("answers beyond their bounds could not be deleted", failure=failure)


class _Known(DomainError):
    """The key has an answer already: another node was first."""

    outcome = "known"
    noted = True

    def __init__(self, answer: KeptAnswer) -> None:
        super().__init__("the key has an answer already")
        self.answer = answer


class _Kept(Joining):
    """What keeps the answer to one request, in the transaction of its change."""

    def __init__(
        self,
        keys: Keys,
        name: str,
        holder: str,
        fingerprint: str,
        render: Callable[[Any], Response],
    ) -> None:
        super().__init__(KeptAnswer, "key", name)
        self.name = name
        self.answer: KeptAnswer | None = None
        self.response: Response | None = None
        self._keys = keys
        self._holder = holder
        self._fingerprint = fingerprint
        self._render = render

    async def around(self, transaction: ITransaction, body: Callable[[Any], Awaitable[T]]) -> T:
        found = await transaction.find(KeptAnswer, "key", self.name)
        if found is not None:
            if not self._keys.is_over(found):
                raise _Known(found)
            await transaction.delete(KeptAnswer, found.id)
        result = await body(transaction)
        response = self._render(result)
        self.answer = await transaction.insert(
            KeptAnswer,
            key=self.name,
            holder=self._holder,
            fingerprint=self._fingerprint,
            kept_at=self._keys.now(),
            answer=_written(response),
        )
        self.response = response
        return result

    def repeated(self, answer: KeptAnswer) -> Response:
        """Return the response that was kept; raise `KeyReused` where another request got it."""
        if answer.fingerprint != self._fingerprint:
            raise KeyReused
        status, type, headers, body = orjson.loads(answer.answer)
        given = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in headers)
        return Response(status, body.encode(), type.encode("latin-1"), given)


def _written(response: Response) -> str:
    body = response.body
    if not isinstance(body, bytes):
        raise TypeError("a response that is kept under a key has its body at hand")
    headers = [[part.decode("latin-1") for part in each] for each in response.headers]
    head = [response.status, response.content_type.decode("latin-1"), headers]
    written = orjson.dumps([*head, body.decode()]).decode()
    return written if len(written) <= LONGEST_ANSWER else orjson.dumps([*head, ""]).decode()


def _read(given: bytes) -> bytes:
    """Return the key in a header field; raise `Invalid` where it is none."""
    found = _KEY.fullmatch(given)
    key = b"" if found is None else found[2] or re.sub(rb"\\(.)", rb"\1", found[1])
    if not 0 < len(key) <= LONGEST_KEY:
        expected = f'a text in quotes of 1 to {LONGEST_KEY} characters of ASCII, as "8e03978e-40d5"'
        raise Invalid(HEADER.decode(), expected)
    return key


def _holder(principal: Principal) -> str:
    account = principal.account
    if account is None:
        return peer_of(principal.address)[:LONGEST_KEY]
    return f"account {account.id} {account.role}"  # in another role it may do other things


def _digest(*parts: bytes) -> str:
    digest = sha256()
    for part in parts:
        digest.update(b"%d:%b" % (len(part), part))
    return digest.hexdigest()


class _Ledger:
    """Which answers there are, the oldest first, and those that are to go: `beyond`."""

    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most, most_bytes
        self._of_one = max(1, most // SHARE), max(1, most_bytes // SHARE)
        self._all: dict[int, tuple[str, int]] = {}
        self._of: dict[str, dict[int, None]] = {}
        self._bytes: dict[str, int] = {}
        self._all_bytes = 0
        self.beyond: list[int] = []

    def add(self, answer: KeptAnswer) -> None:
        """Take note of an answer; of what is too much by it, the oldest have to go."""
        holder, size = answer.holder, len(answer.answer)
        if answer.id in self._all:
            return
        self._all[answer.id] = holder, size
        self._all_bytes += size
        own = self._of.setdefault(holder, {})
        own[answer.id] = None
        self._bytes[holder] = self._bytes.get(holder, 0) + size
        while len(own) > 1 and (
            len(own) > self._of_one[0] or self._bytes[holder] > self._of_one[1]
        ):
            self._give_up(next(iter(own)))
        while len(self._all) > self._most[0] or self._all_bytes > self._most[1]:
            self._give_up(next(iter(self._all)))

    def _give_up(self, id: int) -> None:
        self.forget((id,))
        self.beyond.append(id)

    def take_beyond(self) -> list[int]:
        """Return those that are to go, which are then seen to."""
        beyond, self.beyond = self.beyond, []
        return beyond

    def forget(self, ids: Sequence[int]) -> None:
        """Count these no longer."""
        for id in ids:
            holder, size = self._all.pop(id, ("", 0))
            if holder in self._of and id in self._of[holder]:
                self._all_bytes -= size
                self._bytes[holder] -= size
                del self._of[holder][id]
                if not self._of[holder]:
                    del self._of[holder], self._bytes[holder]
