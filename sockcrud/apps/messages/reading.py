"""What the journal shows of the messages."""

from typing import Final

from sockcrud.journal.reading import JSONReading

READING: Final = JSONReading(
    "op", ("mostrar", "adicionar", "deletar"), ("id", "data"), ("status", "message", "data")
)
