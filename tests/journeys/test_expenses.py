"""Approved expenses: on the customer's invoice at cost or with the markup sold, within the cap, once."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

from .conftest import Journey
from .deal import M1, TAX, Deal, Item, money
from .test_api import call
from .test_change_orders import LINES
from .waiting import fault_hit, quiet

EXPENSES = {
    "hs_sku": "EXPENSES", "name": "Travel expenses", "price": "0", "quantity": "1", "amount": "0",
    "q2c_billing_method": "pass-through-expense", "q2c_markup_percent": "7.5", "q2c_expense_cap": "1000.00",
}
DAY = "2026-11-03"


def test_an_approved_expense_is_on_the_invoice_once(journey: Journey) -> None:
    """Proves BIL-08, EVT-10. Proves WFC-01 in part, WFC-02 in part, CAN-17 in part, CAN-18 in part: of what consultants
    spent, that is billed which is approved and which the customer bears: 240.00 + 7.5 % = 258.00, on a line of its own
    that names category, day and person, with its tax. Told again it is billed no more."""
    deal = selling_expenses(journey)
    psa = journey.psa
    hotel, taxi, lunch = psa.spend(
        deal.project["id"], spent("Lodging", 24_000), spent("Travel", 4_400), spent("Food", 3_100, billable=False))
    psa.report_expenses([hotel, lunch])
    psa.report_expenses([taxi], status="pending")
    journey.poll()
    (line,) = lines_of(deal, 1)
    assert (money(line["amount"]), line["service"]) == (Decimal("258.00"), "EXPENSES")
    assert (line["evidence"]["expense"]["expense"], line["earned_on"]) == (hotel, DAY)
    assert line["quote_line"] == deal.quote_lines[-1]
    psa.alter("expenses", hotel, notes="Receipt attached")
    journey.poll()
    invoice = deal.billed(milestone="M1")
    assert (money(invoice["untaxed"]), money(invoice["tax"])) == (M1 + 258, (M1 + 258) * TAX)
    (booked,) = journey.erp.by_external_id("account.invoice", invoice["invoice"], "lines.description")
    printed = [row["description"] for row in booked["lines"]]
    assert f"Lodging, {DAY}, Ada Lindqvist" in printed
    psa.report_expenses([taxi])
    journey.poll()
    assert sorted(money(row["amount"]) for row in lines_of(deal, 2)) == [Decimal("47.30"), Decimal("258.00")]
    status, shown = call(journey, "finance-app", "GET", f"/v1/engagements/{deal.engagement}/timeline")
    assert status == 200
    assert [row.get("billing_event") for row in shown["entries"]].count("expense-approval") == 2
    assert deal.codes() == []


def test_what_is_over_the_cap_waits_for_a_change_order(journey: Journey) -> None:
    """Proves BIL-13 in part: 930.00 + 7.5 % = 999.75 is within 1,000.00, a further 0.24 + 7.5 % = 0.26 is not. A further
    version of the quote raises the cap and ends the markup; what was billed keeps its price."""
    deal = selling_expenses(journey)
    approved(journey, deal, spent("Travel", 93_000))
    lines_of(deal, 1)
    approved(journey, deal, spent("Travel", 24))
    deal.wait(lambda: deal.codes() == ["Q2C-0302"], 30, "the expense over the cap to wait for a person")
    (held,) = deal.exceptions()
    assert money(held["at_stake"]) == Decimal("0.26")
    deal.amend(lines={"EXPENSES": {"q2c_markup_percent": "0", "q2c_expense_cap": "5000.00"}})
    approved(journey, deal, spent("Lodging", 24_000))
    lines = {line["contract_version"]: money(line["amount"]) for line in lines_of(deal, 2)}
    assert lines == {1: Decimal("999.75"), 2: Decimal("240.00")}
    assert money(deal.state["expenses_billed"]) == Decimal("1239.75")


def test_an_expense_that_can_t_be_billed_waits_for_a_person(journey: Journey) -> None:
    """Proves WFC-02 in part: an expense on a contract that passes none on, and one in another currency, are shown to a
    person; no line comes of them. One that is corrected after it became a line, a second later, is billed by the
    difference: 300.00 + 7.5 % = 322.50, of which 258.00 are billed."""
    unsold = journey.deal(line_items=LINES).activate()
    approved(journey, unsold, spent("Lodging", 24_000))
    unsold.wait(lambda: unsold.codes() == ["Q2C-0311"], 30, "the expense to wait for a person")
    assert not unsold.lines
    deal = selling_expenses(journey)
    approved(journey, deal, spent("Lodging", 8_000, currency="EUR"))
    deal.wait(lambda: deal.codes() == ["Q2C-0312"], 30, "the expense in euros to wait for a person")
    hotel = approved(journey, deal, spent("Lodging", 24_000))
    lines_of(deal, 1)
    # Of two versions of the same second neither is the later one; the PSA's times have no fraction.
    time.sleep(1.1)
    journey.psa.correct_expense(hotel, amount_in_cents=30_000)
    journey.poll()
    deal.wait(lambda: len(deal.lines) == 2, 30, "the correction")
    assert sorted(money(line["amount"]) for line in deal.lines) == [Decimal("64.50"), Decimal("258.00")]
    assert deal.codes() == ["Q2C-0312"]


def test_an_early_expense_is_parked_and_released(journey: Journey) -> None:
    """Proves EVT-30 in part: an expense that is approved while the project is being set up is parked, and billed by the
    commit that makes the engagement active."""
    deal = journey.deal(line_items=[*LINES, EXPENSES])
    with journey.psa.fault("status", path="/api/v1/rate_card", method="POST", status=429, retry_after=4):
        deal.approve()
        fault_hit(journey, journey.psa)
        approved(journey, deal, spent("Lodging", 24_000))
        deal.wait(lambda: len(deal.items("parked")) == 1, 15, "the expense to be parked")
        assert deal.status == "activating" and not deal.lines
    (line,) = lines_of(deal, 1)
    assert money(line["amount"]) == Decimal("258.00")
    assert deal.items("parked") == []


def test_an_expense_by_call_and_by_poll_is_one_line(journey: Journey) -> None:
    """Proves API-12 in part: an expense that was reported through the API and is polled as well is one
    line; one that is not approved is refused with its whole call."""
    deal = selling_expenses(journey)
    (hotel,) = journey.psa.spend(deal.project["id"], spent("Lodging", 24_000))
    reported = {
        "approved": True, "connection": "kantata-main", "expense": hotel, "project": deal.project["id"],
        "person": "Ada Lindqvist", "category": "Lodging", "incurred_on": DAY,
        "cost": {"amount": "240.00", "currency": "USD"}, "pass_through": True,
    }
    path, key = f"/v1/engagements/{deal.engagement}/expenses", f"{deal.number}-expenses"
    unapproved = {"expenses": [{**reported, "approved": False}]}
    status, refused = call(journey, "operations-app", "POST", path, unapproved, key)
    assert (status, refused["code"]) == (422, "Q2C-1012")
    assert call(journey, "operations-app", "POST", path, {"expenses": [reported]}, key)[0] == 202
    lines_of(deal, 1)
    journey.psa.report_expenses([hotel])
    journey.poll()
    quiet(journey)
    assert len(deal.lines) == 1 and deal.codes() == []


def selling_expenses(journey: Journey) -> Deal:
    """An active deal whose quote passes expenses on."""
    return journey.deal(line_items=[*LINES, EXPENSES]).activate()


def spent(category: str, cents: int, **more: Any) -> dict[str, Any]:
    """An expense as a consultant enters it."""
    return {"user": "Ada Lindqvist", "date": DAY, "category": category, "amount_in_cents": cents, **more}


def approved(journey: Journey, deal: Deal, expense: dict[str, Any]) -> str:
    """Enter an expense, approve it and poll; returns its id."""
    (made,) = journey.psa.spend(deal.project["id"], expense)
    journey.psa.report_expenses([made])
    journey.poll()
    return made


def lines_of(deal: Deal, count: int) -> list[Item]:
    """Its lines of expenses, once there are as many."""
    def found() -> list[Item]:
        return [line for line in deal.lines if line["evidence"]["kind"] == "expense"]
    deal.wait(lambda: len(found()) == count, 60, f"{count} expenses to be lines")
    return found()
