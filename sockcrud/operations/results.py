"""What operations fire with, beside records and what each module defines: the dialects need not know where it is from."""

from sockcrud.stores.interfaces import Change, Listing

__all__ = ["Change", "Listing"]
