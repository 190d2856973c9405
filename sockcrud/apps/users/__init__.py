"""Users, over JSON on TCP."""

from sockcrud.app import App, Command, Dialect

app = App(
    "users",
    dialects=[
        Dialect(
            "users",
            "tcp:8080",
            "where the users (JSON on TCP) listen: an endpoint description, or off",
            "sockcrud.apps.users.dialect:UsersFactory",
            json_lines=True,
            samples="sockcrud.apps.users.samples:SAMPLES",
            reading="sockcrud.apps.users.reading:READING",
            sayings="sockcrud.apps.users.sayings:SAYINGS",
            trial="""echo '{"id_operation":"get_users"}' | nc -N HOST PORT""",
            idle="1800",
        )
    ],
    records=["sockcrud.apps.users.records:User"],
    client="sockcrud.client:Users",
    commands=[
        Command("users", "sockcrud.apps.users.commands:users", "The users, over JSON on TCP.")
    ],
    editing={"User": "sockcrud.apps.users.service:editing"},
    checks={"users": "sockcrud.apps.users.checks:UsersCheck"},
)
