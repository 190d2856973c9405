"""The records of `users`."""

from __future__ import annotations

from datetime import datetime

from sockcrud.records import Record, email, moment, text, whole


class User(Record):
    """A user of docs/protocols/users.md."""

    name: str = text(1, 200)
    email: str = email()
    age: int = whole(0, 150)
    created_at: datetime = moment()
    updated_at: datetime = moment()
