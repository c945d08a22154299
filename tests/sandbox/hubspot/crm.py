"""The CRM's objects: reading with chosen properties, writing with checks, associations, search."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..common import clock
from ..common.books import Books, Record
from .errors import Refusal, not_found, unknown_properties
from .properties import DEFINED, SYSTEM, WRITABLE, shown

KINDS = list(DEFINED)

ASSOCIATION = {("deals", "quotes"): "deal_to_quote", ("deals", "companies"): "deal_to_company",
               ("quotes", "line_items"): "quote_to_line_item", ("quotes", "deals"): "quote_to_deal",
               ("companies", "deals"): "company_to_deal", ("line_items", "quotes"): "line_item_to_quote"}
"""Association types as printed in an answer [GK]."""

ASSOCIATION_KEY = {"line_items": "line items"}
"""HubSpot prints this key with a space although the parameter has an underscore [GK]."""

OPERATORS: dict[str, Callable[[str | None, Any], bool]] = {
    "EQ": lambda have, want: have == want,
    "NEQ": lambda have, want: have != want,
    "IN": lambda have, want: have in want,
    "HAS_PROPERTY": lambda have, _: have is not None,
    "NOT_HAS_PROPERTY": lambda have, _: have is None,
}
"""The search operators needed here; the product has more [C: search spec]."""


class Crm:
    """Objects of the portal. A record is ``{id, properties, associations, createdAt, updatedAt, archived}``."""

    def __init__(self, books: Books) -> None:
        self.books = books

    def get(self, kind: str, key: str, id_property: str | None = None) -> Record:
        """The stored record, by id or by a unique property (``idProperty``, [C])."""
        if kind not in KINDS:
            raise not_found()
        if id_property is None:
            found = self.books.records[kind].get(key)
            rows = [found] if found else []
        else:
            rows = [row for row in self.books.find(kind) if row["properties"].get(id_property) == key]
        if not rows:
            raise not_found()
        return rows[0]

    def create(self, kind: str, properties: dict[str, Any]) -> Record:
        """A new record. There is no key to make this idempotent: called twice, it creates two."""
        checked(kind, properties)
        moment = clock.millis(clock.now())
        with self.books.lock:
            ident = self.books.next_id()
            system = dict(zip(SYSTEM, (ident, moment, moment), strict=True))
            return self.books.add(kind, {
                "id": ident, "properties": {**system, **stored(properties)}, "associations": {},
                "createdAt": moment, "updatedAt": moment, "archived": False,
            })

    def update(self, kind: str, record: Record, properties: dict[str, Any]) -> dict[str, str | None]:
        """Change properties; the answer holds those whose value is now another."""
        checked(kind, properties)
        moment = clock.millis(clock.now())
        with self.books.lock:
            fresh = stored(properties)
            changed = {name: value for name, value in fresh.items() if record["properties"].get(name) != value}
            record["properties"].update(fresh)
            record["properties"]["hs_lastmodifieddate"] = record["updatedAt"] = moment
        return changed

    def associate(self, kind: str, record: Record, other_kind: str, other: Record) -> None:
        """Tie two records together, readable from either side."""
        with self.books.lock:
            for left, right_kind, right in ((record, other_kind, other), (other, kind, record)):
                ids = left["associations"].setdefault(right_kind, [])
                if right["id"] not in ids:
                    ids.append(right["id"])

    def search(self, kind: str, wanted: Record) -> list[Record]:
        """Records matching any filter group, each group being a conjunction [C: search spec]."""
        groups = wanted.get("filterGroups") or [{"filters": []}]
        return [row for row in self.books.find(kind)
                if any(all(holds(row, rule) for rule in group.get("filters", [])) for group in groups)]


def holds(record: Record, rule: Record) -> bool:
    """Whether one filter of a search holds."""
    operator = OPERATORS.get(rule.get("operator", ""))
    if operator is None or "propertyName" not in rule:
        raise Refusal(400, f"Invalid input JSON: filter {rule} is not understood")
    want = rule.get("values") if rule["operator"] == "IN" else rule.get("value")
    return operator(record["properties"].get(rule["propertyName"]), want)


def checked(kind: str, properties: Any) -> None:
    """Refuse what HubSpot refuses: no properties at all, undefined ones, read-only ones."""
    if not isinstance(properties, dict):
        raise Refusal(400, "Invalid input JSON: properties is required")
    if unknown := sorted(set(properties) - DEFINED[kind] - set(SYSTEM)):
        raise unknown_properties(unknown)
    if fixed := sorted(set(properties) & set(SYSTEM)):
        raise Refusal(400, f"Property values were not valid: {fixed} are read only")
    if nested := sorted(name for name, value in properties.items() if isinstance(value, (dict, list))):
        raise Refusal(400, f"Invalid input JSON: {nested} must be strings")


def stored(properties: dict[str, Any]) -> dict[str, str | None]:
    """HubSpot keeps every value as a string; the empty string clears a property [GK]."""
    text = {name: str(value).lower() if isinstance(value, bool) else value for name, value in properties.items()}
    return {name: None if value in (None, "") else str(value) for name, value in text.items()}


def writable(kind: str) -> None:
    """Refuse writing objects that the published API only reads."""
    if kind in KINDS and kind not in WRITABLE:
        raise Refusal(405, f"{kind} are read only")


def view(kind: str, record: Record, wanted: list[str], associations: list[str] = ()) -> Record:
    """A record as an answer prints it."""
    answer = {"id": record["id"], "properties": shown(kind, record["properties"], wanted),
              "createdAt": record["createdAt"], "updatedAt": record["updatedAt"], "archived": record["archived"]}
    tied = {}
    for name in associations:
        other = name.replace(" ", "_")
        if ids := record["associations"].get(other):
            kind_name = ASSOCIATION.get((kind, other), "unlabeled")
            tied[ASSOCIATION_KEY.get(other, other)] = {"results": [{"id": i, "type": kind_name} for i in ids]}
    if tied:
        answer["associations"] = tied
    return answer
