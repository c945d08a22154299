"""Time as the products print it."""

from __future__ import annotations

from datetime import datetime, timezone


def now() -> datetime:
    """The current moment in UTC."""
    return datetime.now(timezone.utc)


def seconds(moment: datetime) -> str:
    """RFC 3339 to the second, as Kantata prints it [C]."""
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def millis(moment: datetime) -> str:
    """RFC 3339 to the millisecond, as HubSpot prints it [C]."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def parsed(text: str) -> datetime:
    """A moment from RFC 3339; a bare date is midnight UTC."""
    moment = datetime.fromisoformat(text)
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
