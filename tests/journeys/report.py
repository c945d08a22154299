"""What a failed journey shows: each deal's timeline, what waits for a person, and what the functions said."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from local import build
from local.timeline import entry_of

if TYPE_CHECKING:
    from .conftest import Journey

JOURNEY: pytest.StashKey[Journey] = pytest.StashKey()
PASSED: pytest.StashKey[bool] = pytest.StashKey()


def sections(journey: Journey) -> list[tuple[str, str]]:
    """The sections of a failure's report."""
    try:
        return [*_timelines(journey), *_logs(journey)]
    except Exception as problem:  # noqa: BLE001  (a report that fails must not hide what it is about)
        return [("journey", f"cannot be shown: {problem!r}")]


def _timelines(journey: Journey) -> list[tuple[str, str]]:
    found = []
    for deal in journey.deals:
        entries = [str(entry) for entry in map(entry_of, deal.items()) if entry]
        entries += [f"open: {item['code']} {item['owner']}: {item['detail']}" for item in deal.exceptions()]
        found.append((f"timeline of {deal.engagement}", "\n".join(entries) or "nothing in the journal"))
    return found


def _logs(journey: Journey) -> list[tuple[str, str]]:
    return [
        (f"log of {function}", "\n".join(tail))
        for function in build.functions() if (tail := journey.stack.logs.tail(function))
    ]
