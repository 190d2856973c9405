"""Puts the system together: options, store, sessions, operations, ports. `makeService` reads as its diagram."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, cast

from twisted.internet.interfaces import IProtocolFactory
from twisted.logger import Logger
from twisted.python import usage

from sockcrud import config
from sockcrud.accounts import Directory
from sockcrud.config import SQLITE, ConfigError, Loaded, Settings
from sockcrud.daemon import Daemon, StartFailed
from sockcrud.dialects.admin.base import Operations as AdminOperations
from sockcrud.dialects.admin.responder import AdminResponder
from sockcrud.dialects.members import MembersResponder, State
from sockcrud.dialects.messages import MessagesResponder
from sockcrud.dialects.openapi import description
from sockcrud.dialects.origins import Origins
from sockcrud.dialects.routed import Terms
from sockcrud.dialects.shop.auth import AuthResponder
from sockcrud.dialects.shop.clients import ClientsResponder
from sockcrud.dialects.shop.inventory import InventoryResponder
from sockcrud.dialects.shop.products import ProductsResponder
from sockcrud.dialects.shop.together import ShopResponder
from sockcrud.dialects.users import UsersResponder
from sockcrud.dialects.way import WayResponder
from sockcrud.first_password import remove_outdated
from sockcrud.lockout import Delays
from sockcrud.metrics import Metrics
from sockcrud.model import STANDARD
from sockcrud.operations.administration import Administration
from sockcrud.operations.clients import Addresses, Clients
from sockcrud.operations.directory import Colleagues, Logins, Members
from sockcrud.operations.gate import Gate, log_operation
from sockcrud.operations.inventory import Inventory
from sockcrud.operations.messages import Messages
from sockcrud.operations.products import Products
from sockcrud.operations.status import Status
from sockcrud.operations.transfer import Transfer
from sockcrud.operations.upkeep import Upkeep
from sockcrud.operations.users import Users
from sockcrud.passwords import HashingThreads, Passwords
from sockcrud.progress import Progress, in_lines
from sockcrud.sessions import Sessions
from sockcrud.store_in_postgres import open_postgres
from sockcrud.stores import postgres_url
from sockcrud.stores.capacity import Capacity
from sockcrud.stores.common import StoreError
from sockcrud.stores.interfaces import IStore
from sockcrud.stores.memory import MemoryStore
from sockcrud.stores.sqlite import SqliteStore
from sockcrud.wire.connections import SPARE_DESCRIPTORS, Budgets, Connections, Listening, Shares, raise_descriptor_limit
from sockcrud.wire.http import HTTPFactory, HTTPLimits
from sockcrud.wire.json_objects import JSONFactory, JSONLimits
from sockcrud.wire.listen import CannotListen, Listener, Listeners, endpoint, is_on_loopback, is_secure

if TYPE_CHECKING:
    from sockcrud.stores.postgres import PostgresStore  # at run time only where it is used: its driver is an extra

log = Logger()

LOADING = "loading the store"
DIALECTS = ("users", "messages", "clients", "products", "inventory", "auth", "shop", "way", "members", "admin")


class Options(usage.Options):
    """The flags of `twistd sockcrud`, made from the settings."""

    synopsis = "[options]"
    longdesc = "Serves CRUD systems in several wire formats at once, on one store."
    optFlags: ClassVar = [
        *([flag, None, meaning] for flag, _, meaning, switch in config.flags() if switch),
        *([f"no-{flag}", None, f"the opposite of --{flag}"] for flag, _, _, switch in config.flags() if switch),
        ["check-config", None, "show the settings in use, and where each comes from, and end"],
    ]
    optParameters: ClassVar = [
        ["config", None, None, "the file with the settings [default: tap.cfg of the working directory, if there is one]"],
        *(
            [flag, None, None, f"{meaning} [default: {default}]"]
            for flag, default, meaning, switch in config.flags()
            if not switch
        ),
    ]

    def postOptions(self) -> None:
        """Load the settings, or end with one line and status 1."""
        given = {}
        for flag, _, _, switch in config.flags():
            name = flag.replace("-", "_")
            if not switch and self[flag] is not None:
                given[name] = self[flag]
            elif switch and (self[flag] or self[f"no-{flag}"]):
                given[name] = "yes" if self[flag] else "no"
        self.loaded = load(given, self["config"])
        if self["check-config"]:
            print(config.shown(self.loaded), end="")
            raise SystemExit(0)


def load(given: Mapping[str, str], file: str | None) -> Loaded:
    """Load the settings from all their places, those `given` last; raise `StartFailed`."""
    try:
        loaded = config.load(given, os.environ, file)
        for name in DIALECTS:
            if (where := getattr(loaded.settings, name)) != "off":
                endpoint(where, None)
    except (ConfigError, CannotListen) as error:
        raise StartFailed(str(error)) from None
    return loaded


def _log_line(line: str) -> None:
    log.info("{line}", line=line)


def makeService(options: Options) -> Daemon:
    """Make the daemon that `twistd sockcrud` runs."""
    from twisted.internet import reactor

    return make_daemon(options.loaded, reactor, _log_line)


def make_daemon(
    loaded: Loaded,
    reactor: Any,
    say: Callable[[str], None],
    show_password: bool = False,
    progress: Progress | None = None,
) -> Daemon:
    """Make the daemon of these settings. It listens when it is started, and `say` takes the lines of its banner.

    The store is read here; `progress` is told of it, else `say` is, where it takes long.
    """
    settings = loaded.settings
    store = _open_store(settings, reactor, lambda reason: daemon.fail(reason), say, progress or in_lines(LOADING, say))
    connections = Connections(
        _most_connections(settings),
        reactor,
        shares=Shares(settings.max_share / 100, settings.max_lists),
        budgets=Budgets(settings.max_unsent_total, settings.max_unfinished_total),
    )
    connections_at = {name: Listening(connections, reserved=name == "admin") for name in DIALECTS}
    listeners = Listeners(connections.count_unaccepted)

    metrics = Metrics(store, DIALECTS, lambda: {name: len(those) for name, those in connections_at.items()})
    gate = Gate(reactor, [metrics, log_operation] if settings.log_operations else [metrics])
    hashing = HashingThreads(reactor)
    delays = Delays(free_failures=settings.free_login_failures)
    passwords = Passwords(hashing)
    directory = Directory(store, passwords, reactor, delays)
    directory.password_replaced = lambda hash: remove_outdated(passwords, hash, settings.store_file)
    idle, age = timedelta(seconds=settings.session_idle), timedelta(seconds=settings.session_age)
    sessions = Sessions(store, reactor, idle, age, most=settings.max_sessions)
    status = Status(gate, store, listeners.listening, metrics.text, lambda: description(listeners.urls()))

    responders = _responders(settings, gate, store, directory, sessions, status, connections)
    for name, responder in responders.items():
        factory = _factory(settings, responder, reactor, connections_at[name], name)
        if (where := getattr(settings, name)) != "off":
            listeners.add(Listener(name, endpoint(where, reactor), factory, is_secure(where)))
    if isinstance(store, SqliteStore) or not isinstance(store, MemoryStore):
        store.committed = metrics.committed
    daemon = Daemon(reactor, loaded, store, sessions, hashing, connections, listeners, say, show_password)
    return daemon


def _open_store(
    settings: Settings, reactor: Any, failed: Callable[[str], object], say: Callable[[str], None], progress: Progress
) -> MemoryStore | SqliteStore | PostgresStore:
    capacity = Capacity(settings.max_records, settings.max_accounts, settings.max_stored, settings.max_history)
    try:
        if postgres_url.is_url(settings.store):
            return open_postgres(
                settings.store, STANDARD, reactor, lambda danger: say(f"WARNING: {danger}"), settings, capacity
            )
        if settings.store.startswith(SQLITE):
            path = Path(settings.store.removeprefix(SQLITE))
            return SqliteStore.open(path, STANDARD, reactor, failed, progress, capacity=capacity)
    except StoreError as error:
        raise StartFailed(str(error)) from None
    return MemoryStore(STANDARD, capacity=capacity, later=reactor.callFromThread)


def _responders(
    settings: Settings,
    gate: Gate,
    store: IStore,
    directory: Directory,
    sessions: Sessions,
    status: Status,
    connections: Connections,
) -> dict[str, Callable[[str], Any]]:
    """Give each dialect's way to answer a connection from an address: its operations, and its words for them."""
    users, messages = Users(gate, store), Messages(gate, store)
    logins = Logins(gate, store, directory, sessions, settings.sign_up == "open")
    clients, addresses, products = Clients(gate, store), Addresses(gate, store), Products(gate, store)
    inventory, colleagues, members = Inventory(gate, store), Colleagues(gate, store, directory), Members(gate, store)
    administration, transfer = Administration(gate, store, directory), Transfer(gate, store)
    upkeep = Upkeep(gate, store)
    administered = AdminOperations(logins, administration, transfer, status, upkeep, settings.max_import)
    started = gate.clock.seconds()
    state = State(lambda: gate.clock.seconds() - started, lambda: len(connections))
    terms = {name: _terms(settings, name) for name in DIALECTS}
    return {
        "users": lambda peer: UsersResponder(users, peer),
        "messages": lambda peer: MessagesResponder(messages, peer),
        "clients": lambda peer: ClientsResponder(clients, addresses, logins, peer, terms["clients"]),
        "products": lambda peer: ProductsResponder(products, logins, peer, terms["products"]),
        "inventory": lambda peer: InventoryResponder(inventory, logins, peer, terms["inventory"]),
        "auth": lambda peer: AuthResponder(logins, peer, terms["auth"]),
        "shop": lambda peer: ShopResponder(clients, addresses, products, inventory, logins, peer, terms["shop"]),
        "way": lambda peer: WayResponder(logins, colleagues, peer, terms["way"]),
        "members": lambda peer: MembersResponder(logins, members, state, peer, terms["members"]),
        "admin": lambda peer: AdminResponder(administered, peer, terms["admin"]),
    }


