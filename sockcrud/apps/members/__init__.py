"""Members, who log in, sign up and look, all at one path."""

from sockcrud.app import App, Command, Dialect
from sockcrud.setting import Setting, yes_or_no

app = App(
    "members",
    dialects=[
        Dialect(
            "members",
            "tcp:9999",
            "where the members (HTTP, by role) listen",
            "sockcrud.apps.members.dialect:MembersFactory",
            login="members",
            sign_up=True,
            trial="curl --head http://HOST:PORT/",
            openapi="sockcrud.apps.members.dialect:PART",
            sayings="sockcrud.apps.members.sayings:SAYINGS",
            idle="1800",
        )
    ],
    client="sockcrud.client:Members",
    commands=[
        Command("members", "sockcrud.apps.members.commands:members", "The members, by role.")
    ],
    checks={"members": "sockcrud.apps.members.checks:MembersCheck"},
    settings=[
        Setting(
            "members_strict",
            "no",
            yes_or_no,
            "take no request of a loosely framing field client at the members' port",
            "members",
        )
    ],
)
