"""Recurring charges: each period that is due is billed once, whenever the clock's run comes."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from local.connections import TENANT, tenant

from .conftest import Journey
from .deal import Deal, Item, money

FEE = Decimal("1500.00")
DUE = "q2c.charge.due.v1"


def today() -> datetime.date:
    """The business's day."""
    return datetime.datetime.now(ZoneInfo(tenant()["time_zone"])).date()


def months_ago(months: int) -> datetime.date:
    """The first day of a month so many months before this one."""
    number = today().year * 12 + today().month - 1 - months
    return datetime.date(number // 12, number % 12 + 1, 1)


def support(starts_on: datetime.date, **terms: str) -> dict[str, str]:
    """A year of managed support, monthly."""
    return {
        "hs_sku": "SUPPORT", "name": "Managed support", "price": str(FEE), "quantity": "12", "amount": str(FEE * 12),
        "q2c_billing_method": "recurring", "q2c_charge": "S1", "q2c_period": "monthly",
        "q2c_starts_on": starts_on.isoformat(), **terms,
    }


def test_each_period_that_is_due_is_billed_once(journey: Journey) -> None:
    """Proves EVT-12 in part, BIL-05 in part, WFC-01 in part: two months are over when the deal is won; the clock's run
    comes three times. Each month is one line of one fee, and on an invoice in the ERP."""
    deal = journey.deal(line_items=[support(months_ago(2), q2c_charge_timing="arrears")]).activate()
    for _ in range(3):
        tell(journey)
    deal.wait(lambda: len(charges(deal)) == 2, 30, "both months to be billed")
    tell(journey)
    assert [(line["evidence"]["period"], money(line["amount"])) for line in charges(deal)] == [(0, FEE), (1, FEE)]
    assert len(journey.announced(deal, DUE)) == 2
    first = deal.posted()
    deal.wait(lambda: {line["status"] for line in deal.lines} == {"invoiced"}, 60, "both to be invoiced")
    assert money(first["untaxed"]) in (FEE, FEE * 2)
    (calendar,) = deal.items("charge-calendar")
    assert calendar["due_on"] == next_month(months_ago(0)).isoformat()
    deal.nothing_waits()


def test_a_part_of_a_month_is_billed_by_the_day(journey: Journey) -> None:
    """Proves BIL-05 in part: aligned to the calendar month, support from the 16th bills the days that are left of it."""
    begins = months_ago(1).replace(day=16)
    sold = support(begins, q2c_charge_timing="arrears", q2c_charge_aligned="true")
    deal = journey.deal(line_items=[sold]).activate()
    tell(journey)
    deal.wait(lambda: len(charges(deal)) == 1, 30, "the part of last month to be billed")
    (line,) = charges(deal)
    of = (next_month(begins.replace(day=1)) - begins.replace(day=1)).days
    days = of - 15
    assert (line["evidence"]["prorated"]["days"], line["evidence"]["prorated"]["of"]) == (days, of)
    assert money(line["amount"]) == (FEE * days / of).quantize(Decimal("0.01"), rounding="ROUND_HALF_UP")
    deal.posted()
    deal.nothing_waits()


def test_what_was_billed_in_advance_is_not_credited_silently(journey: Journey) -> None:
    """Proves BIL-05 in part: the running month was billed in advance when a change order ends the charge today; a person
    is told how much to credit, and the next run bills nothing more."""
    begins = today() - datetime.timedelta(days=5)
    deal = journey.deal(line_items=[support(begins, q2c_charge_timing="advance")]).activate()
    tell(journey)
    deal.wait(lambda: len(charges(deal)) == 1, 30, "the first month to be billed")
    end = today() + datetime.timedelta(days=1)
    deal.amend(lines={"S1": {"q2c_ends_on": end.isoformat()}})
    deal.wait(lambda: deal.codes() == ["Q2C-0321"], 20, f"the exception; there are {deal.codes()}")
    (exception,) = deal.exceptions()
    assert money(exception["at_stake"]) < FEE and "credit" in exception["detail"]
    tell(journey)
    assert len(charges(deal)) == 1


def charges(deal: Deal) -> list[Item]:
    """Its lines of periods, in their order."""
    lines = [line for line in deal.lines if line["evidence"]["kind"] == "charge"]
    return sorted(lines, key=lambda line: int(line["evidence"]["period"]))


def next_month(day: datetime.date) -> datetime.date:
    """The first day of the month after one."""
    return (day.replace(day=1) + datetime.timedelta(days=32)).replace(day=1)


def tell(journey: Journey) -> None:
    """Let the clock's part be done now."""
    function = journey.stack.stack.function("schedule-charges")
    answer = journey.stack.client("lambda").invoke(FunctionName=function, Payload=b"{}")
    said: list[dict[str, Any]] = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, said
    assert [one["failures"] for one in said if one["tenant"] == TENANT] == [[]], said
