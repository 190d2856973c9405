"""What a record gets without writing it: its operations, JSON-RPC on lines, and REST, all from its
declaration.
"""

from sockcrud.generic.declaration import Crud, crud

__all__ = ["Crud", "crud"]
