"""The services of the shop, each of which may stand alone: docs/protocols/shop.md."""
