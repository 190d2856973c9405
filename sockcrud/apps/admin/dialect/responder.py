"""The admin's dialect as it is served: all of its routes."""

from __future__ import annotations

from typing import Final

from sockcrud.apps.admin.dialect.base import DIALECT, Operations
from sockcrud.apps.admin.dialect.console import ConsoleRoutes
from sockcrud.apps.admin.dialect.directory import DirectoryRoutes
from sockcrud.apps.admin.dialect.faults import FaultRoutes
from sockcrud.apps.admin.dialect.journal import JournalRoutes
from sockcrud.apps.admin.dialect.records import RecordRoutes
from sockcrud.apps.admin.dialect.system import SystemRoutes
from sockcrud.apps.admin.dialect.translate import TranslateRoutes
from sockcrud.apps.admin.journal import Journals
from sockcrud.apps.admin.overview import Overviews
from sockcrud.apps.admin.records import StoredRecords
from sockcrud.apps.admin.sending import Sender
from sockcrud.apps.admin.service import Administration
from sockcrud.apps.admin.status import Status
from sockcrud.apps.admin.translations import Translations
from sockcrud.faults.service import FaultOperations
from sockcrud.protocols.http.connection import HTTPFactory
from sockcrud.rest.openapi import Part
from sockcrud.serving import Serving
from sockcrud.storage.maintenance.transfer import Transfer
from sockcrud.storage.maintenance.upkeep import Upkeep


class AdminResponder(
    DirectoryRoutes,
    RecordRoutes,
    SystemRoutes,
    JournalRoutes,
    TranslateRoutes,
    FaultRoutes,
    ConsoleRoutes,
):
    """The admin behind one connection."""


PART: Final = Part(
    DIALECT,
    "All accounts, companies, sessions and records, what has changed, and how the daemon does",
    AdminResponder.routes,
    AdminResponder.error_body,
    (DIALECT,),
    DIALECT,
)


class AdminFactory(HTTPFactory):
    """Makes the connections of the admin port."""

    def __init__(self, serving: Serving) -> None:
        access, store, about = serving.access, serving.store, serving.about
        operations = Operations(
            serving.logins,
            Administration(access, store, serving.directory),
            Transfer(access, store, serving.directory.password_replaced),
            Status(access, store, about.listening, about.metrics, about.openapi, about.places),
            Upkeep(access, store),
            FaultOperations(access, about.faults),
            Journals(access, serving.connections.all.scheduler, about.watching),
            Translations(
                access,
                about.apps,
                about.places,
                None if about.watching is None else about.watching.journal,
            ),
            StoredRecords(access, store, about.apps),
            Overviews(access, store, about),
            Sender(access, about, serving.clock),
            serving.settings.max_import,
            serving.settings.min_password,
        )
        terms = serving.terms
        super().__init__(lambda peer: AdminResponder(operations, peer, terms), *serving.http)
