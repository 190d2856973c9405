"""`python -m sockcrud` is `sockcrud`."""

from sockcrud.cli import main

main()
