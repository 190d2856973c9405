"""A request of each operation of `users`."""

from typing import Final

SAMPLES: Final = (
    '{"id_operation": "get_users", "payload": {"limit": 10, "after": 0}}',
    '{"id_operation": "get_user", "payload": {"user_id": 1}}',
    '{"id_operation": "create_user", "payload": {"name": "", "email": "", "age": 0}}',
    '{"id_operation": "update_user", "payload": {"user_id": 1, "data": {"name": ""}}}',
    '{"id_operation": "delete_user", "payload": {"user_id": 1}}',
    '{"id_operation": "close_connection"}',
)
