"""The administration: accounts, companies, sessions, what has changed, export and import, and how
the daemon does.
"""

from sockcrud.app import App, Command, Dialect

_COMMANDS = "sockcrud.apps.admin.commands"
_TITLE = "The admin port of a daemon"

app = App(
    "admin",
    dialects=[
        Dialect(
            "admin",
            "tcp:8000",
            "where the administration (HTTP) listens",
            "sockcrud.apps.admin.dialect.responder:AdminFactory",
            login="admin",
            trial="curl http://HOST:PORT/health",
            openapi="sockcrud.apps.admin.dialect.responder:PART",
            sayings=f"{__name__}.sayings:SAYINGS",
            unrecorded=("/journal", "/translate", "/overview", "/console/"),
            privileged=True,
        )
    ],
    client="sockcrud.client:Admin",
    commands=[
        Command("admin", f"{_COMMANDS}.daemon:admin", "The login of the admin port.", _TITLE),
        Command(
            "status",
            f"{_COMMANDS}.daemon:status",
            "Tell which dialects listen, and whether all is well.",
            _TITLE,
        ),
        Command("accounts", f"{_COMMANDS}.accounts:accounts", "Who may log in.", _TITLE),
        Command(
            "companies",
            f"{_COMMANDS}.companies:companies",
            "The companies, whose accounts see each other.",
            _TITLE,
        ),
        Command("sessions", f"{_COMMANDS}.sessions:sessions", "The logins that live.", _TITLE),
        Command(
            "ledger", f"{_COMMANDS}.ledger:ledger", "List who still uses which dialect.", _TITLE
        ),
        Command(
            "faults",
            f"{_COMMANDS}.faults:faults",
            "Have requests delayed, refused or cut off, for tests.",
            _TITLE,
        ),
        Command(
            "trace",
            f"{_COMMANDS}.trace:trace",
            "Show requests and answers as they come, without secrets.",
            _TITLE,
        ),
        Command(
            "translate",
            f"{_COMMANDS}.translate:translate",
            "Show a request as curl, as Python, at another dialect.",
            _TITLE,
        ),
        Command("changes", f"{_COMMANDS}.daemon:changes", "List what has changed.", _TITLE),
    ],
    checks={"admin": "sockcrud.apps.admin.checks:AdminCheck"},
)
