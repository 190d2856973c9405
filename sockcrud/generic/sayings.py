"""The operations of records in other words: as commands, as calls, and each wire in the other's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sockcrud.generic.declaration import Served, Who, Wire
from sockcrud.journal.translating.blanks import blank
from sockcrud.journal.translating.sayings import Saying, Sayings
from sockcrud.loading import MODULE
from sockcrud.records import describe

_RPC: Final = {"jsonrpc": "2.0", "id": 1}


def sayings(served: Sequence[Served], wire: Wire, port: int | None, has_commands: bool) -> Sayings:
    """Return those of a wire, which is the one that the commands talk to, or not."""
    first = served[0].kind
    module = first.__module__.removeprefix(MODULE)  # an app in a file: from where that is
    imports = "\n".join(
        (
            f"from {module} import {first.__name__}",
            "from sockcrud.client.blocking import BlockingFace",
            "from sockcrud.client.record_calls import record_client",
        )
    )
    made = f"record_client(BlockingFace, {first.__name__}, {served[0].plural!r}, {wire!r}, {port})"
    all = [saying for each in served for saying in _of(each, wire, each is served[0], has_commands)]
    return Sayings(all, imports, f"{made}({{at}})")


def _of(served: Served, wire: Wire, with_call: bool, with_command: bool) -> list[Saying]:
    plural, declared = served.plural, describe(served.kind)
    fields: dict[str, Any] = {
        name: blank(name) if name in declared.secrets else f"{{{name}}}"
        for name in declared.constraints
    }
    shown = [name for name in fields if name not in declared.secrets]
    options = " ".join(f"--{name.replace('_', '-')} {{{name}}}" for name in shown)
    arguments = ", ".join(f"{name}={{{name}}}" for name in shown)
    one = f"/{plural}/{{id}}"
    optional = tuple(name for name in fields if name in declared.defaults)
    rows: tuple[tuple[str, str, str, Any, tuple[str, ...], str, Who], ...] = (
        ("list", "GET", f"/{plural}?limit={{limit}}&after={{after}}", None, ("limit", "after"),
         "list(limit={limit}, after={after})", served.read),
        ("get", "GET", one, None, (), "get({id})", served.read),
        ("create", "POST", f"/{plural}", fields, optional, f"create({arguments})", served.write),
        ("update", "PATCH", one, fields, tuple(fields), f"update({{id}}, {arguments})",
         served.write),
        ("delete", "DELETE", one, None, (), "delete({id})", served.write),
    )  # fmt: skip
    commands = {
        "list": f"{plural} list",
        "get": f"{plural} show {{id}}",
        "create": f"{plural} create {options}",
        "update": f"{plural} update {options} {{id}}",
        "delete": f"{plural} delete {{id}}",
    }
    sayings = []
    for verb, method, path, body, may_lack, call, who in rows:
        params = {**({"id": "{id}"} if "{id}" in path else {}), **(body or {})}
        if verb == "list":
            params = {"limit": "{limit}", "after": "{after}"}
        name = f"{plural}.{verb}"
        on_lines = wire == "lines"
        sayings.append(
            Saying(
                name,
                name if on_lines else f"{method} {path.partition('?')[0]}",
                {**_RPC, "method": name, "params": params} if on_lines else body,
                path="" if on_lines else path,
                within="params" if on_lines else "",
                login="" if on_lines or who == "open" else "bearer",
                optional=may_lack,
                command=commands[verb] if with_command and not declared.secrets else "",
                call=call if with_call and not declared.secrets else "",
            )
        )
    return sayings
