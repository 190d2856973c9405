"""The verbs that commands have for a kind of record: list, show, create, update, delete, and others
for one record.

A command comes from a call of the client and from what the record declares. Help and completion
import neither: the client is imported when it is asked, the record when help needs the words of its
fields, or a value is looked at.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final

import click
from attrs import frozen

from sockcrud.app import Lazy
from sockcrud.cli.options import listing, talks_to, with_examples
from sockcrud.cli.outcomes import WrongUse
from sockcrud.cli.records.changing import named, rev_option
from sockcrud.cli.systems import System
from sockcrud.cli.values import ID, LIMIT, FieldOf, Value

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
Say = Callable[[int, Any], object]
"""Is given the id and the client's result, and says what was done."""


def _id(required: bool = True) -> Decorator:
    return click.argument("id", type=ID, required=required)


_PAGED: Final = (
    click.option("--limit", type=LIMIT, metavar="N", help="at most so many  [default: all]"),
    click.option("--after", type=ID, metavar="ID", help="only those behind this id"),
)


def command_group(name: str, dialect: str, about: str, *examples: str) -> click.Group:
    """Return a group without commands yet, which talks to a dialect; its help has examples of what
    stands behind its name.
    """
    help = with_examples(about, *(f"sockcrud {name} {example}" for example in examples))

    @click.group(name=name, help=help)
    @talks_to(dialect)
    def group() -> None:
        """Only a name for its commands."""

    return group


@frozen
class Field:
    """A field of a record, as an option. What is not said comes from the record's declaration."""

    name: str
    help: str = ""
    new: str = ""
    """What help says of it where a record is changed."""
    metavar: str | None = None
    type: Value | None = None
    flags: str = ""
    """Its two flags, such as "--on-sale/--not-on-sale"; then it is on unless said otherwise."""
    default: Any = None
    """Its value where it is not named."""
    optional: bool = False
    """Whether it need not be named, though it has no default here: the server has one."""
    argument: str = ""
    """What help calls it where it is created: an argument, and no option."""


