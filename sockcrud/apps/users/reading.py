"""What the journal shows of the users."""

from typing import Final

from sockcrud.journal.reading import JSONReading

_FIELDS: Final = ("name", "email", "age")

READING: Final = JSONReading(
    "id_operation",
    (
        "get_users",
        "get_user",
        "create_user",
        "update_user",
        "delete_user",
        "close_connection",
    ),
    ("payload", "data", "user_id", "limit", "after", *_FIELDS),
    (
        "payload",
        "code",
        "error",
        "error_message",
        "message",
        "id",
        "created_at",
        "updated_at",
        *_FIELDS,
    ),
)
