"""A product that answers every call with an error, and puts into it whatever a product might know."""

from __future__ import annotations

import itertools
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

STATUSES = (500, 403, 429, 400)
"""Answers in turn: what is repeated first, the refusal that ends it last, and refusals from there on."""
BODIES: dict[str, Callable[[str], object]] = {
    "crm": lambda words: {"status": "error", "category": "INTERNAL_ERROR", "message": words},
    "psa": lambda words: {"errors": [{"type": "system", "message": words}]},
    "erp": lambda words: {"message": words},
}
"""An error of the product in each role, in its own form."""


class Faulty:
    """Where it answers, what it answers, and what it was told."""

    def __init__(self, role: str, words: str):
        self.heard: list[str] = []
        self.said: list[int] = []
        answers = itertools.chain(STATUSES, itertools.repeat(STATUSES[-1]))
        body = json.dumps(BODIES[role](words)).encode()
        heard, said, lock = self.heard, self.said, threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            """Any method, any path."""

            def answer(self) -> None:
                """Note the call and refuse it."""
                sent = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
                with lock:
                    status = next(answers)
                    heard.append(f"{self.command} {self.path}\n{self.headers}\n{sent}")
                    said.append(status)
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer  # noqa: N815  (names of the base class)

            def log_message(self, *_: object) -> None:
                """What it heard is kept, not printed."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}"


@contextmanager
def faulty(role: str, words: str) -> Iterator[Faulty]:
    """Such a product, as long as it is needed."""
    product = Faulty(role, words)
    thread = threading.Thread(target=product.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield product
    finally:
        product.server.shutdown()
        product.server.server_close()
        thread.join()
