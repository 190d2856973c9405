"""The users as a back office of the 1990s asked for them: fixed commands in lines of fields with
`;` between them.

GET;1                       000;1;Ann;ann@example.org;37
NEW;Bob;bob@example.org;41  000;2
DEL;7                       404;NO SUCH USER
"""

from __future__ import annotations

import csv
import io
import re
from typing import Final

from sockcrud import App, Dialect
from sockcrud.apps.users.records import User
from sockcrud.apps.users.service import Users
from sockcrud.errors import Busy, DomainError, Invalid, NotFound, Unavailable
from sockcrud.protocols import CloseAfter, LineDialect
from sockcrud.serving import Serving

PAGE: Final = 50
_CONTROLS: Final = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class BackOffice(LineDialect):
    """The back office's lines behind one connection."""

    encoding = "cp1252"
    greeting = b"000;READY\r\n"
    farewell = b"000;BYE\r\n"
    words = {  # noqa: RUF012
        NotFound: "404;NO SUCH USER",
        Invalid: "422;{field};{expected}",
        Busy: "503;TRY LATER",
        Unavailable: "503;TRY LATER",
        DomainError: "500;FAILED",
    }

    def __init__(self, serving: Serving, address: str) -> None:
        super().__init__(serving, address)
        self.users = Users(serving.access, serving.store)

    def only_reads(self, request: str) -> bool:
        return request[:3] in ("GET", "LST")

    async def lineReceived(self, line: str) -> str | CloseAfter:
        match _fields(line):
            case ["LST"]:
                return await self._list(None)
            case ["LST", after]:
                return await self._list(_whole("after", after))
            case ["GET", id]:
                return _line("000", *_row(await self.users.get(self.principal, _whole("id", id))))
            case ["NEW", name, email, age]:
                return _line(
                    "000",
                    (await self.users.create(self.principal, name, email, _whole("age", age))).id,
                )
            case ["UPD", id, name, email, age]:
                given = {"name": name, "email": email, "age": _whole("age", age) if age else ""}
                named = {field: value for field, value in given.items() if value != ""}
                return _line(
                    "000", *_row(await self.users.update(self.principal, _whole("id", id), **named))
                )
            case ["DEL", id]:
                await self.users.delete(self.principal, _whole("id", id))
                return "000"
            case ["BYE"]:
                return CloseAfter(self.farewell)
        return "400;UNKNOWN COMMAND"

    async def _list(self, after: int | None) -> str:
        """Return a line for each of the next users, and one that tells how many these are."""
        stream = await self.users.list(self.principal, after, PAGE)
        users = [user async for slice in stream for user in slice]
        return self.delimiter.join(
            [*(_line(*_row(user)) for user in users), _line("000", len(users))]
        )


def _fields(line: str) -> list[str]:
    try:
        return next(csv.reader([line], delimiter=";", strict=True))
    except csv.Error:
        return []


def _line(*fields: object) -> str:
    made = io.StringIO()
    csv.writer(made, delimiter=";", lineterminator="").writerow(fields)
    return _CONTROLS.sub(" ", made.getvalue())  # a name with a newline in it would be two answers


def _row(user: User) -> tuple[object, ...]:
    return user.id, user.name, user.email, user.age


def _whole(field: str, text: str) -> int:
    if re.fullmatch("[0-9]{1,18}", text) is None:
        raise Invalid(field, "a whole number")
    return int(text)


app = App(
    "backoffice",
    dialects=[
        Dialect(
            "backoffice",
            "tcp:7400",
            "where the users (lines of CSV) listen",
            BackOffice.factory,
            trial=r"printf 'LST\r\n' | nc -N HOST PORT",
        )
    ],
)
