"""A further version of a signed quote: in force in every system, or in none."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from local.connections import tenant

from .conftest import Journey
from .deal import CONSULTANT, M1, Deal, entry, money
from .test_whole_deal import rates_of
from .waiting import fault_hit

SUPPORT = {
    "hs_sku": "SUPPORT", "name": "Managed support", "price": "1500.00", "quantity": "12", "amount": "18000.00",
    "q2c_billing_method": "recurring", "q2c_charge": "S1", "q2c_period": "monthly", "q2c_starts_on": "2027-04-01",
}
DEARER = {"M2": {"price": "36000.00", "amount": "36000.00"}}
LATER = {"M2": {**DEARER["M2"], "q2c_planned_date": "2027-04-30"}}
NEW_RATE = Decimal("200.00")
OLD_PLAN = {"M1": Decimal("20000"), "M2": Decimal("30000")}
NEW_PLAN = {"M1": Decimal("20000"), "M2": Decimal("36000"), "S1": Decimal("1500")}


def today() -> datetime.date:
    """The business's day: the first of what a change order changes."""
    return datetime.datetime.now(ZoneInfo(tenant()["time_zone"])).date()


def test_a_change_order_is_in_force_in_every_system(journey: Journey) -> None:
    """Proves CHG-04, CHG-07, SCN-03 in part, CHG-01, CHG-02, CHG-03, CHG-05, CHG-06, CHG-08, CHG-10, EVT-05, EVT-23:
    value, budget, billing plan, milestones, rates and revenue schedule change together, after a milestone was billed, and
    what was billed stays as it was."""
    deal = journey.deal(template="programme", line_items=LINES).activate()
    invoice = deal.billed(60, milestone="M1")
    assert money(invoice["untaxed"]) == M1 + CONSULTANT
    deal.amend(lines={**DEARER, "consultant": {"price": "200.00", "amount": "200.00"}}, add=[SUPPORT])
    assert priced(deal) == NEW_PLAN
    assert budget(deal) == Decimal("74000.00")
    assert deal.in_crm["q2c_contract_value"] == "74000.00"
    assert {title: amount for title, amount in billing(deal).items() if title.startswith("M2")} == {"M2 Go-live": 36000}
    assert {story["title"] for story in deal.project["stories"]} >= {"Managed support"}
    assert {("consultant", CONSULTANT), ("consultant", NEW_RATE)} <= set(rates_of(journey, deal.project))
    assert [item["version"] for item in deal.items("contract")] == [1, 2]
    schedules = {item["contract_version"]: item for item in deal.items("revenue-schedule")}
    assert planned(schedules[1]) == Decimal("50000.00") and planned(schedules[2]) == Decimal("74000.00")
    # The invoice cites the version that priced it; later work is priced by the new one, earlier work is not.
    assert deal.invoice(invoice["invoice"])["contract_version"] == 1
    yesterday = (today() - datetime.timedelta(days=1)).isoformat()
    journey.psa.log_time(deal.project["id"], entry(60, date=yesterday), entry(60, date=today().isoformat()))
    journey.psa.complete(deal.project["id"], "M2")
    journey.poll()
    second = deal.posted({invoice["invoice"]})
    assert money(second["untaxed"]) == Decimal("36000.00") + CONSULTANT + NEW_RATE
    (amended,) = journey.announced(deal, "q2c.contract.amended.v1")
    assert (amended["data"]["value_before"]["amount"], amended["data"]["value"]["amount"]) == ("50000.00", "74000.00")
    assert len(journey.announced(deal, "q2c.rate-card.adjusted.v1")) == 1
    assert len(journey.announced(deal, "q2c.subscription.changed.v1")) == 1
    assert len(journey.announced(deal, "q2c.revenue-schedule.updated.v1")) == 2
    deal.nothing_waits()


