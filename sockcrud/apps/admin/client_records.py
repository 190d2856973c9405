"""What the admin port tells of, in Python's types. Immutable."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from attrs import frozen


@frozen
class Account:
    """Who may log in, as `admin` shows it."""

    id: int
    rev: int
    login: str
    role: str
    company_id: int
    active: bool


@frozen
class Company:
    """A company, whose accounts see each other."""

    id: int
    rev: int
    name: str
    active: bool


@frozen
class Session:
    """A login that lives. Its token is its owner's alone."""

    id: int
    account_id: int
    dialect: str
    address: str
    created_at: datetime
    used_at: datetime


@frozen
class Change:
    """What changed at a revision: what the record has become, as JSON has it, or None where it was
    deleted.
    """

    rev: int
    kind: str
    id: int
    record: Mapping[str, Any] | None


@frozen
class Usage:
    """Who uses a dialect, by which program, and for what; `others` are those without a row."""

    id: int
    dialect: str
    operation: str
    who: str
    software: str
    first_seen: datetime
    last_seen: datetime
    count: int
    in_brownouts: int
    days: Mapping[str, int]


@frozen
class Health:
    """Whether all is well: which dialects listen, and whether the store can be reached."""

    good: bool
    listening: Mapping[str, bool]
    store_reachable: bool
    unknown_kinds: tuple[str, ...] = ()
    """Kinds of records that are in the store and of no app in use."""