class Verbs:
    """The commands of one kind of record: `one` is what each record is called, and `many` all of
    them.
    """

    def __init__(
        self,
        group: click.Group,
        one: str,
        many: str,
        system: System[Any],
        record: Lazy[Any] = "",
        fields: Sequence[Field] = (),
    ) -> None:
        self._group = group
        self._one = one
        self._many = many
        self._system = system
        self._record = record
        self._fields = fields

    def list(
        self,
        call: str,
        about: str,
        *examples: str,
        paged: bool = False,
        filters: Sequence[Decorator] = (),
    ) -> None:
        """Add `list`. The call is given the filters; and, where the list is paged, by name what
        comes `after` and a `limit`.
        """

        def run(after: int | None = None, limit: int | None = None, **given: Any) -> None:
            from sockcrud.cli import showing
            from sockcrud.cli.records.pages import pages_of

            named = _named(given)
            with self._system.connected() as client:
                ask = getattr(client, call)
                found = pages_of(ask, after, limit, **named) if paged else ask(**named)
                showing.show_all(found, self._many, limit)

        paging = _PAGED if paged else ()
        self._add("list", run, about, examples or ("",), *filters, *paging, listing)

    def find(self, call: str, fields: Sequence[str], about: str = "", *examples: str) -> None:
        """Add `find`, by one of the fields that no two records have alike. The call is given that
        one by its name.
        """

        def run(**given: Any) -> None:
            from sockcrud.cli import showing

            named = _named(given)
            if len(named) != 1:
                raise WrongUse(f"what is to be found: name one of {', '.join(map(_flag, fields))}")
            with self._system.connected() as client:
                showing.show(getattr(client, call)(**named))

        options = [
            click.option(_flag(name), name, type=FieldOf(self._record, name), help="that it has")
            for name in fields
        ]
        self._add("find", run, about or f"Show the {self._one} that has this.", examples, *options)

    def show(self, call: str, about: str = "", *examples: str, all: str = "") -> None:
        """Add `show`. Without an ID it shows what the call `all` lists, if there is one."""

        def run(id: int | None) -> None:
            from sockcrud.cli import showing

            with self._system.connected() as client:
                if id is None:
                    showing.show_all(getattr(client, all)(), self._many)
                else:
                    showing.show(getattr(client, call)(id))

        about = about or f"Show the {self._one} with this ID."
        lists = [listing] if all else []
        self._add("show", run, about, examples or ("1",), _id(required=not all), *lists)

    def create(
        self,
        call: str,
        about: str,
        *examples: str,
        verb: str = "create",
        also: Sequence[Decorator] = (),
        chosen_id: str = "",
    ) -> None:
        """Add `create`: it shows the record that the call gives, or says the id. `also` are more
        options of the call; with `chosen_id`, the help of it, there is one for the id.
        """
        if chosen_id:
            also = (*also, click.option("--id", type=ID, metavar="ID", help=chosen_id))
        done = "created" if verb == "create" else f"{verb}ed"

        def run(**values: Any) -> None:
            from sockcrud.cli import showing

            with self._system.connected(changes=True) as client:
                made = getattr(client, call)(**_named(values))
            if made is not None and not isinstance(made, int):
                showing.show(made)
            elif (id := values.get("id") if made is None else made) is not None:
                showing.say(f"{self._one} {id} is {done}", **{"id": id, done: True})
            else:
                showing.say(f"the {self._one} is {done}", **{done: True})

        self._add(verb, run, about, examples, *also, *map(self._creating, self._fields))

    def update(
        self,
        call: str,
        about: str,
        *examples: str,
        verb: str = "update",
        rev: bool = False,
        known: Callable[[Any, int, dict[str, Any]], Any] | None = None,
    ) -> None:
        """Add `update`: it shows the record that the call gives, or says that it is changed.

        Where the wire changes a record as a whole, `known` gives what it is now, if that is needed:
        from there comes what is not named, and the revision that the change is to be of.
        """

        def run(id: int, rev: int | None = None, **values: Any) -> None:
            from sockcrud.cli import showing

            new = self._renamed(
                named(**{self._called(field): values[field.name] for field in self._fields})
            )
            with self._system.connected(changes=True) as client:
                if known is not None and (record := known(client, id, new)) is not None:
                    new = {
                        **{field.name: getattr(record, field.name) for field in self._fields},
                        **new,
                    }
                    rev = getattr(record, "rev", None) if rev is None else rev
                revision = {} if rev is None else {"rev": rev}
                changed = getattr(client, call)(id, **new, **revision)
            if changed is None:
                showing.say(f"{self._one} {id} is changed", id=id, changed=True)
            else:
                showing.show(changed)

        self._add(
            verb,
            run,
            about,
            examples,
            _id(),
            *map(self._changing, self._fields),
            *([rev_option] if rev else []),
        )

    def delete(self, call: str, about: str = "", *examples: str, rev: bool = False) -> None:
        """Add `delete`."""

        def say(id: int, result: object) -> None:
            from sockcrud.cli import showing

            showing.say(f"{self._one} {id} is deleted", id=id, deleted=True)

        self.on_one(
            "delete",
            call,
            about or f"Delete the {self._one} with this ID.",
            *examples,
            rev=rev,
            say=say,
        )

    def on_one(
        self,
        verb: str,
        call: str,
        about: str,
        *examples: str,
        rev: bool = False,
        changes: bool = True,
        say: Say | None = None,
    ) -> None:
        """Add a command for the record of an id, which shows what the call gives unless `say` says
        something else.
        """

        def run(id: int, **revision: int | None) -> None:
            from sockcrud.cli import showing

            with self._system.connected(changes) as client:
                result = getattr(client, call)(id, **revision)
            if say is None:
                showing.show(result)
            else:
                say(id, result)

        self._add(verb, run, about, examples or ("1",), _id(), *([rev_option] if rev else []))

    def _add(
        self,
        verb: str,
        run: Callable[..., None],
        about: str,
        examples: Sequence[str],
        *parameters: Decorator,
    ) -> None:
        """Add a command to the group, its help with examples of what stands behind the verb."""
        lines = [f"sockcrud {self._group.name} {verb} {example}".rstrip() for example in examples]
        command: Any = run
        for parameter in (talks_to(self._system.dialect), *reversed(parameters)):
            command = parameter(command)
        self._group.command(verb, help=with_examples(about, *lines))(command)

    # Fields as options

    def _creating(self, field: Field) -> Decorator:
        if field.argument:
            return click.argument(field.name, type=self._type(field), metavar=field.argument)
        help = field.help or (lambda: self._described(field))
        if field.flags:
            return _option(field.flags, field.name, default=True, help=help)
        least = (
            {"default": field.default}
            if field.default is not None
            else {"required": not field.optional}
        )
        return _option(
            _flag(field.name),
            field.name,
            type=self._type(field),
            metavar=field.metavar,
            help=help,
            **least,
        )

    def _changing(self, field: Field) -> Decorator:
        help = field.new or f"the new {field.name.replace('_', ' ')}"
        if field.flags:
            return _option(field.flags, field.name, default=None, help=help)
        return _option(
            _flag(field.name), field.name, type=self._type(field), metavar=field.metavar, help=help
        )

    def _type(self, field: Field) -> Value:
        return field.type or FieldOf(self._record, field.name)

    def _described(self, field: Field) -> str:
        from sockcrud.cli.records import declared

        return declared.described(self._record, field.name, self._one)

    def _called(self, field: Field) -> str:
        """Return what people call a field: the name of its flag."""
        return (field.flags.partition("/")[0] or field.name).removeprefix("--").replace("-", "_")

    def _renamed(self, named: dict[str, Any]) -> dict[str, Any]:
        names = {self._called(field): field.name for field in self._fields}
        return {names[name]: value for name, value in named.items()}


def _named(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"


class _Option(click.Option):
    """An option whose help may be a function: it is called when somebody reads the help."""

    def __init__(self, *given: Any, help: str | Callable[[], str], **more: Any) -> None:
        super().__init__(*given, **more)
        self._help = help

    @property
    def help(self) -> str | None:
        return self._help if isinstance(self._help, str) else self._help()

    @help.setter
    def help(self, words: str | None) -> None:
        """Click sets it, to what it was not given."""


def _option(*names: str, **given: Any) -> Decorator:
    return click.option(*names, cls=_Option, **given)
