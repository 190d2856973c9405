"""The operations of way in other words. It takes no passwords, but their SHA-256."""

from typing import Final

from sockcrud.journal.translating.blanks import blank
from sockcrud.journal.translating.sayings import Saying, Sayings

_DIGEST: Final = blank("PASSWORD_SHA256")
_USERS: Final = f"/api/usuario/{blank('SESSION')}"

SAYINGS: Final = Sayings(
    (
        Saying(
            "accounts.log_in",
            "POST /api/main",
            {"User": "{login}", "Passwd": _DIGEST},
            path="/api/main",
            command="way login --login {login} --password-file -",
            stdin="PASSWORD",
            call='log_in({login}, os.environ["PASSWORD"])',
        ),
        Saying("way.list", "GET /api/usuario/{session}", path=_USERS, call="users()"),
        Saying(
            "accounts.create",
            "POST /api/usuario/{session}",
            {"UserName": "{login}", "PassWord": _DIGEST, "Ativo": "true"},
            path=_USERS,
            command="way create --name {login} --password-file -",
            stdin="PASSWORD",
            call='create_user({login}, os.environ["PASSWORD"])',
        ),
    ),
    "from sockcrud.client.sync import Way",
    "Way({at})",
)
