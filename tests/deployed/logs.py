"""What the functions wrote: structured lines, and metrics in the embedded format."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any


class Logs:
    """The log groups of the deployed functions."""

    def __init__(self, client: Any, function: Callable[[str], str]):
        self._client = client
        self._function = function

    def text(self, function: str) -> list[str]:
        """Every line that a function wrote, oldest first."""
        pages = self._client.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/lambda/{self._function(function)}",
        )
        try:
            found = [event for page in pages for event in page["events"]]
        except self._client.exceptions.ResourceNotFoundException:
            return []
        found.sort(key=lambda event: event["timestamp"])
        return [line for event in found for line in event["message"].splitlines()]

    def lines(self, function: str) -> list[dict[str, Any]]:
        """The lines that are JSON objects."""
        return [line for line in map(_parsed, self.text(function)) if line is not None]

    def tail(self, function: str, count: int = 25) -> list[str]:
        """The last lines that are worth reading: no metrics, nothing of the platform."""
        told = [line for line in self.text(function) if line.strip() and '"_aws"' not in line]
        told = [line for line in told if not line.startswith(("START ", "END ", "REPORT ", "INIT_START"))]
        return told[-count:]


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        value = json.loads(line)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
