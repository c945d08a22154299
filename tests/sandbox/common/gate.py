"""What happens to a product call before and after its handler: log, limit, authentication, faults."""

from __future__ import annotations

import json
import math
import re
import socket
import time
from typing import Any, Protocol

from flask import Flask, Response, g, request

from ..faults import Fault, Faults
from .books import Books
from .limits import RateLimit

AMOUNT_FIELD = re.compile(r"(^|_)(amount|total|price|rate)(_|$)")


class Product(Protocol):
    """What the gate must know about a product."""

    name: str
    token: str
    api_prefix: str

    def error(self, status: int, message: str) -> Response:
        """The product's error body for a status of its own making."""

    def throttled(self) -> Response:
        """The product's 429."""

    def is_read(self, method: str, path: str) -> bool:
        """Whether a call changes nothing, although it may be a POST."""


class ConnectionClosed(ConnectionError):
    """The stand-in hung up without an answer (seen only by Flask's test client, which has no socket)."""


def hang_up() -> None:
    """Close the caller's connection without a word, as a lost network would."""
    connection = request.environ.get("werkzeug.socket")
    if connection is None:
        raise ConnectionClosed("connection closed without an answer")
    connection.shutdown(socket.SHUT_RDWR)


def falsified(value: Any, name: str = "") -> Any:
    """The same JSON with every amount one unit higher, whether a number or a string of digits."""
    if isinstance(value, dict):
        return {key: falsified(item, key) for key, item in value.items()}
    if isinstance(value, list):
        return [falsified(item, name) for item in value]
    if not AMOUNT_FIELD.search(name) or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str) and re.fullmatch(r"-?\d+(\.\d+)?", value):
        whole, dot, fraction = value.partition(".")
        return f"{int(whole) + 1}{dot}{fraction}"
    return value


class Gate:
    """Flask hooks around the product's own routes; the control API and the page pass freely."""

    def __init__(self, app: Flask, product: Product, books: Books, faults: Faults, limit: RateLimit) -> None:
        self.product, self.books, self.faults, self.limit = product, books, faults, limit
        app.before_request(self.before)
        app.after_request(self.after)

    def before(self) -> Response | None:
        """Enter the call in the books, then let limit, authentication and faults have their say."""
        g.call, g.fault = None, None
        if not request.path.startswith(self.product.api_prefix):
            return None
        if self.product.is_read(request.method, request.path):
            self.books.reads[f"{request.method} {request.path}"] += 1
        else:
            body = request.get_json(silent=True, force=True)
            g.call = self.books.enter_call(request.method, request.path, request.query_string.decode(), body)
        wait = self.limit.admit()
        if wait is not None:
            answer = self.product.throttled()
            answer.headers["Retry-After"] = str(math.ceil(wait))
            return answer
        if request.headers.get("Authorization") != f"Bearer {self.product.token}":
            return self.product.error(401, "credentials are missing or not valid")
        g.fault = self.faults.take(request.method, request.path)
        return self.early(g.fault) if g.fault else None

    def early(self, fault: Fault) -> Response | None:
        """The faults that keep the handler from running."""
        if g.call is not None:
            g.call["fault"] = fault.mode
        if fault.mode == "status":
            answer = self.product.throttled() if fault.status == 429 else self.product.error(fault.status, "injected")
            answer.headers.pop("Retry-After", None)
            if fault.retry_after is not None:
                answer.headers["Retry-After"] = str(fault.retry_after)
            return answer
        if fault.mode in ("timeout-before", "slow"):
            time.sleep(fault.seconds)
        if fault.mode == "timeout-before":
            hang_up()
            return Response(status=500)
        return None

    def after(self, answer: Response) -> Response:
        """The faults that follow the effect; then the outcome goes into the books."""
        fault: Fault | None = g.get("fault")
        unheard = fault is not None and fault.mode in ("timeout-before", "commit-then-timeout")
        if fault and fault.mode == "wrong-amount" and answer.is_json:
            answer.set_data(json.dumps(falsified(answer.get_json())))
        if g.get("call") is not None:
            g.call["status"] = None if unheard else answer.status_code
        if request.method != "GET":
            self.books.save()
        if fault and fault.mode == "commit-then-timeout":
            time.sleep(fault.seconds)
            hang_up()
        return answer
