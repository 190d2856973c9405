"""What the ledger keeps in the store."""

from __future__ import annotations

from datetime import datetime

from sockcrud.records import Record, moment, text, whole
from sockcrud.records.constraints import INT64

LONGEST_SOFTWARE = 80
LONGEST_DAYS = 4000


class Usage(Record, journaled=False):
    """The requests of one client, by one program, for one operation at one dialect."""

    key: str = text(64, 64, unique=True, help="the SHA-256 of the four that follow")
    dialect: str = text(1, 40, indexed=True)
    operation: str = text(1, 60)
    who: str = text(0, 260, help="the account, or the address where nobody has logged in")
    software: str = text(0, LONGEST_SOFTWARE, help="what the client says it is, or how it frames")
    first_seen: datetime = moment()
    last_seen: datetime = moment()
    count: int = whole(1, INT64.stop - 1)
    in_brownouts: int = whole(0, INT64.stop - 1, help="of these, while the dialect was paused")
    days: str = text(0, LONGEST_DAYS, help="the requests of each day, latest first")
