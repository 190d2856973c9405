"""The records of who may log in: they are there whichever apps are in use."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sockcrud.records import Record, choice, flag, moment, reference, text, whole
from sockcrud.records.constraints import INT64
from sockcrud.records.lookalikes import caseless

ADMIN: Final = "admin"
USER: Final = "user"


class Company(Record):
    """A company: its accounts see each other, and no others."""

    name: str = text(1, 200, names=True, unique=caseless)
    active: bool = flag()


class Account(Record):
    """Who may log in, at whichever dialect."""

    login: str = text(
        2,
        254,
        r"[^\x00-\x20\x7f-\x9f\s:,]+",
        "a name or an email, no blanks, ':' or ','",
        unique=caseless,
        names=True,
        one_alphabet=True,
    )
    password_hash: str = text(1, 500, secret=True)
    role: str = choice(ADMIN, USER, indexed=True)
    company_id: int = reference(Company)
    active: bool = flag()


class Session(Record, journaled=False):
    """A login that lives: the SHA-256 of its token, and the dialect where it works."""

    token_hash: str = text(64, 64, unique=True, secret=True)
    account_id: int = reference(Account, cascade=True)
    dialect: str = text(1, 40)
    address: str = text(0, 200)
    created_at: datetime = moment()
    used_at: datetime = moment(soft=True)


class LoginFailures(Record, journaled=False):
    """Failed logins in a row for one login name from one address."""

    key: str = text(1, 600, unique=True)
    failures: int = whole(1, INT64.stop - 1)
    delayed_until: datetime = moment()


class KeptAnswer(Record, journaled=False):
    """The answer to a request with an Idempotency-Key, for whoever sends it again."""

    key: str = text(64, 64, unique=True)
    holder: str = text(1, 255)
    fingerprint: str = text(64, 64)
    kept_at: datetime = moment()
    answer: str = text(2, 64 * 1024)


IDENTITY: Final = (Company, Account, Session, LoginFailures, KeptAnswer)
