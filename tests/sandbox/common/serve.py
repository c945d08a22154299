"""The command line of a stand-in."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Callable
from pathlib import Path

from flask import Flask
from werkzeug.serving import WSGIRequestHandler, make_server


class Quiet(WSGIRequestHandler):
    """One line per call at debug level only; the books hold what matters."""

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        logging.getLogger("sandbox").debug('%s "%s" %s', self.address_string(), self.requestline, code)


def main(product: str, token: str, build: Callable[..., Flask]) -> None:
    """Serve one stand-in until it is told to stop; a taken port is said in one line, not a traceback."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.sandbox.{product}")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--state", type=Path, help="directory that keeps the records between runs")
    parser.add_argument("--token", default=token, help=f"the bearer token to require (default {token})")
    parser.add_argument("--rate-limit", type=int, help="calls per window, 0 for none (default: as documented)")
    options = parser.parse_args()
    file = options.state / f"{product}.json" if options.state else None
    app = build(token=options.token, file=file, rate_limit=options.rate_limit)
    try:
        server = make_server(options.host, options.port, app, threaded=True, request_handler=Quiet)
    except (OSError, SystemExit):
        sys.exit(f"{product}: cannot listen on {options.host}:{options.port}; choose another --port")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    print(f"{product}: http://{options.host}:{options.port}/", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.server_close()
