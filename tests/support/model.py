"""The kinds of record of the apps that come with sockcrud."""

from typing import Final

from sockcrud import loading

STANDARD: Final = loading.apps().schema
KINDS: Final = STANDARD.kinds
describe: Final = STANDARD.describe
