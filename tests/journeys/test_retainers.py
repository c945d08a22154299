"""Retainers: time is drawn down before it is billed, and what is beyond is billed at the retainer's own rate."""

from __future__ import annotations

from decimal import Decimal

from .conftest import Journey
from .deal import Deal, Item, entry, money
from .test_api import call
from .test_change_orders import LINES
from .test_charges import charges, months_ago, tell, today
from .waiting import quiet

FEE = Decimal("1500.00")


def retainer() -> dict[str, str]:
    """Ten hours of consultants a month from the first of this month, in advance; 200.00 an hour beyond them."""
    return {
        "hs_sku": "RETAINER", "name": "Advisory retainer", "price": str(FEE), "quantity": "6", "amount": str(FEE * 6),
        "q2c_billing_method": "recurring", "q2c_charge": "R1", "q2c_period": "monthly",
        "q2c_starts_on": months_ago(0).isoformat(), "q2c_retainer_hours": "10", "q2c_overage_rate": "200.00",
        "q2c_retainer_roles": "consultant", "q2c_rollover_periods": "1", "q2c_rollover_most": "5",
    }


def test_time_is_drawn_from_a_retainer_before_it_is_billed(journey: Journey) -> None:
    """Proves BIL-04: the fee of the month is billed in advance; of ten hours are eight drawn down and on no invoice; of three
    more is one beyond them: 200.00. What is left is shown, and what is polled again is drawn down no more."""
    deal = journey.deal(line_items=[*LINES, retainer()]).activate()
    tell(journey)
    deal.wait(lambda: len(charges(deal)) == 1, 30, "the fee to be billed")
    assert money(charges(deal)[0]["amount"]) == FEE
    work(journey, deal, 480)
    deal.wait(lambda: len(deal.items("drawdown")) == 1, 60, "eight hours to be drawn down")
    assert overage(deal) == [] and balance(journey, deal) == ("600", "480", "0")
    work(journey, deal, 180)
    deal.wait(lambda: len(overage(deal)) == 1, 60, "an hour beyond the retainer to be a line")
    (line,) = overage(deal)
    assert (money(line["amount"]), line["service"]) == (Decimal("200.00"), "RETAINER")
    assert balance(journey, deal) == ("600", "600", "60")
    journey.poll()
    quiet(journey)
    assert len(deal.items("drawdown")) == 2 and len(overage(deal)) == 1
    deal.deliver(milestone="M1")
    deal.wait(lambda: [line["status"] for line in deal.lines] == ["invoiced"] * 3, 60, "fee, hour and M1 to be invoiced")
    deal.nothing_waits()


def work(journey: Journey, deal: Deal, minutes: int) -> None:
    """Approve a consultant's time of today, and poll."""
    journey.psa.log_time(deal.project["id"], entry(minutes, date=today().isoformat()))
    journey.poll()


def overage(deal: Deal) -> list[Item]:
    """What is billed beyond the retainer."""
    return [line for line in deal.lines if line["evidence"]["kind"] == "overage"]


def balance(journey: Journey, deal: Deal) -> tuple[str, str, str]:
    """Minutes granted, drawn and beyond of the first month, as the API shows them."""
    status, shown = call(journey, "operations-app", "GET", f"/v1/engagements/{deal.engagement}")
    assert status == 200, shown
    first = shown["retainers"]["R1"][0]
    return first["granted"], first["drawn"], first["overage"]
