# SPDX-License-Identifier: GPL-3.0-or-later
"""Start localstripe on this machine only, with its records in memory only.

usage: start_localstripe.py PORT

Its own entry point listens on all interfaces and keeps one pickle for all
servers of the machine, so two instances would read each other's payments.
Under the GPL because it imports localstripe; see docs/local.md.
"""

import sys

from aiohttp import web
from localstripe import resources, server

resources.Store.dump_to_disk = lambda self: None

if __name__ == "__main__":
    web.run_app(server.app, host="127.0.0.1", port=int(sys.argv[1]))
