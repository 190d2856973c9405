"""The accounts of a company, over HTTP with the session in the URL."""

from sockcrud.app import App, Command, Dialect

app = App(
    "way",
    dialects=[
        Dialect(
            "way",
            "tcp:50000",
            "where the way dialect (HTTP, the session id in the URL) listens",
            "sockcrud.apps.way.dialect:WayFactory",
            login="way",
            session_in_path=True,
            openapi="sockcrud.apps.way.dialect:PART",
            sayings="sockcrud.apps.way.sayings:SAYINGS",
        )
    ],
    client="sockcrud.client:Way",
    commands=[
        Command("way", "sockcrud.apps.way.commands:way", "The accounts of your company, over way.")
    ],
    checks={"way": "sockcrud.apps.way.checks:WayCheck"},
)