def test_a_change_order_approved_again_changes_nothing(journey: Journey) -> None:
    """Proves EVT-29 in part: the approval repeated, and the one of the first version once more."""
    deal = journey.deal(line_items=LINES).activate()
    deal.amend(lines=DEARER)
    plan, calls = priced(deal), journey.psa.last_call()
    deal.approve()
    deal.wait(lambda: len(no_effect(deal)) == 1, 30, "the repetition to be journalled")
    assert (priced(deal), journey.psa.writes(calls), deal.version) == (plan, [], 2)
    deal.nothing_waits()


def test_a_change_order_that_a_system_refuses_is_taken_back_everywhere(journey: Journey) -> None:
    """Proves CHG-11: the billing plan was changed already when the PSA refuses; it holds what it held. Approved again,
    it comes into force."""
    deal = journey.deal(line_items=LINES).activate()
    assert priced(deal) == OLD_PLAN
    with journey.psa.fault("status", method="PUT", path="/api/v1/billing_milestones", status=422, count=1):
        deal.revise(lines=LATER, add=[SUPPORT])
        deal.approve()
        deal.wait(lambda: deal.codes() == ["Q2C-0602"], 60, f"the refusal; there are {deal.codes()}")
    deal.wait(lambda: "change_order" not in deal.state, 20, "the engagement to be free again")
    assert (deal.version, priced(deal), budget(deal)) == (1, OLD_PLAN, Decimal("50000.00"))
    assert billing(deal) == {"M1 Design": 20000, "M2 Go-live": 30000}
    assert due(deal, "M2 Go-live") == "2027-03-31", "changed before the refusal, and taken back"
    deal.approve()
    deal.wait(lambda: deal.version == 2, 60, "the change order to be in force")
    assert (priced(deal), due(deal, "M2 Go-live")) == (NEW_PLAN, "2027-04-30")
    deal.nothing_waits()


def test_a_change_order_waits_for_a_system_that_is_down(journey: Journey) -> None:
    """Proves RES-09 in part: carried on where it stopped, and nobody is asked for anything."""
    deal = journey.deal(line_items=LINES).activate()
    with journey.psa.fault("status", method="PUT", path="/api/v1/billing_milestones", status=503, count=2):
        deal.amend(lines=DEARER, add=[SUPPORT])
        fault_hit(journey, journey.psa)
    assert (priced(deal), deal.exceptions(None)) == (NEW_PLAN, [])
    deal.nothing_waits()


def test_a_billed_milestone_is_not_changed(journey: Journey) -> None:
    """Proves CHG-06 in part: refused before any system is told."""
    deal = journey.deal(line_items=LINES).activate()
    deal.billed(milestone="M1")
    calls = journey.psa.last_call()
    deal.revise(lines={"M1": {"price": "25000.00", "amount": "25000.00"}, "M2": None})
    deal.approve()
    deal.wait(lambda: deal.codes() == ["Q2C-0601"], 30, "the refusal")
    assert "M1 was billed with 20000.00 USD" in deal.exceptions()[0]["detail"]
    assert (journey.psa.writes(calls), priced(deal), deal.version) == ([], OLD_PLAN, 1)


def test_a_value_that_one_system_changed_is_found(journey: Journey) -> None:
    """Proves CHG-09, SCN-16, EXC-26: edited in the CRM without a new version, and in the PSA by hand; settled when it is
    put right."""
    deal = journey.deal(line_items=LINES).activate()
    assert compared(journey, deal) == "agreement"
    line = deal.quote_lines[1]
    journey.crm.edit("line_items", line, price="36000.00", amount="36000.00")
    (milestone,) = [row for row in deal.project["billing_milestones"] if row["title"].startswith("M1")]
    journey.psa.alter("billing_milestones", milestone["id"], amount_in_cents=100)
    assert compared(journey, deal) == "difference"
    (found,) = deal.exceptions()
    assert found["code"] == "Q2C-0603"
    assert "M2 holds 36000.00 USD instead of 30000.00 USD" in found["detail"]
    assert "milestone M1 holds 1.00 USD instead of 20000.00 USD" in found["detail"]
    assert compared(journey, deal) == "difference" and len(deal.exceptions()) == 1
    journey.crm.edit("line_items", line, price="30000.00", amount="30000.00")
    journey.psa.alter("billing_milestones", milestone["id"], amount_in_cents=2_000_000)
    assert compared(journey, deal) == "agreement"
    deal.nothing_waits()


