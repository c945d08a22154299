"""Customers as they are kept: whom they belong to, and which system may change what of them."""

from __future__ import annotations

import json
from typing import Any

from .conftest import Journey
from .deal import Deal
from .waiting import quiet


def test_a_customer_is_kept_with_its_hierarchy_in_both_systems(journey: Journey) -> None:
    """Proves CAN-01, CAN-02 in part, CAN-03 in part, CAN-24 in part, WFA-05 in part, WFA-17 in part:
    the parent is made before its child, and the second child finds it."""
    above = {**journey.company(), "address": "9 Harbour Road", "city": "Springfield", "zip": "97477", "country": "US"}
    first = journey.deal(parent=above).activate()
    second = journey.deal(parent=above).activate()
    (holding,) = journey.erp.parties(above["q2c_tax_id"])
    for deal in (first, second):
        (party,) = journey.erp.parties(deal.customer_record["q2c_tax_id"])
        assert party["parent_party"]["id"] == holding["id"]
        kept = deal.customer_item
        assert kept["parent"]["customer"] == holding["external_id"]
        assert kept["records"] == {"hubspot-main": deal.company, "tryton-us": str(party["id"])}
        assert kept["legal_entities"] == ["NW-US"] and kept["payment_terms"] == "net-30"
        assert kept["tax"]["registration"] == deal.customer_record["q2c_tax_id"]
        assert (kept["tax"]["jurisdiction"], kept["tax"]["nexus"]) == ("US", ["NW-US"])
        assert kept["credit"]["on_hold"] is False
        (contact,) = kept["contacts"]
        assert contact == {"customer": deal.customer_id, "purpose": "billing",
                           "email": deal.customer_record["q2c_billing_email"]}


def test_what_the_crm_owns_is_taken_over_and_what_it_does_not_waits(journey: Journey) -> None:
    """Proves OWN-02: sales changes where invoices go, which is the CRM's, and renames the customer, which is not."""
    deal = journey.deal().activate()
    told(journey, deal, q2c_billing_email="invoices@globex.example")
    deal.wait(lambda: deal.customer_item["contacts"][0]["email"] == "invoices@globex.example", 30, "the new address")
    before = deal.customer_item
    delivery = told(journey, deal, name="Globex Renamed Inc")
    (held,) = deal.wait(lambda: deal.customer_items("exception"), 30, "the change to be kept out")
    assert (held["code"], held["owner"], held["status"]) == ("Q2C-0205", "master-data", "open")
    report = json.loads(held["payload"])
    assert report["data"]["fields"] == {"name": "Globex Renamed Inc"}, "the whole report"
    assert deal.customer_item == before, "nothing of it was applied"
    journey.crm.resend(delivery["id"])
    quiet(journey)
    assert len(deal.customer_items("exception")) == 1, "told again it is the same exception"


def told(journey: Journey, deal: Deal, **properties: str) -> dict[str, Any]:
    """Sales changes the company, and HubSpot tells so; returns the delivery, which was accepted."""
    (delivery,) = journey.crm.report("companies", deal.company, **properties)
    assert delivery["answers"][-1]["status"] == 202, delivery["answers"]
    return delivery
