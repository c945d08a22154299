"""Disputes of an invoice: recorded with the way back to the quote, decided, and settled by a credit memo."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from local.connections import PSA

from .conftest import Journey
from .deal import CONSULTANT, M1, TAX, Deal, Item, money
from .test_api import call
from .test_credit_memos import credit, line_of


def contest(journey: Journey, invoice: Item, key: str, kind: str, **asked: Any) -> tuple[int, dict[str, Any]]:
    """Report that the customer contests an invoice."""
    path = f"/v1/invoices/{invoice['invoice']}/disputes"
    body = {"kind": kind, "reason": "not the agreed rate", **asked}
    return call(journey, "finance-app", "POST", path, body, f"{invoice['invoice']}-d{key}")


def decide(journey: Journey, invoice: Item, dispute: str, key: str, outcome: str, **asked: Any) -> tuple[int, Item]:
    """Decide on a dispute."""
    path = f"/v1/invoices/{invoice['invoice']}/disputes/{dispute}/resolution"
    body = {"outcome": outcome, "reason": "looked at", **asked}
    return call(journey, "finance-app", "POST", path, body, f"{dispute}-r{key}")


def shown(journey: Journey, invoice: Item, caller: str = "finance-app") -> dict[str, Any]:
    """The disputes of an invoice as a caller reads them."""
    status, answer = call(journey, caller, "GET", f"/v1/invoices/{invoice['invoice']}/disputes")
    assert status == 200, answer
    return answer


def stands(deal: Deal, dispute: str, status: str) -> bool:
    """Whether a dispute is recorded in a status."""
    return any((item["dispute"], item["status"]) == (dispute, status) for item in deal.items("dispute"))


def test_a_contested_line_is_traced_and_credited(journey: Journey) -> None:
    """Proves BIL-22 in part: an hour is contested with its tax, shown with its time entry, contract version, quote line
    and quote; the dispute is upheld, credits nothing itself, and is settled by the credit memo that names it."""
    deal = journey.deal().activate()
    invoice = deal.billed(60)
    line = line_of(deal, "time")
    gross = CONSULTANT * (1 + TAX)
    status, asked = contest(journey, invoice, "1", "rate", lines=[line["line"]])
    assert (status, money(asked["contested"])) == (202, gross)
    assert contest(journey, invoice, "1", "rate", lines=[line["line"]]) == (202, asked)
    deal.wait(lambda: stands(deal, asked["dispute"], "open"), 30, "the dispute to be recorded")

    (dispute,) = shown(journey, invoice, "operations-app")["disputes"]
    assert (dispute["dispute"], dispute["dispute_kind"]) == (asked["dispute"], "rate")
    assert money(dispute["standing"]["open"]) == (M1 + CONSULTANT) * (1 + TAX)
    (traced,) = dispute["evidence"]["lines"]
    assert (traced["line"], traced["source"]["kind"]) == (line["line"], "time-entry")
    assert (traced["source"]["connection"], traced["source"]["project"]) == (PSA, deal.project["id"])
    assert traced["source"]["record"] == line["evidence"]["entry"]["entry"]
    assert (traced["contract_version"], traced["quote_line"]) == (1, line["quote_line"])
    assert traced["quote_line"] in deal.quote_lines
    assert traced["quote"]["quote"] == deal.quote
    seen = call(journey, "finance-app", "GET", f"/v1/invoices/{invoice['invoice']}")[1]["collections"]
    assert money(seen["disputed"]) == gross

    refused = contest(journey, invoice, "2", "scope")
    assert (refused[0], refused[1]["code"]) == (422, "Q2C-1012"), "one of its lines is contested already"
    status, answer = decide(journey, invoice, asked["dispute"], "1", "upheld")
    assert (status, answer["outcome"]) == (202, "upheld")
    assert "credit-memos" in answer["to_be_credited_by"]
    deal.wait(lambda: stands(deal, asked["dispute"], "upheld"), 30, "the dispute to end")
    after = deal.invoice(invoice["invoice"])
    assert "contested" not in after
    assert (after["total"], after["status"]) == (invoice["total"], "posted"), "nothing is credited yet"
    assert decide(journey, invoice, asked["dispute"], "2", "rejected")[0] == 409

    assert credit(journey, invoice, "1", lines=[line["line"]], dispute=asked["dispute"])[0] == 202
    deal.wait(lambda: deal.items("credit-memo") and deal.items("credit-memo")[0]["status"] == "applied", 60,
              "the credit memo to be set off")
    (dispute,) = shown(journey, invoice)["disputes"]
    (memo,) = dispute["credit_memos"]
    assert (memo["status"], money(memo["total"])) == ("applied", gross)
    assert len(journey.announced(deal, "q2c.dispute.recorded.v1")) == 1
    assert len(journey.announced(deal, "q2c.dispute.resolved.v1")) == 1
    assert not deal.exceptions(None)


def test_a_contested_balance_is_rejected(journey: Journey) -> None:
    """Proves BIL-22 in part: of an invoice that is paid in part what is open can be contested, with the payment as
    evidence; once it is rejected, all of it is owed, and the customer pays."""
    deal = journey.deal().activate()
    invoice = deal.billed()
    total = money(invoice["total"])
    deal.paid(invoice, Decimal("1000.00"))
    deal.settled(invoice, "part-paid")
    too_much = {"amount": str(total), "currency": "USD"}
    assert contest(journey, invoice, "1", "balance", amount=too_much)[0] == 422
    status, asked = contest(journey, invoice, "2", "balance")
    assert (status, money(asked["contested"])) == (202, total - 1000)
    deal.wait(lambda: stands(deal, asked["dispute"], "open"), 30, "the dispute to be recorded")
    (dispute,) = shown(journey, invoice)["disputes"]
    (paid,) = dispute["evidence"]["cash"]
    assert (paid["kind"], money(paid["applied"])) == ("payment", 1000)
    assert decide(journey, invoice, asked["dispute"], "1", "rejected")[0] == 202
    deal.wait(lambda: stands(deal, asked["dispute"], "rejected"), 30, "the dispute to end")
    deal.paid(invoice, total - 1000)
    deal.settled(invoice)
    assert not deal.exceptions(None)
