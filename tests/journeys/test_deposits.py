"""Deposits: billed once in advance, drawn down by later invoices, and what is left returned."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from .conftest import Journey
from .deal import M1, M2, TAX, Deal, Item, money
from .test_api import call
from .test_change_orders import LINES
from .test_charges import tell
from .test_credit_memos import credit
from .waiting import quiet

AMOUNT = Decimal("45000.00")


def deposit(**terms: str) -> dict[str, str]:
    """An amount in advance, drawn once it is paid."""
    return {
        "hs_sku": "DEPOSIT", "name": "Deposit", "price": str(AMOUNT), "quantity": "1", "amount": str(AMOUNT),
        "q2c_billing_method": "deposit", "q2c_deposit": "D1", **terms,
    }


def test_a_deposit_is_drawn_down_and_what_is_left_is_returned(journey: Journey) -> None:
    """Proves BIL-10 in part: 45,000.00 are billed in advance. Before they are paid, M1 of 20,000.00 is billed in full. Once
    they are, M2 of 30,000.00 draws 27,000.00, its share of 90 %, and comes to 3,000.00 before tax. 18,000.00 are left, and
    returned by a credit memo."""
    deal = journey.deal(line_items=[*LINES, deposit(q2c_deposit_share="90")]).activate()
    for _ in range(2):
        tell(journey)
    advance = deal.posted()
    assert (money(advance["untaxed"]), money(advance["tax"])) == (AMOUNT, AMOUNT * TAX)
    assert shown(journey, deal)["may_be_drawn"] is False
    first = deal.billed(milestone="M1")
    assert money(first["untaxed"]) == M1, "it is not paid yet"
    deal.paid(advance)
    deal.settled(advance)
    second = deal.billed(milestone="M2")
    assert (money(second["untaxed"]), money(second["tax"])) == (Decimal("3000.00"), Decimal("300.00"))
    (drawn,) = of_kind(deal, "drawdown")
    assert (money(drawn["amount"]), drawn["service"], drawn["invoice"]) == (
        Decimal("-27000.00"), "DEPOSIT", second["invoice"],
    )
    (booked,) = journey.erp.by_external_id("account.invoice", second["invoice"], "lines.description")
    assert "Deposit, drawn down" in [row["description"] for row in booked["lines"]]
    assert balance(journey, deal) == (M2 * 9 / 10, 0, 18000)

    (line,) = of_kind(deal, "deposit")
    reduction = {"line": line["line"], "amount": {"amount": "18000.01", "currency": "USD"}}
    refused = credit(journey, advance, "1", reduction=reduction)
    assert (refused[0], refused[1]["code"]) == (422, "Q2C-1012")
    reduction["amount"]["amount"] = "18000.00"
    assert credit(journey, advance, "2", reduction=reduction)[0] == 202
    deal.wait(lambda: deal.items("credit-memo") and deal.items("credit-memo")[0].get("number"), 60, "the credit memo")
    assert balance(journey, deal) == (27000, 18000, 0)
    quiet(journey)
    assert len(of_kind(deal, "deposit")) == len(of_kind(deal, "drawdown")) == 1
    assert deal.codes() == []


def test_an_invoice_that_a_deposit_covers_comes_to_nothing_and_gives_it_back(journey: Journey) -> None:
    """20,000.00 of 45,000.00 that may be drawn at once cover M1: the invoice of nothing is posted and paid in the ERP.
    Credited whole, the deposit has them again."""
    deal = journey.deal(line_items=[*LINES, deposit(q2c_deposit_drawn_when="posted")]).activate()
    tell(journey)
    advance = deal.posted()
    known = {advance["invoice"]}
    deal.deliver(milestone="M1")
    def anew() -> list[Item]:
        return [invoice for invoice in deal.invoices if invoice["invoice"] not in known]

    deal.wait(lambda: anew() and anew()[0]["status"] == "submitted", 60, "the invoice of M1")
    # The ERP holds it as paid at once, and tells of what becomes posted alone: the log has it.
    journey.poll()
    (covered,) = deal.wait(lambda: [invoice for invoice in anew() if invoice.get("number")], 60, "it to be read back")
    assert (money(covered["untaxed"]), money(covered["total"])) == (0, 0)
    deal.settled(covered)
    assert balance(journey, deal) == (M1, 0, AMOUNT - M1)
    (line,) = of_kind(deal, "milestone")
    assert credit(journey, covered, "1", lines=[line["line"]])[0] == 202
    deal.wait(lambda: balance(journey, deal)[2] == AMOUNT, 60, "the deposit to have it again")
    journey.poll()
    deal.settled(covered, "credited")
    deal.nothing_waits()


def of_kind(deal: Deal, kind: str) -> list[Item]:
    """Lines that something of this kind earned."""
    return [line for line in deal.lines if line["evidence"]["kind"] == kind]


def shown(journey: Journey, deal: Deal) -> dict[str, Any]:
    """The deposit as the API shows it."""
    status, engagement = call(journey, "operations-app", "GET", f"/v1/engagements/{deal.engagement}")
    assert status == 200, engagement
    (found,) = engagement["deposits"]
    return dict(found)


def balance(journey: Journey, deal: Deal) -> tuple[Decimal, Decimal, Decimal]:
    """What was drawn, what was returned, and what is left."""
    found = shown(journey, deal)
    return money(found["drawn"]), money(found["returned"]), money(found["left"])
