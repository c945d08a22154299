"""How HubSpot signs a delivery.

v1: hex SHA-256 of secret + body. v2: hex SHA-256 of secret + METHOD + URI + body. v3: base64 HMAC-SHA256,
keyed by the secret, of METHOD + URI + body + timestamp in milliseconds [C: HubSpot SDKs].
"""

from __future__ import annotations

import base64
import hashlib
import hmac


def v1(secret: str, body: bytes) -> str:
    """The oldest form; says nothing of where the body was sent."""
    return hashlib.sha256(secret.encode() + body).hexdigest()


def v2(secret: str, method: str, uri: str, body: bytes) -> str:
    """Adds method and URI."""
    return hashlib.sha256(secret.encode() + f"{method}{uri}".encode() + body).hexdigest()


def v3(secret: str, method: str, uri: str, body: bytes, millis: str) -> str:
    """Adds the time, and is a real HMAC."""
    signed = f"{method}{uri}".encode() + body + millis.encode()
    return base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()


def headers(versions: list[str], secret: str, uri: str, body: bytes, millis: str) -> dict[str, str]:
    """All signature headers of a POST; v1 and v2 share one header, so at most one of them is sent.

    To apps of today HubSpot sends v3 beside v1, with ``X-HubSpot-Signature-Version: v1`` [C].
    """
    made = {}
    if "v3" in versions:
        made["X-HubSpot-Signature-v3"] = v3(secret, "POST", uri, body, millis)
        made["X-HubSpot-Request-Timestamp"] = millis
    if older := [version for version in versions if version != "v3"][:1]:
        made["X-HubSpot-Signature-Version"] = older[0]
        made["X-HubSpot-Signature"] = v1(secret, body) if older[0] == "v1" else v2(secret, "POST", uri, body)
    return made
