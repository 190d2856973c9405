"""Document 2: the services of the shop, each of which may stand alone."""
