"""The operations of the administration in other words."""

from typing import Final

from sockcrud.journal.translating.blanks import blank
from sockcrud.journal.translating.sayings import Saying, Sayings

SAYINGS: Final = Sayings(
    (
        Saying(
            "accounts.log_in",
            "POST /login",
            {"login": "{login}", "password": blank("PASSWORD")},
            path="/login",
            command="admin login --login {login} --password-file -",
            stdin="PASSWORD",
            call='log_in({login}, os.environ["PASSWORD"])',
        ),
        Saying(
            "accounts.create",
            "POST /accounts",
            {"login": "{login}", "password": blank("PASSWORD"), "role": "{role}"},
            path="/accounts",
            login="bearer",
            optional=("role",),
            command="accounts create --login {login} --role {role} --password-file -",
            stdin="PASSWORD",
            call='create_account({login}, os.environ["PASSWORD"], role={role})',
        ),
        Saying(
            "accounts.list",
            "GET /accounts",
            path="/accounts?limit={limit}&after={after}",
            login="bearer",
            optional=("limit", "after"),
            command="accounts list",
            call="accounts(limit={limit}, after={after})",
        ),
        Saying(
            "accounts.get",
            "GET /accounts/{id}",
            path="/accounts/{id}",
            login="bearer",
            command="accounts show {id}",
            call="account({id})",
        ),
    ),
    "from sockcrud.client.sync import Admin",
    "Admin({at})",
)