def _terms(settings: Settings, name: str) -> Terms:
    """Return the terms of a dialect, as they follow from the settings and from where it listens."""
    where = getattr(settings, name)
    pages = settings.admin_cors_origins if name == "admin" else settings.cors_origins
    any_host = "*" in settings.hosts or not (settings.hosts or is_on_loopback(where))
    origins = Origins(pages, None if any_host else frozenset(settings.hosts))
    return Terms(origins, settings.max_depth, is_secure(where))


def _factory(
    settings: Settings, responder: Callable[[str], Any], reactor: Any, connections: Listening, name: str
) -> IProtocolFactory:
    """Give what makes a dialect's connections: JSON on TCP for two of them, HTTP for the others."""
    in_flight, unsent, idle = settings.max_in_flight, settings.max_unsent, settings.idle_timeout
    own_idle: float | None = getattr(settings, f"{name}_idle")
    if name in ("users", "messages"):
        limits = JSONLimits(
            in_flight, unsent, own_idle or idle, settings.max_request, settings.max_depth, settings.object_timeout
        )
        return cast(IProtocolFactory, JSONFactory(responder, reactor, connections, limits))
    http_limits = HTTPLimits(
        in_flight,
        unsent,
        max(idle, own_idle or 0.0),
        settings.max_header,
        settings.max_fields,
        settings.max_target,
        settings.max_body,
        settings.header_timeout,
        settings.body_timeout,
        own_idle or settings.keep_alive_timeout,
    )
    loose = name == "members" and not settings.members_strict
    return cast(IProtocolFactory, HTTPFactory(responder, reactor, connections, http_limits, loose))


def _most_connections(settings: Settings) -> int:
    descriptors = raise_descriptor_limit()
    if descriptors is None:
        return settings.max_connections
    return max(1, min(settings.max_connections, descriptors - SPARE_DESCRIPTORS))
