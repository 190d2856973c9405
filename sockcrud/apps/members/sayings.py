"""The operations of the members in other words."""

from typing import Final

from sockcrud.journal.translating.blanks import blank
from sockcrud.journal.translating.sayings import Saying, Sayings

_CREDENTIALS: Final = {"email": "{login}", "password": blank("PASSWORD")}

SAYINGS: Final = Sayings(
    (
        Saying(
            "accounts.log_in",
            "POST /",
            _CREDENTIALS,
            path="/",
            command="members login --login {login} --password-file -",
            stdin="PASSWORD",
            call='log_in({login}, os.environ["PASSWORD"])',
        ),
        Saying(
            "accounts.sign_up",
            "PUT /",
            _CREDENTIALS,
            path="/",
            command="members signup --login {login} --password-file -",
            stdin="PASSWORD",
            call='sign_up({login}, os.environ["PASSWORD"])',
        ),
        Saying("members.list", "GET /", path="/", login="bearer", call="members()"),
        Saying("members.state", "HEAD /", path="/", call="state()"),
    ),
    "from sockcrud.client.sync import Members",
    "Members({at})",
)
