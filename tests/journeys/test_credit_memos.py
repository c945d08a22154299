"""Credit memos and rebills: asked for through the API, made in the ERP, shown everywhere; and one issued by hand."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from .conftest import Journey
from .deal import CONSULTANT, M1, TAX, Deal, Item, money
from .invariants import set_off
from .test_api import call
from .waiting import quiet


def credit(journey: Journey, invoice: Item, key: str, **asked: Any) -> tuple[int, dict[str, Any]]:
    """Ask for a credit memo of an invoice."""
    body = {"reason": "billed too early", "rebill": False, **asked}
    path = f"/v1/invoices/{invoice['invoice']}/credit-memos"
    return call(journey, "finance-app", "POST", path, body, f"{invoice['invoice']}-{key}")


def line_of(deal: Deal, kind: str) -> Item:
    """The line that time, or a milestone, was billed by."""
    (found,) = [line for line in deal.lines if line["evidence"]["kind"] == kind]
    return found


def test_a_line_is_credited_and_billed_anew(journey: Journey) -> None:
    """Proves BIL-20 and EVT-17 and CAN-21 in part: a whole line is taken off an unpaid invoice in journal, ERP, PSA
    and CRM, and is billed again, once, under the same line."""
    deal = journey.deal().activate()
    invoice = deal.billed(60)
    line = line_of(deal, "time")
    status, asked = credit(journey, invoice, "1", lines=[line["line"]], rebill=True)
    assert (status, money(asked["untaxed"])) == (202, CONSULTANT)
    assert credit(journey, invoice, "1", lines=[line["line"]], rebill=True) == (202, asked)
    deal.wait(lambda: deal.items("credit-memo") and deal.items("credit-memo")[0]["status"] == "applied", 60,
              "the credit memo to be set off")
    (memo,) = deal.items("credit-memo")
    gross = CONSULTANT * (1 + TAX)
    assert (money(memo["total"]), money(memo["set_off"])) == (gross, gross)
    (note,) = journey.erp.by_external_id("account.invoice", memo["credit_memo"], "number", "state", "total_amount")
    assert (note["number"], note["state"], note["total_amount"]) == (memo["number"], "paid", -gross)
    after = deal.settled(invoice, "posted")
    assert set_off(after) == gross
    assert money(after["untaxed"]) == M1 + CONSULTANT, "what was issued never changes"
    deal.wait(lambda: Decimal(deal.in_crm.get("q2c_credited_amount") or 0) == gross, 30, "the CRM to show it")
    assert line_of(deal, "time")["status"] == "ready"

    refused = credit(journey, invoice, "2", lines=[line["line"]])
    assert (refused[0], refused[1]["code"]) == (422, "Q2C-1012"), "taken off already"
    path = f"/v1/engagements/{deal.engagement}/invoices"
    assert call(journey, "finance-app", "POST", path, {"reason": "anew"}, f"{deal.number}-anew")[0] == 202
    second = deal.posted({invoice["invoice"]})
    assert money(second["untaxed"]) == CONSULTANT
    assert line_of(deal, "time")["invoice"] == second["invoice"]
    shown = call(journey, "finance-app", "GET", f"/v1/invoices/{invoice['invoice']}")[1]
    assert [credited["number"] for credited in shown["credit_memos"]] == [memo["number"]]
    assert not deal.exceptions(None)


def test_a_price_reduction_after_payment_stays_on_account(journey: Journey) -> None:
    """Proves BIL-20 in part: nothing is open, so what is credited stays the customer's; no line is released."""
    deal = journey.deal().activate()
    invoice = deal.billed()
    deal.paid(invoice)
    deal.settled(invoice)
    amount = {"amount": "500.00", "currency": "USD"}
    assert credit(journey, invoice, "1", reduction={"amount": amount})[0] == 202
    deal.wait(lambda: deal.items("credit-memo") and deal.items("credit-memo")[0].get("number"), 60, "the credit memo")
    quiet(journey)
    (memo,) = deal.items("credit-memo")
    assert (memo["status"], money(memo["set_off"]), money(memo["total"])) == ("posted", 0, Decimal("550.00"))
    assert deal.invoice(invoice["invoice"])["status"] == "paid"
    assert line_of(deal, "milestone")["status"] == "invoiced"
    (party,) = journey.erp.parties(deal.customer_record["q2c_tax_id"])
    assert party["receivable"] == -550


def test_a_credit_note_by_hand_is_shown_to_finance(journey: Journey) -> None:
    """Proves BIL-24 in part: what accounts credit in the ERP is found, kept with the invoice, and shown to finance."""
    deal = journey.deal().activate()
    invoice = deal.billed()
    number = journey.erp.credit_by_hand(invoice["invoice"], "100.00")
    journey.poll()
    deal.wait(lambda: deal.items("adjustment"), 60, "the credit note to be found")
    (kept,) = deal.items("adjustment")
    assert (kept["number"], kept["invoices"], money(kept["total"])) == (number, [invoice["invoice"]], 110)
    (exception,) = deal.exceptions()
    assert (exception["code"], exception["owner"]) == ("Q2C-0413", "finance-operations")
    assert number in exception["detail"] and invoice["invoice"] in exception["detail"]
    shown = call(journey, "finance-app", "GET", f"/v1/invoices/{invoice['invoice']}")[1]
    assert [adjustment["number"] for adjustment in shown["manual_adjustments"]] == [number]
    assert deal.invoice(invoice["invoice"])["status"] == "posted"
