"""The log behind ``subscribed_events``: polled, late, unordered, sometimes double, kept nine days.

"Your application should handle duplicate events"; order is not guaranteed; minutes of delay; nine days of
retention; administrators only [C: developer.kantata.com, tag Events]. Each of these can be switched on.
"""

from __future__ import annotations

import json
import random
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from ..common import clock
from ..common.books import Books, Record
from ..common.control import Refused
from .schema import Collection, SUBJECTS

RETENTION = timedelta(days=9)
"""An older copy of the vendor's page says seven [C]."""
ACCOUNT_ID, ADMIN_ID = 415, 1111
DUPLICATES = ("none", "same-id", "new-id")
ORDERS = ("created", "reversed", "shuffled")
PAYLOADS = ("mixed", "string", "object")


@dataclass
class EventSettings:
    """How the log misbehaves; kept across resets.

    ``visible_after_seconds`` holds an event back although its ``created_at`` is earlier, which is what makes
    an overlap necessary. ``payloads`` exists because the columns are strings in one published text and objects
    in the other [C both].
    """

    visible_after_seconds: float = 0.0
    duplicates: str = "none"
    order: str = "created"
    payloads: str = "mixed"

    def __post_init__(self) -> None:
        for name, allowed in (("duplicates", DUPLICATES), ("order", ORDERS), ("payloads", PAYLOADS)):
            if getattr(self, name) not in allowed:
                raise Refused(f"{name} must be one of {list(allowed)}")


class EventLog:
    """Appends events and answers the poll."""

    def __init__(self, books: Books) -> None:
        self.books = books

    @property
    def settings(self) -> EventSettings:
        """The current misbehaviour."""
        return EventSettings(**self.books.settings.get("events", {}))

    def configure(self, values: dict[str, Any]) -> EventSettings:
        """Change the settings; fields not given keep their value."""
        known = {item.name for item in fields(EventSettings)}
        if unknown := sorted(set(values) - known):
            raise Refused(f"unknown fields {unknown}; known are {sorted(known)}")
        settings = EventSettings(**{**vars(self.settings), **values})
        self.books.settings["events"] = vars(settings)
        self.books.save()
        return settings

    def append(self, change: str, schema: Collection, record: Record, before: Record) -> Record:
        """Note that a record changed; ``before`` holds the old values of what changed."""
        current = {**record}
        changes = {name: [old, record.get(name)] for name, old in before.items()}
        settings = self.settings
        event = self._store(f"{schema.singular}:{change}", schema.subject, record["id"], clock.now(),
                            {**current, **before}, current, changes, settings)
        if settings.duplicates == "new-id":
            self.books.add("subscribed_events", {**event, "id": self.books.next_id()})
        return event

    def insert(self, event_type: str, subject_type: str, subject_id: str, age: timedelta) -> Record:
        """An event of a chosen age, for retention, overlap and for subjects that no longer exist."""
        if subject_type not in SUBJECTS:
            raise Refused(f"subject_type must be one of {sorted(SUBJECTS)}")
        return self._store(event_type, subject_type, subject_id, clock.now() - age, {}, {}, {}, self.settings)

    def _store(self, event_type: str, subject_type: str, subject_id: str, moment: datetime, previous: Record,
               current: Record, changes: Record, settings: EventSettings) -> Record:
        ident = self.books.next_id()
        text = settings.payloads == "string" or (settings.payloads == "mixed" and int(ident) % 2 == 0)

        def payload(value: Record) -> Any:
            return json.dumps(value) if text else json.loads(json.dumps(value))

        return self.books.add("subscribed_events", {
            "id": ident, "account_id": ACCOUNT_ID, "user_id": ADMIN_ID, "event_type": event_type,
            "subject_type": subject_type, "subject_id": int(subject_id),
            "subject_ref": {"key": SUBJECTS[subject_type], "id": str(subject_id)},
            "subject_changed_at": clock.seconds(moment), "created_at": clock.seconds(moment),
            "previous_payload": payload(previous), "current_payload": payload(current),
            "payload_changes": payload(changes),
            "visible_at": (moment + timedelta(seconds=settings.visible_after_seconds)).isoformat(),
        })

    def visible(self, after: str | None, before: str | None, types: list[str], latest: bool) -> list[Record]:
        """The events a poll sees now, in the order it sees them."""
        moment = clock.now()
        rows = [row for row in self.books.find("subscribed_events")
                if clock.parsed(row["visible_at"]) <= moment
                and clock.parsed(row["created_at"]) > moment - RETENTION
                and (after is None or clock.parsed(row["created_at"]) > clock.parsed(after))
                and (before is None or clock.parsed(row["created_at"]) < clock.parsed(before))
                and (not types or row["event_type"] in types)]
        if latest:
            rows = list({(row["subject_type"], row["subject_id"]): row for row in rows}.values())
        settings = self.settings
        if settings.duplicates == "same-id":
            rows = [row for row in rows for _ in range(2)]
        if settings.order == "reversed":
            rows.reverse()
        if settings.order == "shuffled":
            random.Random(len(rows)).shuffle(rows)
        return [{name: value for name, value in row.items() if name != "visible_at"} for row in rows]
