"""The product's own API, called as one of the people's apps."""

from __future__ import annotations

from typing import Any

from .calls import request_json
from .connections import token
from .stack import Stack


class Caller:
    """One of the configured callers (`connections.CALLERS`), with the rights of its role."""

    def __init__(self, stack: Stack, name: str):
        self._base = stack.api_url
        self._headers = {"authorization": f"Bearer {token(stack, name)}"}

    def command(self, path: str, body: dict[str, Any], key: str) -> dict[str, Any]:
        """Ask for something under a key of its own; asked again with the same key, it is done once."""
        return request_json("POST", f"{self._base}{path}", body, {**self._headers, "idempotency-key": key})
