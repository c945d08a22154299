"""A complete deal from one JSON description: company, deal, quote and line items, tied together."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..common import clock
from ..common.books import Record
from ..common.control import Refused
from .crm import Crm

TEMPLATES = Path(__file__).parent.parent / "deals"
PARTS = ("company", "deal", "quote")


def described(request: dict[str, Any]) -> dict[str, Any]:
    """The description to build: a template (``globex`` unless named) with the caller's changes laid over it.

    ``company``, ``deal`` and ``quote`` are merged by property (null removes one); ``line_items`` replaces the list.
    """
    if unknown := sorted(set(request) - {"template", "line_items", *PARTS}):
        raise Refused(f"unknown fields {unknown}")
    file = TEMPLATES / f"{request.get('template', 'globex')}.json"
    known = sorted(path.stem for path in TEMPLATES.glob("*.json"))
    if file.stem not in known or file.parent != TEMPLATES:
        raise Refused(f"no template {file.stem}; there are {known}")
    made = json.loads(file.read_text(encoding="utf-8"))
    for part in PARTS:
        merged = {**made[part], **request.get(part, {})}
        made[part] = {name: value for name, value in merged.items() if value is not None}
    made["line_items"] = request.get("line_items", made["line_items"])
    return made


def create(crm: Crm, description: dict[str, Any]) -> Record:
    """Build the deal and return the ids. A company is found by its domain, as HubSpot does for companies [GK]."""
    domain = description["company"].get("domain")
    same = [row for row in crm.books.find("companies") if domain and row["properties"].get("domain") == domain]
    company = same[0] if same else crm.create("companies", description["company"])
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


def approve(crm: Crm, deal_id: str) -> tuple[Record, dict[str, str | None]]:
    """Approve the deal's newest quote and mark the deal; returns the deal and what changed on it."""
    deal = crm.get("deals", deal_id)
    quotes = deal["associations"].get("quotes")
    if not quotes:
        raise Refused(f"deal {deal_id} has no quote")
    crm.update("quotes", crm.get("quotes", quotes[-1]),
               {"hs_status": "APPROVED", "q2c_approved_at": clock.millis(clock.now())})
    return deal, crm.update("deals", deal, {"quote_status": "APPROVED"})
