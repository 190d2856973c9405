"""Brownouts: times in which a dialect answers that it is busy, so that clients that were forgotten
show themselves before it goes away for good.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from datetime import date, datetime, time, timedelta, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final

from attrs import frozen

from sockcrud.errors import Busy

if TYPE_CHECKING:
    from sockcrud.access import Principal
    from sockcrud.settings import Settings

_UNITS: Final = {"s": 1, "m": 60, "h": 3600, "d": 86400}
_LONGEST: Final = timedelta(days=31)
_BROWNOUT: Final = re.compile(r"([a-z0-9-]+)@(\S+)/([0-9]{1,6})([smhd])")
_DAY: Final = re.compile(r"([a-z0-9-]+)@([0-9-]{10})")


@frozen
class Brownout:
    """A time in which a dialect pauses."""

    dialect: str
    begin: datetime
    end: datetime


def brownouts(text: str) -> tuple[str, ...]:
    """Take the text of a setting; raise ValueError."""
    words = tuple(text.split())
    for word in words:
        read_brownout(word)
    return words


def days(text: str) -> tuple[str, ...]:
    """Take the text of a setting; raise ValueError."""
    words = tuple(text.split())
    for word in words:
        read_day(word)
    return words


def read_brownout(word: str) -> Brownout:
    """Return when which dialect pauses; raise ValueError."""
    found = _BROWNOUT.fullmatch(word)
    moment = _moment(found[2]) if found is not None else None
    if found is None or moment is None:
        raise ValueError(
            "dialects, each with a time and how long it lasts, and blanks between them, such as "
            "users@2026-12-01T10:00Z/15m"
        )
    lasts = timedelta(seconds=int(found[3]) * _UNITS[found[4]])
    if not timedelta(0) < lasts <= _LONGEST:
        raise ValueError("brownouts that last a second at least, and 31 days at most")
    return Brownout(found[1], moment, moment + lasts)


def read_day(word: str) -> tuple[str, date]:
    """Return a dialect and its day; raise ValueError."""
    found = _DAY.fullmatch(word)
    try:
        if found is not None:
            return found[1], date.fromisoformat(found[2])
    except ValueError:
        pass
    raise ValueError("dialects, each with a day, and blanks between them, such as users@2027-01-31")


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(re.sub("[zZ]$", "+00:00", text))  # 3.10 reads no Z
    except ValueError:
        return None
    return moment.astimezone(timezone.utc) if moment.tzinfo is not None else None


@frozen
class Retirement:
    """How a dialect is taken out of use: since when it is not to be used for anything new, and when
    it goes.
    """

    deprecated: date | None = None
    sunset: date | None = None

    @property
    def headers(self) -> tuple[tuple[bytes, bytes], ...]:
        """What HTTP says of it: RFC 9745 and RFC 8594."""
        headers = []
        if self.deprecated is not None:
            headers.append((b"Deprecation", b"@%d" % _midnight(self.deprecated).timestamp()))
        if self.sunset is not None:
            gone = format_datetime(_midnight(self.sunset), usegmt=True)
            headers.append((b"Sunset", gone.encode("ascii")))
        return tuple(headers)

    def headers_on(self, today: date) -> tuple[tuple[bytes, bytes], ...]:
        """Return them from the day on that it is deprecated."""
        if self.deprecated is not None and today < self.deprecated:
            return ()
        return self.headers


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), timezone.utc)


class Retirements:
    """What is to become of which dialect, as the settings say it."""

    def __init__(
        self,
        brownouts: Iterable[str] = (),
        deprecated: Iterable[str] = (),
        sunset: Iterable[str] = (),
    ) -> None:
        self._pauses: dict[str, list[Brownout]] = {}
        for brownout in map(read_brownout, brownouts):
            self._pauses.setdefault(brownout.dialect, []).append(brownout)
        self._deprecated = dict(map(read_day, deprecated))
        self._sunset = dict(map(read_day, sunset))

    @property
    def dialects(self) -> set[str]:
        """Those of which anything is said."""
        return {*self._pauses, *self._deprecated, *self._sunset}

    @property
    def has_brownouts(self) -> bool:
        """Whether any dialect is to pause at all."""
        return bool(self._pauses)

    def is_paused(self, dialect: str, now: datetime) -> bool:
        """Return whether a dialect is in a brownout."""
        pauses = self._pauses.get(dialect, ())
        return any(pause.begin <= now < pause.end for pause in pauses)

    def of(self, dialect: str) -> Retirement | None:
        """Return what HTTP answers of a dialect are to say, None where that is nothing."""
        deprecated, sunset = self._deprecated.get(dialect), self._sunset.get(dialect)
        return None if deprecated is None and sunset is None else Retirement(deprecated, sunset)


def retirements_of(settings: Settings) -> Retirements:
    """Return what the settings say."""
    return Retirements(
        settings.brownouts_at, settings.brownouts_deprecated, settings.brownouts_sunset
    )


Interference = Callable[[str, "Principal"], "Awaitable[None] | None"]


def pausing(
    retirements: Retirements, now: Callable[[], datetime], other: Interference | None = None
) -> Interference:
    """Return what raises Busy before an operation of a dialect that is in a brownout; else what
    `other` returns.
    """

    def before(operation: str, principal: Principal) -> Awaitable[None] | None:
        if retirements.is_paused(principal.dialect, now()):
            raise Busy
        return None if other is None else other(operation, principal)

    return before
