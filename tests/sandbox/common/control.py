"""The part of the control API that both stand-ins have. It is not the product's: no authentication."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Blueprint, Response, jsonify, request

from ..faults import BadFault, Faults, parse
from .books import Books
from .limits import RateLimit


class Refused(ValueError):
    """The control API was asked for something impossible; the text tells the caller what to change."""


def body() -> dict[str, Any]:
    """The request's JSON object; no body counts as an empty one."""
    value = request.get_json(silent=True, force=True)
    if value is None and not request.get_data():
        return {}
    if not isinstance(value, dict):
        raise Refused("the body must be a JSON object")
    return value


def shared(books: Books, faults: Faults, limit: RateLimit, on_reset: Callable[[], None]) -> Blueprint:
    """Dump, calls, reset, faults, rate limit and health."""
    control = Blueprint("control", __name__, url_prefix="/_sandbox")

    @control.app_errorhandler(Refused)
    @control.app_errorhandler(BadFault)
    def refused(problem: Exception) -> tuple[Response, int]:
        return jsonify(error=str(problem)), 400

    @control.get("/health")
    def health() -> Response:
        return jsonify(ok=True)

    @control.get("/dump")
    def dump() -> Response:
        return jsonify(books.dump())

    @control.get("/calls")
    def calls() -> Response:
        """The mutating calls, narrowed by method, path prefix and number (``after``)."""
        method, path = request.args.get("method"), request.args.get("path", "/")
        after = request.args.get("after", 0, type=int)
        return jsonify(calls=[
            call for call in books.dump()["calls"]
            if call["n"] > after and method in (None, call["method"]) and call["path"].startswith(path)
        ])

    @control.post("/reset")
    def reset() -> Response:
        """Empty the books and drop the faults; settings such as the webhook target stay."""
        books.clear()
        faults.clear()
        limit.set(limit.limit, limit.window)
        on_reset()
        books.save()
        return jsonify(ok=True)

    @control.get("/faults")
    def list_faults() -> Response:
        return jsonify(faults=faults.listed())

    @control.post("/faults")
    def add_fault() -> tuple[Response, int]:
        faults.add(parse(body()))
        return jsonify(faults=faults.listed()), 201

    @control.delete("/faults")
    def clear_faults() -> Response:
        faults.clear()
        return jsonify(faults=[])

    @control.put("/rate_limit")
    def rate_limit() -> Response:
        wanted = body()
        limit.set(int(wanted.get("limit", limit.limit)), float(wanted.get("window_seconds", limit.window)))
        return jsonify(limit=limit.limit, window_seconds=limit.window)

    return control
