"""A complete deal from one JSON description: company, deal, quote and line items, tied together."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

from ..common import clock
from ..common.books import Record
from ..common.control import Refused
from .crm import Crm
from .properties import DEFINED

TEMPLATES = Path(__file__).parent.parent / "deals"
PARTS = ("company", "deal", "quote")
_AHEAD = re.compile(r"\+(\d+) months")
LINE_NAMES = ("q2c_milestone", "q2c_charge", "q2c_role", "hs_sku")
"""What a line is called by, whichever of them it has."""


def described(request: dict[str, Any]) -> dict[str, Any]:
    """The description to build: a template (``globex`` unless named) with the caller's changes laid over it.

    ``company``, ``deal`` and ``quote`` are merged by property (null removes one); ``line_items`` replaces the list;
    ``parent`` is the company that the buyer belongs to.
    """
    if unknown := sorted(set(request) - {"template", "line_items", "parent", *PARTS}):
        raise Refused(f"unknown fields {unknown}")
    file = TEMPLATES / f"{request.get('template', 'globex')}.json"
    known = sorted(path.stem for path in TEMPLATES.glob("*.json"))
    if file.stem not in known or file.parent != TEMPLATES:
        raise Refused(f"no template {file.stem}; there are {known}")
    made = json.loads(file.read_text(encoding="utf-8"))
    for part in PARTS:
        merged = {**made[part], **request.get(part, {})}
        made[part] = {name: value for name, value in merged.items() if value is not None}
    made["line_items"] = [dated(line) for line in request.get("line_items", made["line_items"])]
    made["parent"] = request.get("parent")
    return made


def dated(line: dict[str, Any]) -> dict[str, Any]:
    """The line with its days: ``+5 months`` is the first day of the month after so many. What is to begin in a template
    would otherwise have begun one day."""
    return {name: _day(value) if isinstance(value, str) else value for name, value in line.items()}


def _day(value: str) -> str:
    ahead = _AHEAD.fullmatch(value)
    if ahead is None:
        return value
    now = clock.now()
    months = now.year * 12 + now.month - 1 + int(ahead[1])
    return date(months // 12, months % 12 + 1, 1).isoformat()


def create(crm: Crm, description: dict[str, Any]) -> Record:
    """Build the deal and return the ids. A company is found by its domain, as HubSpot does for companies [GK]."""
    company = company_of(crm, description["company"])
    if above := description.get("parent"):
        # HubSpot fills the property from the association "parent company" [GK].
        crm.update("companies", company, {"hs_parent_company_id": company_of(crm, above)["id"]})
    deal = crm.create("deals", description["deal"])
    number = f"Q-{clock.now():%Y%m%d}-{deal['id']}"
    quote = crm.create("quotes", {"hs_status": "DRAFT", "hs_quote_number": number, **description["quote"]})
    crm.associate("deals", deal, "companies", company)
    crm.associate("deals", deal, "quotes", quote)
    items = [crm.create("line_items", item) for item in description["line_items"]]
    for item in items:
        crm.associate("quotes", quote, "line_items", item)
    return {"deal_id": deal["id"], "company_id": company["id"], "quote_id": quote["id"],
            "line_item_ids": [item["id"] for item in items]}


def company_of(crm: Crm, properties: dict[str, Any]) -> Record:
    """The company with the domain, or a new one."""
    domain = properties.get("domain")
    same = [row for row in crm.books.find("companies") if domain and row["properties"].get("domain") == domain]
    return same[0] if same else crm.create("companies", properties)


def approve(crm: Crm, deal_id: str) -> tuple[Record, dict[str, str | None]]:
    """Approve the deal's newest quote and mark the deal; returns the deal and what changed on it."""
    deal = crm.get("deals", deal_id)
    quotes = deal["associations"].get("quotes")
    if not quotes:
        raise Refused(f"deal {deal_id} has no quote")
    crm.update("quotes", crm.get("quotes", quotes[-1]),
               {"hs_status": "APPROVED", "q2c_approved_at": clock.millis(clock.now())})
    return deal, crm.update("deals", deal, {"quote_status": "APPROVED"})


def revise(crm: Crm, deal_id: str, request: dict[str, Any]) -> Record:
    """A further version of the deal's newest quote, in draft, as cloning it in the CRM makes one; returns its ids.

    ``lines`` lays changes over the copied lines, by milestone, charge, role or service (null drops the line); ``add`` are
    further lines; ``quote`` changes the quote itself.
    """
    if unknown := sorted(set(request) - {"quote", "lines", "add"}):
        raise Refused(f"unknown fields {unknown}")
    deal = crm.get("deals", deal_id)
    latest = crm.get("quotes", deal["associations"]["quotes"][-1])
    version = int(latest["properties"].get("q2c_version") or 1) + 1
    number = f"{latest['properties']['hs_quote_number'].split('/')[0]}/{version}"
    quote = crm.create("quotes", {
        **copied(latest, "quotes"), "hs_status": "DRAFT", "hs_quote_number": number, "q2c_version": str(version),
        "q2c_approved_at": "", **request.get("quote", {}),
    })
    crm.associate("deals", deal, "quotes", quote)
    changes, lines = dict(request.get("lines", {})), []
    for key in latest["associations"].get("line_items", []):
        line = copied(crm.get("line_items", key), "line_items")
        change = changes.pop(next((line[name] for name in LINE_NAMES if line.get(name)), ""), {})
        if change is not None:
            lines.append({**line, **change})
    if changes:
        raise Refused(f"the quote has no lines {sorted(changes)}")
    items = [crm.create("line_items", line) for line in [*lines, *request.get("add", [])]]
    for item in items:
        crm.associate("quotes", quote, "line_items", item)
    return {"quote_id": quote["id"], "version": version, "line_item_ids": [item["id"] for item in items]}


def copied(record: Record, kind: str) -> dict[str, str]:
    """What a clone takes over: every property that is defined and has a value."""
    return {name: value for name, value in record["properties"].items() if name in DEFINED[kind] and value is not None}


def win(crm: Crm, deal_id: str) -> tuple[Record, dict[str, str | None]]:
    """Close the deal as won, its newest quote approved; returns the deal and what its notification tells."""
    deal, _ = approve(crm, deal_id)
    crm.update("deals", deal, {"dealstage": "closedwon"})
    return deal, {"dealstage": deal["properties"]["dealstage"]}
