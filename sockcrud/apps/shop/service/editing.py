"""What admins may do to the records of the shop: what its clients may."""

from __future__ import annotations

from sockcrud.access import Access
from sockcrud.app import Editing
from sockcrud.apps.shop.service.clients import Addresses, Clients
from sockcrud.apps.shop.service.inventory import Inventory
from sockcrud.apps.shop.service.products import Products
from sockcrud.storage.contract import IStore


def clients(access: Access, store: IStore) -> Editing:
    """Return what may be done to clients."""
    operations, fields = Clients(access, store), ("name", "email", "cpf", "balance")
    return Editing(
        create=operations.create,
        created=fields,
        change=operations.update,
        changed=fields,
        delete=operations.delete,
    )


def addresses(access: Access, store: IStore) -> Editing:
    """Return what may be done to addresses. One stays its client's."""
    operations, fields = Addresses(access, store), ("state", "city", "street", "number", "cep")
    return Editing(
        create=operations.create,
        created=("client_id", *fields),
        change=operations.update,
        changed=fields,
        delete=operations.delete,
    )


def products(access: Access, store: IStore) -> Editing:
    """Return what may be done to products."""
    operations = Products(access, store)
    fields = ("name", "description", "quantity", "price", "status")
    return Editing(
        create=operations.create,
        created=fields,
        change=operations.update,
        changed=fields,
        delete=operations.delete,
    )


def inventory(access: Access, store: IStore) -> Editing:
    """Return what may be done to the inventory: what was bought stays as it is, or goes."""
    operations = Inventory(access, store)
    fields = ("client_id", "product_id", "number_of_items", "purchase_date")
    return Editing(create=operations.add, created=fields, delete=operations.remove)
