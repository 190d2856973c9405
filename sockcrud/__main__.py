"""`python -m sockcrud` is `sockcrud`."""

from sockcrud.cli.main import main

main()
