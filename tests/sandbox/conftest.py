"""Fixtures of the stand-ins' own tests: an application each, a signed-in client, a webhook receiver."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from .hubspot import app as hubspot_app
from .kantata import app as kantata_app


class Client:
    """A product's client: with credentials by default, JSON in and out."""

    def __init__(self, app: Flask, token: str) -> None:
        self.app = app
        self.flask: FlaskClient = app.test_client()
        self.headers = {"Authorization": f"Bearer {token}"}

    def call(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        """The answer to a call of the product's API."""
        return self.flask.open(path, method=method, json=body, headers=more.pop("headers", self.headers), **more)

    def control(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON a control call returns."""
        answer = self.flask.open(f"/_sandbox{path}", method=method, json=body)
        assert answer.status_code < 300, answer.text
        return answer.get_json()

    def writes(self, path: str = "/") -> list[dict[str, Any]]:
        """The mutating calls in the books."""
        return self.control("GET", f"/calls?path={path}")["calls"]


@pytest.fixture
def hubspot() -> Client:
    """A fresh HubSpot."""
    app = hubspot_app.build()
    app.testing = True
    return Client(app, hubspot_app.TOKEN)


@pytest.fixture
def kantata() -> Client:
    """A fresh Kantata."""
    app = kantata_app.build()
    app.testing = True
    return Client(app, kantata_app.TOKEN)


class Receiver:
    """An endpoint that keeps what it was sent and answers as told."""

    def __init__(self) -> None:
        self.received: list[tuple[dict[str, str], bytes]] = []
        self.answers: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.received.append(({k.lower(): v for k, v in self.headers.items()}, body))
                self.send_response(receiver.answers.pop(0) if receiver.answers else 202)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Stay silent."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/v1/webhooks/hubspot-main"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def bodies(self) -> list[Any]:
        """The JSON of everything received."""
        return [json.loads(body) for _, body in self.received]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A webhook receiver on a free port."""
    made = Receiver()
    yield made
    made.server.shutdown()
    made.server.server_close()
