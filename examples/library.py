"""A library: its books as JSON-RPC on lines, and as REST."""

from sockcrud import App, Record, crud, text, whole


class Book(Record):
    """A book of the library."""

    title: str = text(1, 200)
    isbn: str = text(10, 17, unique=True)
    year: int = whole(1450, 2100)


app = App("library", crud(Book, lines="tcp:7000", rest="tcp:7001"))
