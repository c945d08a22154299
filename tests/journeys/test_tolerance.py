"""Payments that are short, or too much, by too little to be asked for."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator
from decimal import Decimal

import pytest

from local import connections

from ..deployed.deployment import credentials
from .conftest import Journey
from .deal import M1, TAX, money
from .test_api import call
from .test_cash import refund, tell
from .test_entities import BELIEVED, configure

GROSS = M1 * (1 + TAX)
LITTLE = Decimal("1.50")
TOLERANCE = {"amount": {"amount": "2.00", "currency": "USD"}, "percent": "0.5"}
TOLD = "q2c.small-difference.recorded.v1"


@pytest.fixture
def tolerant(journey: Journey) -> Iterator[None]:
    """The tenant with a tolerance of two dollars."""
    tenant, known = connections.tenant(), connections.connections(journey.stack.stack)
    secrets = credentials(journey.stack.stack)
    configure(journey, {**copy.deepcopy(tenant), "payment_tolerances": [TOLERANCE]}, known, secrets)
    time.sleep(BELIEVED)
    yield
    configure(journey, tenant, known, secrets)
    time.sleep(BELIEVED)


@pytest.mark.usefixtures("tolerant")
def test_what_is_too_little_is_settled_in_the_open(journey: Journey) -> None:
    """Proves PAY-03 in part: an invoice that is short by a little is settled everywhere but in the ERP, whose books show
    the difference that finance was told of; what is too much by a little is kept; a refund opens the invoice again."""
    deal = journey.deal().activate()
    invoice = deal.billed()
    deal.paid(invoice, GROSS - LITTLE)
    settled = deal.settled(invoice)
    assert (money(settled["applied"]), money(settled["small_difference"]["amount"])) == (GROSS - LITTLE, LITTLE)
    (payment,) = deal.items("payment")
    assert settled["small_difference"]["left_by"] == payment["payment"]
    deal.wait(lambda: journey.announced(deal, TOLD), 20, "finance to be told")
    (told,) = journey.announced(deal, TOLD)
    assert (told["data"]["reason"], money(told["data"]["amount"])) == ("short-payment", LITTLE)
    assert journey.erp.invoice(invoice["invoice"])["amount_to_pay"] == LITTLE, "the ERP is told of cash alone"
    seen = call(journey, "finance-app", "GET", f"/v1/invoices/{invoice['invoice']}")[1]
    assert (money(seen["open"]), seen["collections"]["status"]) == (0, "settled")
    assert not deal.exceptions(None)

    other = journey.deal().activate()
    bill = other.billed()
    intent = other.paid(bill, GROSS + LITTLE)
    other.settled(bill)
    (payment,) = other.items("payment")
    assert (money(payment["applied"]), money(payment["unapplied"]), money(payment["kept"])) == (GROSS, 0, LITTLE)
    assert not other.exceptions(None), "nobody has to look"
    (party,) = journey.erp.parties(other.customer_record["q2c_tax_id"])
    assert party["receivable"] == -LITTLE, "on the customer's account there"

    tell(journey, "refund.created", refund(intent, Decimal("1000.00")))
    reopened = other.settled(bill, "part-paid")
    assert money(reopened["applied"]) == GROSS + LITTLE - 1000
    assert "small_difference" not in reopened
    other.wait(lambda: len(journey.announced(other, TOLD)) == 2, 20, "finance to be told of both")
    assert {event["data"]["reason"] for event in journey.announced(other, TOLD)} == {"overpayment", "undone"}
