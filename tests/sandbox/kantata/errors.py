"""Kantata's error bodies: ``{"errors": [{"type", "message"}]}`` [C: the gem reads exactly that; types GK]."""

from __future__ import annotations

from flask import Response, jsonify

TYPES = {401: "oauth", 422: "validation", 404: "system", 429: "rate_limit"}
THROTTLED_STATUS = 429
"""That limits exist is published, status and numbers are not [GK]."""


class Refusal(Exception):
    """A product call that Kantata answers with an error."""

    def __init__(self, status: int, *messages: str) -> None:
        super().__init__("; ".join(messages))
        self.status, self.messages = status, messages


def error(status: int, *messages: str) -> Response:
    """An error answer."""
    answer = jsonify(errors=[{"type": TYPES.get(status, "system"), "message": message} for message in messages])
    answer.status_code = status
    return answer


def throttled() -> Response:
    """The answer beyond the rate limit."""
    return error(THROTTLED_STATUS, "Rate limit exceeded")
