"""Messages, over JSON on TCP."""

from sockcrud.app import App, Command, Dialect

app = App(
    "messages",
    dialects=[
        Dialect(
            "messages",
            "tcp:5000",
            "where the messages (JSON on TCP) listen; likewise, as all that follow",
            f"{__name__}.dialect:MessagesFactory",
            json_lines=True,
            samples=f"{__name__}.samples:SAMPLES",
            reading=f"{__name__}.reading:READING",
            sayings=f"{__name__}.sayings:SAYINGS",
            trial="""echo '{"op":"mostrar"}' | nc -N HOST PORT""",
            idle="1800",
        )
    ],
    records=[f"{__name__}.records:Message"],
    client="sockcrud.client:Messages",
    commands=[
        Command("messages", f"{__name__}.commands:messages", "The messages, over JSON on TCP.")
    ],
    editing={"Message": f"{__name__}.service:editing"},
    checks={"messages": f"{__name__}.checks:MessagesCheck"},
    examples=f"{__name__}.records:EXAMPLES",
)