def test_an_approval_that_never_reached_us_is_carried_out(journey: Journey) -> None:
    """Proves CHG-09 in part: the CRM's notification is lost; the comparison finds the version and carries it on."""
    deal = journey.deal(line_items=LINES).activate()
    deal.revise(lines=DEARER)
    journey.crm.post(f"/deals/{deal.number}/approve", notify=False)
    assert compared(journey, deal) == "change-order"
    deal.wait(lambda: deal.version == 2, 60, "the change order to be in force")
    assert priced(deal)["M2"] == Decimal("36000")


LINES = [
    {"hs_sku": "IMPL", "name": "Design", "price": "20000.00", "quantity": "1", "amount": "20000.00",
     "q2c_billing_method": "fixed-fee", "q2c_milestone": "M1", "q2c_planned_date": "2027-01-29"},
    {"hs_sku": "IMPL", "name": "Go-live", "price": "30000.00", "quantity": "1", "amount": "30000.00",
     "q2c_billing_method": "fixed-fee", "q2c_milestone": "M2", "q2c_planned_date": "2027-03-31"},
    {"hs_sku": "ADVISORY", "name": "Consultant, per hour", "price": "180.00", "quantity": "1", "amount": "180.00",
     "q2c_billing_method": "time-and-materials", "q2c_role": "consultant", "q2c_effective_from": "2025-01-01"},
]


def priced(deal: Deal) -> dict[str, Decimal]:
    """The billing plan's positions that have a price of their own; time has none."""
    return {key: amount for key, amount in deal.plan.items() if key != "time"}


def budget(deal: Deal) -> Decimal:
    """The project's budget."""
    return Decimal(str(deal.project["price"]))


def billing(deal: Deal) -> dict[str, int]:
    """The project's billing milestones by title, in dollars."""
    return {row["title"]: row["amount_in_cents"] // 100 for row in deal.project["billing_milestones"]}


def due(deal: Deal, title: str) -> str:
    """The day that the PSA shows of a milestone."""
    (story,) = [story for story in deal.project["stories"] if story["title"] == title]
    return story["due_date"]


def planned(schedule: dict[str, Any]) -> Decimal:
    """The sum of a revenue schedule."""
    return sum((money(one["amount"]) for one in schedule["entries"]), Decimal(0))


def no_effect(deal: Deal) -> list[dict[str, Any]]:
    """Approvals that changed nothing."""
    # What changes nothing of its revenue is told beside.
    entries = [item for item in deal.items("journal") if item["event_type"] != "q2c.revenue-schedule.updated.v1"]
    return [item for item in entries if item["outcome"] == "no-effect"]


def compared(journey: Journey, deal: Deal) -> str:
    """Compare the deal now, as if its day had come; what was found."""
    table = journey.stack.dynamodb.Table(journey.stack.table)
    (item,) = deal.items("comparison")
    past = "2026-01-01T00:00:00Z"
    table.update_item(
        Key={"pk": item["pk"], "sk": item["sk"]}, UpdateExpression="SET due_at = :past, status_at = :past",
        ExpressionAttributeValues={":past": past},
    )
    answer = journey.stack.client("lambda").invoke(
        FunctionName=journey.stack.stack.function("compare-contracts"), Payload=b"{}",
    )
    said = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, said
    (ours,) = [one for one in said if one["engagement"] == deal.engagement]
    return ours["found"]
