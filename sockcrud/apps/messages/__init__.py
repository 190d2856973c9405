"""Messages, over JSON on TCP."""

from sockcrud.app import App, Command, Dialect

app = App(
    "messages",
    dialects=[
        Dialect(
            "messages",
            "tcp:5000",
            "where the messages (JSON on TCP) listen; likewise, as all that follow",
            "sockcrud.apps.messages.dialect:MessagesFactory",
            json_lines=True,
            reading="sockcrud.apps.messages.reading:READING",
            sayings="sockcrud.apps.messages.sayings:SAYINGS",
            trial="""echo '{"op":"mostrar"}' | nc -N HOST PORT""",
            idle="1800",
        )
    ],
    records=["sockcrud.apps.messages.records:Message"],
    client="sockcrud.client:Messages",
    commands=[
        Command(
            "messages",
            "sockcrud.apps.messages.commands:messages",
            "The messages, over JSON on TCP.",
        )
    ],
    checks={"messages": "sockcrud.apps.messages.checks:MessagesCheck"},
    examples="sockcrud.apps.messages.records:EXAMPLES",
)
