"""Cash that is not simply received: for several invoices, given back, disputed, applied by a person."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any

from ..contract.senders import Stripe as Signer
from .conftest import Journey
from .deal import Deal, money
from .test_api import call
from .waiting import quiet


def tell(journey: Journey, kind: str, obj: dict[str, Any]) -> None:
    """Report something about a payment, as Stripe's own library signs it."""
    now = int(time.time())
    event = {"id": f"evt_{kind}_{obj['id']}_{now}", "object": "event", "type": kind, "created": now, "data": {"object": obj}}
    secret = journey.stack.secrets["stripe-main"]["signing_secrets"][0]
    answer = Signer(journey.stack.webhook_url("stripe-main")).sign(secret, json.dumps(event)).post()
    assert answer.status_code == 202


def refund(intent: dict[str, Any], amount: Decimal, status: str = "succeeded") -> dict[str, Any]:
    """A refund of a payment."""
    return {
        "id": f"re_{intent['id']}", "object": "refund", "amount": int(amount * 100), "currency": "usd",
        "created": int(intent["created"]), "payment_intent": intent["id"], "status": status,
    }


def dispute(intent: dict[str, Any], status: str) -> dict[str, Any]:
    """A dispute of a payment."""
    return {
        "id": f"dp_{intent['id']}", "object": "dispute", "amount": intent["amount"], "currency": "usd",
        "created": int(intent["created"]), "payment_intent": intent["id"], "status": status,
    }


def receivable(journey: Journey, deal: Deal) -> Decimal:
    """What the customer owes by the ERP."""
    (party,) = journey.erp.parties(deal.customer_record["q2c_tax_id"])
    return party["receivable"]


def test_one_payment_of_two_invoices_and_a_refund_of_a_part(journey: Journey) -> None:
    """Proves PAY-01, PAY-02 and WFD-01 in part: both invoices are paid by one payment; what is refunded reopens the
    last of them by exactly that, in journal, ERP, CRM and PSA, and told twice it moves nothing."""
    deal = journey.deal().activate()
    first, second = deal.billed(), deal.billed(milestone="M2")
    numbers = f"{first['number']}, {second['number']}"
    intent = journey.stripe.pay(money(first["total"]) + money(second["total"]), "USD", numbers)
    deal.settled(second)
    # The deal shows the latest invoice alone.
    assert deal.invoice(first["invoice"])["status"] == "paid"
    assert journey.erp.invoice(first["invoice"])["amount_to_pay"] == 0
    assert receivable(journey, deal) == 0
    (payment,) = deal.items("payment")
    assert payment["status"] == "received"
    assert [money(one["applied"]) for one in payment["applications"]] == [money(first["total"]), money(second["total"])]

    tell(journey, "refund.created", refund(intent, Decimal("300.00")))
    tell(journey, "charge.refund.updated", refund(intent, Decimal("300.00")))
    reopened = deal.settled(second, "part-paid")
    assert money(reopened["applied"]) == money(second["total"]) - 300
    assert receivable(journey, deal) == 300
    quiet(journey)
    (payment,) = deal.items("payment")
    assert (money(payment["returned"]), money(payment["unapplied"])) == (300, 0)
    assert deal.invoice(first["invoice"])["status"] == "paid"

    deal.paid(second, Decimal("300.00"))
    deal.settled(second)
    assert receivable(journey, deal) == 0
    assert not deal.exceptions()


def test_a_chargeback_that_is_won(journey: Journey) -> None:
    """Proves EVT-18 in part, WFD-04 in part: received, settled, disputed (finance is told, the invoice is open), won: the
    invoice is paid again and nobody has anything left to do."""
    deal = journey.deal().activate()
    invoice = deal.billed()
    intent = deal.paid(invoice)
    deal.settled(invoice)
    tell(journey, "charge.updated", {
        "id": f"ch_{intent['id']}", "object": "charge", "amount": intent["amount"], "amount_refunded": 0,
        "currency": "usd", "payment_intent": intent["id"], "status": "succeeded", "captured": True,
        "balance_transaction": "txn_1",
    })
    deal.wait(lambda: deal.items("payment")[0]["status"] == "settled", 20, "the settlement")
    tell(journey, "charge.dispute.created", dispute(intent, "needs_response"))
    deal.settled(invoice, "posted")
    assert deal.codes() == ["Q2C-0508"]
    tell(journey, "charge.dispute.closed", dispute(intent, "won"))
    deal.settled(invoice)
    deal.wait(lambda: not deal.exceptions(), 20, "the exception to be settled")
    assert deal.items("payment")[0]["status"] == "settled"
    assert receivable(journey, deal) == 0


def test_a_payment_that_matches_nothing_is_resolved_by_finance(journey: Journey) -> None:
    """Proves EXC-12, SCN-28, API-10 and WFD-02 in part: shown with the right invoice among the suggestions, applied by a call,
    once; journal and ERP have it, and the exception is settled."""
    deal = journey.deal().activate()
    invoice = deal.billed()
    mistyped = f"RE{invoice['number'].removeprefix('INV')}"
    intent = journey.stripe.pay(money(invoice["total"]), "USD", mistyped)

    def waiting() -> dict[str, Any] | None:
        status, found = call(journey, "finance-app", "GET", "/v1/payments/unmatched")
        assert status == 200
        return next((one for one in found["payments"] if one["record"] == intent["id"]), None)

    unmatched = deal.wait(waiting, 20, "the unmatched payment")
    likeliest = unmatched["suggestions"][0]
    assert (likeliest["invoice"], likeliest["reasons"]) == (invoice["invoice"], ["same-digits", "exact-amount"])
    path = f"/v1/payments/{unmatched['payment']}"
    body = {"applications": [{"invoice": invoice["invoice"], "amount": invoice["total"]}]}
    assert call(journey, "sales-app", "POST", f"{path}/applications", body, f"{deal.number}-pay")[0] == 403
    first = call(journey, "finance-app", "POST", f"{path}/applications", body, f"{deal.number}-pay")
    assert first[0] == 202, first
    assert call(journey, "finance-app", "POST", f"{path}/applications", body, f"{deal.number}-pay") == first
    deal.settled(invoice)
    status, shown = call(journey, "finance-app", "GET", path)
    assert (status, money(shown["unapplied"]), money(shown["applied"])) == (200, 0, money(invoice["total"]))
    assert shown["applications"][0]["seconds_to_apply"] >= 0
    deal.wait(lambda: waiting() is None, 20, "the payment to leave the list")
    assert receivable(journey, deal) == 0
    refused = call(journey, "finance-app", "POST", f"{path}/applications", body, f"{deal.number}-again")
    assert (refused[0], refused[1]["code"]) == (409, "Q2C-1011")
