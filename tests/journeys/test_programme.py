"""A programme of discovery, deployment and managed support: what was signed is split over PSA, ERP and contract, and
nobody types any of it again."""

from __future__ import annotations

from decimal import Decimal

from local.connections import ERP, PSA

from .conftest import Journey
from .deal import CONSULTANT, M1, M2, PRINCIPAL, TAX, money

SUPPORT = Decimal("1500.00")
SOLD = M1 + M2 + 12 * SUPPORT
CEILING = Decimal("40000.00")


def test_a_programme_is_set_up_and_its_discovery_billed(journey: Journey) -> None:
    """Proves SCN-01, SCN-02, SCN-05, WFA-24, CAN-10, CAN-11, CAN-15 and CAN-28 in part: hierarchy, shell, work breakdown,
    milestones, rates, ceiling, billing plan and revenue schedule come from the signed package, delivery begins after
    they were read back, and the discovery phase is invoiced on its own."""
    above = {**journey.company(), "address": "9 Harbour Road", "city": "Springfield", "zip": "97477", "country": "US"}
    deal = journey.deal(template="programme", parent=above, quote={"q2c_tm_ceiling": str(CEILING)}).activate()
    (party,) = journey.erp.parties(deal.customer_record["q2c_tax_id"])
    (holding,) = journey.erp.parties(above["q2c_tax_id"])
    assert party["parent_party"]["external_id"] == holding["external_id"]

    project = deal.project
    assert Decimal(str(project["price"])) == SOLD + CEILING
    assert {(story["story_type"], story["title"]) for story in project["stories"]} == {
        ("task", "Project management"), ("task", "Delivery"), ("task", "Configuration"), ("task", "Acceptance tests"),
        ("task", "Managed support"), ("milestone", "M1 Discovery"), ("milestone", "M2 Deployment"),
    }
    triggers = {row["title"]: row["amount_in_cents"] for row in project["billing_milestones"]}
    assert triggers == {"M1 Discovery": int(M1 * 100), "M2 Deployment": int(M2 * 100)}
    assert deal.plan == {"M1": M1, "M2": M2, "S1": SUPPORT, "time": CONSULTANT}

    contract = deal.state["contract"]
    assert {service: posted["cost_centre"] for service, posted in contract["accounting"].items()} == {
        "IMPL": "4100", "ADVISORY": "4200", "SUPPORT": "4100"}
    assert money(contract["time_ceiling"]) == CEILING
    assert {rate["role"]: money(rate["hourly"]) for rate in contract["rate_card"]["rates"]} == {
        "consultant": CONSULTANT, "principal": PRINCIPAL}
    (schedule,) = deal.items("revenue-schedule")
    assert sum(money(entry["amount"]) for entry in schedule["entries"]) == SOLD
    assert {entry["treatment"] for entry in schedule["entries"]} == {"milestone", "straight-line"}

    steps = {item["step"]: item for item in deal.items("step")}
    set_up = [step["position"] for step in steps.values() if step.get("system") in (ERP, PSA)]
    assert steps["readiness"]["position"] > max(set_up)
    invoice = deal.billed(milestone="M1")
    assert (money(invoice["untaxed"]), money(invoice["tax"])) == (M1, M1 * TAX)
    assert [line["accounting"]["cost_centre"] for line in deal.lines] == ["4100"]


def test_the_customer_s_tax_attributes_are_in_the_erp(journey: Journey) -> None:
    """Proves WFA-25 in part: registration as a checked identifier, and the jurisdiction of the address that is billed."""
    deal = journey.deal().activate()
    (account,) = journey.erp.by_external_id(
        "party.party", deal.customer, "tax_identifier.code", "tax_identifier.type", "addresses.country.code",
        "addresses.invoice",
    )
    registration = deal.customer_record["q2c_tax_id"].replace("-", "")
    identifier = account["tax_identifier"]
    assert (identifier["code"].replace("-", ""), identifier["type"]) == (registration, "us_ein")
    assert [(one["country"]["code"], one["invoice"]) for one in account["addresses"]] == [("US", True)]
    assert deal.state["contract"]["tax_code"] == "SALES-10"
