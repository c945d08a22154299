"""HubSpot's error bodies: category, correlationId, message, context, errors, links, subCategory [C: CRM specs]."""

from __future__ import annotations

import json
import uuid
from typing import Any

from flask import Response, jsonify

CATEGORIES = {400: "VALIDATION_ERROR", 401: "INVALID_AUTHENTICATION", 403: "MISSING_SCOPES", 404: "OBJECT_NOT_FOUND",
              405: "METHOD_NOT_ALLOWED", 409: "CONFLICT", 423: "LOCKED", 429: "RATE_LIMITS"}
"""[GK] beyond VALIDATION_ERROR, which the published example shows."""

POLICY = "TEN_SECONDLY_ROLLING"
"""The policy named by a 429 [3P, and read by HubSpot's own SDK's retry code]."""


class Refusal(Exception):
    """A product call that HubSpot answers with an error."""

    def __init__(self, status: int, message: str, **more: Any) -> None:
        super().__init__(message)
        self.status, self.message, self.more = status, message, more


def error(status: int, message: str, **more: Any) -> Response:
    """An error answer."""
    answer = jsonify(status="error", message=message, correlationId=str(uuid.uuid4()),
                     category=CATEGORIES.get(status, "INTERNAL_ERROR"), **more)
    answer.status_code = status
    return answer


def throttled() -> Response:
    """429; the body is not the usual error body [3P]."""
    answer = jsonify(status="error", message="You have reached your ten_secondly_rolling limit.",
                     errorType="RATE_LIMIT", correlationId=str(uuid.uuid4()), policyName=POLICY)
    answer.status_code = 429
    return answer


def unknown_properties(names: list[str]) -> Refusal:
    """400 for properties the portal does not define; the message carries a JSON list [GK]."""
    details = [{"isValid": False, "message": f'Property "{name}" does not exist', "error": "PROPERTY_DOESNT_EXIST",
                "name": name} for name in names]
    return Refusal(400, "Property values were not valid: " + json.dumps(details))


def not_found() -> Refusal:
    """404 for an object that does not exist."""
    return Refusal(404, "resource not found")
