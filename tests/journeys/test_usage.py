"""Recorded usage: rated with its month, on the customer's invoice once, and corrected by a further record."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from .conftest import Journey
from .deal import M1, TAX, Deal, Item, money
from .test_api import call
from .test_change_orders import LINES
from .waiting import fault_hit, quiet

STARTS_ON = "2026-01-01"
DAY = "2026-01-20"
USAGE = {
    "hs_sku": "METERED", "name": "API calls", "price": "0", "quantity": "12", "amount": "0",
    "q2c_billing_method": "usage", "q2c_usage": "U1", "q2c_meter": "api-calls",
    "q2c_usage_tiers": "1000 at 0.50; 0.0625", "q2c_usage_allowance": "100", "q2c_starts_on": STARTS_ON,
}


def test_recorded_usage_is_on_the_invoice_once(journey: Journey) -> None:
    """Proves EVT-13. Proves BIL-07, WFC-01, WFC-02 and CAN-18 in part: what is recorded of a meter is rated with its
    month: of 60 are none billed, as 100 are free; 1,200 more make 1,000 × 0.50 + 160 × 0.0625 = 510.00. One line of the
    invoice, with its tax. Told again under another key it is billed no more; what is not approved is refused."""
    deal = selling_usage(journey)
    unapproved = {"usage": [{**record(deal, "1", "60"), "approved": False}]}
    status, refused = call(journey, "operations-app", "POST", path(deal), unapproved, f"{deal.number}-no")
    assert (status, refused["code"]) == (422, "Q2C-1012")
    told(journey, deal, "a", record(deal, "1", "60"))
    deal.wait(lambda: len(deal.items("usage")) == 1, 60, "what is free to be counted")
    told(journey, deal, "b", record(deal, "2", "1200"))
    (line,) = lines_of(deal, 1)
    deal.wait(lambda: len(deal.items("usage")) == 2, 60, "both records to be counted")
    assert sum_of(deal) == Decimal("510.00")
    assert (line["service"], line["quote_line"]) == ("METERED", deal.quote_lines[-1])
    told(journey, deal, "c", record(deal, "1", "60"), record(deal, "2", "1200"))
    quiet(journey)
    assert len(deal.lines) == 1 and len(deal.items("usage")) == 2
    invoice = deal.billed(milestone="M1")
    due = M1 + 510
    assert (money(invoice["untaxed"]), money(invoice["tax"])) == (due, due * TAX)
    (booked,) = journey.erp.by_external_id("account.invoice", invoice["invoice"], "lines.description")
    printed = [row["description"] for row in booked["lines"]]
    assert any(text.startswith("API calls, 2026-01-01 to 2026-01-31: ") for text in printed), printed
    status, shown = call(journey, "finance-app", "GET", f"/v1/engagements/{deal.engagement}/timeline")
    assert status == 200
    assert [row.get("billing_event") for row in shown["entries"]].count("usage-adjustment") == 1
    assert deal.codes() == []


def test_usage_is_corrected_by_a_further_record(journey: Journey) -> None:
    """Proves BIL-07 and CAN-18 in part: 300 of which 100 are free are 200 × 0.50 = 100.00; 50 taken back are 25.00 less.
    The same record with another quantity waits for a person, as does more than there is to be taken back, and a meter
    that nobody sells."""
    deal = selling_usage(journey)
    told(journey, deal, "a", record(deal, "1", "300"))
    lines_of(deal, 1)
    told(journey, deal, "b", {**record(deal, "2", "-50"), "corrects": name(deal, "1")})
    lines_of(deal, 2)
    assert sum_of(deal) == Decimal("75.00")
    told(journey, deal, "c", record(deal, "1", "301"))
    deal.wait(lambda: deal.codes() == ["Q2C-0343"], 30, "the changed record to wait for a person")
    told(journey, deal, "d", {**record(deal, "3", "-251"), "corrects": name(deal, "1")})
    deal.wait(lambda: deal.codes() == ["Q2C-0343", "Q2C-0344"], 30, "the correction to wait for a person")
    told(journey, deal, "e", {**record(deal, "4", "1"), "meter": "storage"})
    told(journey, deal, "f", {**record(deal, "5", "1"), "used_on": "2025-12-31"})
    codes = ["Q2C-0341", "Q2C-0342", "Q2C-0343", "Q2C-0344"]
    deal.wait(lambda: deal.codes() == codes, 30, "usage that is not sold to wait for a person")
    assert sum_of(deal) == Decimal("75.00") and len(deal.items("usage")) == 2


def test_early_usage_is_parked_and_released(journey: Journey) -> None:
    """Proves EVT-30 in part: usage that is recorded while the project is being set up is parked, and counted by the
    commit that makes the engagement active."""
    deal = journey.deal(line_items=[*LINES, USAGE])
    with journey.psa.fault("status", path="/api/v1/rate_card", method="POST", status=429, retry_after=4):
        deal.approve()
        fault_hit(journey, journey.psa)
        told(journey, deal, "a", record(deal, "1", "300"))
        deal.wait(lambda: len(deal.items("parked")) == 1, 15, "the usage to be parked")
        assert deal.status == "activating" and not deal.lines
    (line,) = lines_of(deal, 1)
    assert money(line["amount"]) == Decimal("100.00")
    assert deal.items("parked") == []


def selling_usage(journey: Journey) -> Deal:
    """An active deal whose quote bills usage."""
    return journey.deal(line_items=[*LINES, USAGE]).activate()


def path(deal: Deal) -> str:
    """Where its usage is reported."""
    return f"/v1/engagements/{deal.engagement}/usage"


def name(deal: Deal, number: str) -> str:
    """The ID of a record: another for each deal."""
    return f"{deal.number}-u{number}"


def record(deal: Deal, number: str, quantity: str) -> dict[str, Any]:
    """A record of usage as a meter reports it."""
    return {
        "approved": True, "connection": "kantata-main", "record": name(deal, number), "meter": "api-calls",
        "quantity": quantity, "used_on": DAY,
    }


def told(journey: Journey, deal: Deal, key: str, *records: dict[str, Any]) -> None:
    """Report records by one call."""
    body = {"usage": list(records)}
    status, answer = call(journey, "operations-app", "POST", path(deal), body, f"{deal.number}-{key}")
    assert status == 202, answer


def lines_of(deal: Deal, count: int) -> list[Item]:
    """Its lines of usage, once there are as many."""
    def found() -> list[Item]:
        return [line for line in deal.lines if line["evidence"]["kind"] == "usage"]
    deal.wait(lambda: len(found()) == count, 60, f"{count} lines of usage")
    return found()


def sum_of(deal: Deal) -> Decimal:
    """What its lines of usage come to."""
    lines = (line for line in deal.lines if line["evidence"]["kind"] == "usage")
    return sum((money(line["amount"]) for line in lines), Decimal(0))
