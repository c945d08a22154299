"""Revenue: told of what was delivered and of months that are over, and read as events and figures by the API."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any

from .conftest import Journey
from .deal import CONSULTANT, M1, Deal, money
from .test_api import call
from .test_change_orders import LINES, today
from .test_credit_memos import credit, line_of

FEE = Decimal("1500.00")


def begun(months: int) -> datetime.date:
    """The first day of the month so many months ago."""
    first = today().replace(day=1)
    for _ in range(months):
        first = (first - datetime.timedelta(days=1)).replace(day=1)
    return first


def support(starts_on: datetime.date) -> dict[str, str]:
    """A year of support, which is recognised month by month."""
    return {
        "hs_sku": "SUPPORT", "name": "Managed support", "price": "1500.00", "quantity": "12", "amount": "18000.00",
        "q2c_billing_method": "recurring", "q2c_charge": "S1", "q2c_period": "monthly",
        "q2c_starts_on": starts_on.isoformat(),
    }


def test_what_is_delivered_reaches_finance(journey: Journey) -> None:
    """Proves API-11, REV-03 in part, SCN-27, WFC-11: a milestone that was done in the PSA is billed, told as
    revenue and in the figures; two months of support that are over are told by the clock's run, each once."""
    deal = journey.deal(line_items=[*LINES, support(begun(2))]).activate()
    invoice = deal.billed(60, milestone="M1")
    deal.wait(lambda: len(told(deal)) == 2, 30, "the revenue of a milestone and an hour")
    deal.wait(lambda: deal.items("recognition"), 30, "the schedule to be listed")
    recognise(journey)
    recognise(journey)
    deal.wait(lambda: len(told(deal)) == 4, 10, "two months of support")

    status, shown = call(journey, "finance-app", "GET", f"/v1/engagements/{deal.engagement}/revenue-events")
    assert (status, shown["truncated"]) == (200, False)
    found = {(e["element"]["kind"], e["element"]["key"], e["period"]): money(e["amount"]) for e in shown["events"]}
    month = today().isoformat()[:7]
    assert found.pop(("milestone", "M1", month)) == M1
    assert sorted(found.values()) == [CONSULTANT, FEE, FEE]
    assert {found[("charge", "S1", begun(n).isoformat()[:7])] for n in (1, 2)} == {FEE}
    for event in shown["events"]:
        assert event["contract_version"] == 1 and event["quote_line"] in deal.quote_lines, event
    lines = {line["line"] for line in deal.lines if line["evidence"]["kind"] != "charge"}
    assert {e["line"] for e in shown["events"] if "line" in e} == lines
    deal.wait(lambda: len(journey.announced(deal, "q2c.revenue.earned.v1")) == 4, 15, "each on the bus, once")
    assert len(journey.announced(deal, "q2c.invoice.confirmed.v1")) == 1

    listed = call(journey, "bot", "GET", f"/v1/revenue-events?period={month}")[1]
    assert deal.engagement in {event["engagement"] for event in listed["events"]}
    status, figures = call(journey, "finance-app", "GET", f"/v1/engagements/{deal.engagement}/figures")
    total = figures["figures"]["total"]
    assert status == 200
    # 20,000 + 30,000 + 12 × 1,500 are sold; the milestone, an hour and two months are earned.
    assert money(total["contracted"]) == Decimal("68000.00")
    assert money(total["earned"]) == M1 + CONSULTANT + 2 * FEE
    assert money(total["billed"]) == M1 + CONSULTANT == money(invoice["untaxed"])
    assert (money(total["unbilled"]), money(total["deferred"])) == (2 * FEE, 0)
    assert money(total["backlog"]) == Decimal("68000.00") - M1 - 2 * FEE
    assert money(figures["figures"]["receivable"]) == money(invoice["total"])
    assert call(journey, "sales-app", "GET", f"/v1/engagements/{deal.engagement}/figures")[0] == 403


def test_what_is_credited_and_written_off_is_taken_back(journey: Journey) -> None:
    """Proves BIL-11 in part, REV-05 in part: 500.00 off a milestone's price and half an hour that is written off are taken
    back, each by an event of its own, and stand in the figures."""
    deal = journey.deal(line_items=LINES).activate()
    invoice = deal.billed(60, milestone="M1")
    deal.wait(lambda: len(told(deal)) == 2, 30, "the revenue of a milestone and an hour")
    off, milestone = Decimal("500.00"), line_of(deal, "milestone")
    part = {"line": milestone["line"], "amount": {"amount": str(off), "currency": "USD"}}
    assert credit(journey, invoice, "1", reduction=part)[0] == 202
    deal.wait(lambda: len(told(deal)) == 3, 60, "what the credit memo takes back")
    deal.deliver(30, milestone="")
    deal.wait(lambda: len(told(deal)) == 4, 30, "the revenue of half an hour")
    (half,) = (line for line in deal.lines if line["status"] == "ready")
    body = {"lines": [half["line"]], "reason": "the customer does not accept it"}
    path = f"/v1/engagements/{deal.engagement}/write-offs"
    assert call(journey, "finance-app", "POST", path, body, f"{deal.number}-w")[0] == 202
    deal.wait(lambda: len(told(deal)) == 5, 30, "what the write-off takes back")

    back = {event["evidence"]["kind"]: event for event in told(deal) if event.get("reverses")}
    assert {kind: money(event["amount"]) for kind, event in back.items()} == {
        "credit-memo": -off, "write-off": -CONSULTANT / 2,
    }
    assert (back["credit-memo"]["line"], back["write-off"]["line"]) == (milestone["line"], half["line"])
    status, figures = call(journey, "finance-app", "GET", f"/v1/engagements/{deal.engagement}/figures")
    assert status == 200
    total = {name: money(amount) for name, amount in figures["figures"]["total"].items()}
    assert (total["credited"], total["written_off"], total["rebilled"]) == (off, CONSULTANT / 2, 0)
    assert total["earned"] == total["billed"] == M1 + CONSULTANT - off
    assert total["backlog"] == total["contracted"] - M1


def told(deal: Deal) -> list[dict[str, Any]]:
    """Its revenue events, as they are kept."""
    return deal.items("revenue")


def recognise(journey: Journey) -> None:
    """Tell what is over, as the hourly schedule does."""
    answer = journey.stack.client("lambda").invoke(
        FunctionName=journey.stack.stack.function("recognise-revenue"), Payload=b"{}",
    )
    said = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, said
