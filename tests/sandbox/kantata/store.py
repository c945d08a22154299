"""Writing and finding records, with the checks of the schema and an event for every change."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from ..common import clock
from ..common.books import Books, Record
from .errors import Refusal
from .events import EventLog
from .schema import COLLECTIONS, CUSTOM_FIELD_SUBJECT, REFERENCE, STATUSES, SUBJECTS, Collection

MAX_TITLE = 200
SILENT = frozenset({"external_references", "external_payments", "custom_field_values"})
"""Collections whose changes are not events of their own here; a custom field's change is one of its subject."""


class Store:
    """The account's records. A record is flat, with its id and timestamps in it."""

    def __init__(self, books: Books, events: EventLog) -> None:
        self.books, self.events = books, events

    def get(self, collection: str, key: str) -> Record:
        """One record, or 404."""
        found = self.books.records[collection].get(str(key))
        if found is None:
            raise Refusal(404, f"Unable to find {COLLECTIONS[collection].singular} {key}")
        return found

    def create(self, collection: str, attributes: Record) -> Record:
        """A new record, always: a POST carries no key, so twice is two [C: none in the published model]."""
        schema = COLLECTIONS[collection]
        self._check(schema, attributes, schema.create, required=True)
        with self.books.lock:
            moment = clock.seconds(clock.now())
            record = {"id": self.books.next_id(), **schema.defaults, **attributes,
                      "created_at": moment, "updated_at": moment}
            record.update(in_cents(schema, record, attributes), **status_of(attributes))
            reference = record.pop(REFERENCE, None)
            for name in schema.refers:
                if record.get(name) is not None:
                    record[name] = str(record[name])
            self.books.add(collection, record)
            if reference is not None:
                self.refer({**reference, "subject_type": schema.subject, "subject_id": record["id"]})
            if collection not in SILENT:
                self.events.append("created", schema, record, {})
        return record

    def update(self, collection: str, record: Record, attributes: Record) -> Record:
        """Change a record through the API: only what the schema lets be changed."""
        schema = COLLECTIONS[collection]
        self._check(schema, attributes, schema.update, required=False)
        return self.set(collection, record, attributes)

    def set(self, collection: str, record: Record, attributes: Record) -> Record:
        """Change a record as the product itself does (approval, completion), with an event if anything changed."""
        schema = COLLECTIONS[collection]
        with self.books.lock:
            attributes = {**attributes, **in_cents(schema, record, attributes), **status_of(attributes)}
            reference = attributes.pop(REFERENCE, None)
            before = {name: record.get(name) for name, value in attributes.items() if record.get(name) != value}
            record.update(attributes)
            if before:
                record["updated_at"] = clock.seconds(clock.now())
            if reference is not None:
                self.refer({**reference, "subject_type": schema.subject, "subject_id": record["id"]})
            if before and collection not in SILENT:
                self.events.append("updated", schema, record, before)
        return record

    def delete(self, collection: str, record: Record) -> None:
        """Remove a record and the references to it."""
        schema = COLLECTIONS[collection]
        if not schema.deletable:
            raise Refusal(404, f"{collection} cannot be deleted")
        with self.books.lock:
            del self.books.records[collection][record["id"]]
            for row in self.books.find("external_references", subject_type=schema.subject, subject_id=record["id"]):
                del self.books.records["external_references"][row["id"]]
            if collection not in SILENT:
                self.events.append("deleted", schema, record, {})

    def refer(self, attributes: Record) -> Record:
        """``create_or_update``: one reference per service, model, ref and subject, however often it is sent [C]."""
        schema = COLLECTIONS["external_references"]
        self._check(schema, attributes, schema.create, required=True)
        subject = SUBJECTS.get(attributes["subject_type"])
        attributes = {**attributes, "subject_id": str(attributes["subject_id"])}
        if subject is None or attributes["subject_id"] not in self.books.records[subject]:
            raise Refusal(422, "Subject must exist")
        key = {name: attributes[name] for name in schema.required}
        with self.books.lock:
            same = self.books.find("external_references", **key)
            if not same:
                return self.create("external_references", attributes)
            same[0].update(attributes, updated_at=clock.seconds(clock.now()))
            return same[0]

    def value(self, subject_id: str, field: Record, value: Any) -> Record:
        """Set a custom field of a task; the task is what changed, so it is the task's event."""
        story = self.get("stories", subject_id)
        with self.books.lock:
            rows = self.books.find("custom_field_values", subject_id=story["id"], custom_field_id=field["id"])
            moment = clock.seconds(clock.now())
            row = rows[0] if rows else self.books.add("custom_field_values", {
                "id": self.books.next_id(), "subject_type": CUSTOM_FIELD_SUBJECT, "subject_id": story["id"],
                "custom_field_id": field["id"], "custom_field_name": field["name"], "type": field["value_type"],
                "created_at": moment})
            before = {field["name"]: row.get("value")}
            row.update(value=value, display_value=str(value), updated_at=moment)
            story["updated_at"] = moment
            if before[field["name"]] != value:
                self.events.append("updated", COLLECTIONS["stories"], story, {"updated_at": moment})
        return row

    def _check(self, schema: Collection, attributes: Any, allowed: frozenset[str], required: bool) -> None:
        """Refuse with every reason at once. Whether unknown attributes are refused or ignored is not published;
        refusing shows a misspelt one here instead of in production."""
        if not isinstance(attributes, dict):
            raise Refusal(422, f"{schema.singular} is required")
        problems = [f"{name} is not an attribute that can be set" for name in sorted(set(attributes) - allowed)]
        if required:
            problems += [f"{name} can't be blank" for name in schema.required if attributes.get(name) in (None, "")]
        for name, values in schema.choices.items():
            if name in attributes and attributes[name] not in values:
                problems.append(f"{name} is not included in the list")
        problems += [f"{name} is not a number" for name in schema.integers
                     if attributes.get(name) is not None and type(attributes[name]) is not int]
        problems += [f"{name} is not a number" for name in schema.amounts
                     if attributes.get(name) is not None and amount(attributes[name]) is None]
        problems += [f"{name} must exist" for name, target in schema.refers.items()
                     if attributes.get(name) is not None and str(attributes[name]) not in self.books.records[target]]
        if len(str(attributes.get("title", ""))) > MAX_TITLE:
            problems.append(f"title is too long (maximum is {MAX_TITLE} characters)")
        if problems:
            raise Refusal(422, *problems)


def amount(value: Any) -> Decimal | None:
    """An amount as it is sent, text or a number; nothing if it is neither."""
    try:
        return Decimal(str(value))
    except InvalidOperation:
        return None


def in_cents(schema: Collection, record: Record, attributes: Record) -> Record:
    """What Kantata shows of the amounts beside them: in the currency's base unit [C: ``price_in_cents``]."""
    shown: Record = {}
    for name in schema.amounts:
        if name in attributes:
            value = None if attributes[name] is None else amount(attributes[name])
            shown[f"{name}_in_cents"] = None if value is None else int(value * record["currency_base_unit"])
    return shown


def status_of(attributes: Record) -> Record:
    """A project's status as it is shown beside its key [C: a hash of color, message and key]."""
    key = attributes.get("status_key")
    if key is None:
        return {}
    if key not in STATUSES:
        raise Refusal(422, "status_key is not included in the list")
    return {"status": {"key": key, "message": STATUSES[key], "color": "grey"}}
