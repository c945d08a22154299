"""`python3 -m local COMMAND`: see `python3 -m local --help` and docs/local.md."""

from __future__ import annotations

import sys

from .command_line import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
