"""Payments that are not simply the whole amount of a known invoice, and the invoice after the first."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from .conftest import Journey
from .deal import CONSULTANT, M1, M2, TAX, money
from .waiting import quiet

GROSS = M1 * (1 + TAX)


def test_a_part_payment_and_the_rest(journey: Journey) -> None:
    """Proves WFD-01 in part, PAY-03 in part: what is open is what every system shows, until nothing is."""
    deal = journey.deal().activate()
    invoice = deal.billed()
    deal.paid(invoice, Decimal("7000.00"))
    deal.settled(invoice, "part-paid")
    assert Decimal(deal.in_crm["q2c_paid_amount"]) == 7000
    deal.paid(invoice, GROSS - 7000)
    paid = deal.settled(invoice)
    assert money(paid["applied"]) == GROSS
    assert sorted(money(payment["applied"]) for payment in deal.items("payment")) == [7000, GROSS - 7000]
    assert journey.erp.invoice(invoice["invoice"])["state"] == "paid"
    assert not deal.exceptions(None)


def test_an_overpayment_stays_on_the_account(journey: Journey) -> None:
    """Proves PAY-05 in part: the invoice is paid, the rest is unapplied cash in journal and ERP, and finance knows."""
    deal = journey.deal().activate()
    invoice = deal.billed()
    deal.paid(invoice, GROSS + 500)
    deal.settled(invoice)
    (payment,) = deal.items("payment")
    assert (money(payment["applied"]), money(payment["unapplied"])) == (GROSS, 500)
    (exception,) = deal.exceptions()
    assert (exception["code"], exception["owner"]) == ("Q2C-0502", "finance-operations")
    assert money(exception["at_stake"]) == 500
    (party,) = journey.erp.parties(deal.customer_record["q2c_tax_id"])
    assert party["receivable"] == -500


def test_a_payment_after_the_last_cent_is_all_unapplied(journey: Journey) -> None:
    """Proves PAY-02 in part: a second payment of a paid invoice is cash of the customer and not of the invoice."""
    deal = journey.deal().activate()
    invoice = deal.billed()
    deal.paid(invoice)
    deal.settled(invoice)
    deal.paid(invoice)
    deal.wait(lambda: len(deal.items("payment")) == 2, 20, "the second payment")
    quiet(journey)
    assert sorted(money(payment["unapplied"]) for payment in deal.items("payment")) == [0, GROSS]
    assert deal.codes() == ["Q2C-0502"]
    (party,) = journey.erp.parties(deal.customer_record["q2c_tax_id"])
    assert party["receivable"] == -GROSS


def test_a_payment_of_an_unknown_invoice_is_an_exception(journey: Journey) -> None:
    """Proves EXC-12, OBS-14 in part, WFD-02 in part, SCN-28 in part: shown to finance with the money at stake."""
    number = f"INV1999-{journey.deal().number[-5:]}"
    intent = journey.stripe.pay(Decimal("1234.56"), "USD", number)
    table = journey.stack.dynamodb.Table(journey.stack.table)

    def unmatched() -> list[dict[str, Any]]:
        found = table.query(
            IndexName="by-status", KeyConditionExpression="status_key = :key",
            ExpressionAttributeValues={":key": "tenant#northwind#exception#open#finance-operations"},
        )["Items"]
        return [item for item in found if intent["id"] in item["detail"]]

    (exception,) = journey.stack.wait_for(unmatched, 20, "the unmatched payment")
    assert exception["code"] == "Q2C-0501"
    assert number in exception["detail"]
    assert money(exception["at_stake"]) == Decimal("1234.56")


def test_a_second_invoice_bills_only_what_is_new(journey: Journey) -> None:
    """Proves BIL-14, BIL-02 in part: what was invoiced with the first milestone is not invoiced with the second."""
    deal = journey.deal().activate()
    first = deal.billed(60)
    second = deal.billed(90, 30, milestone="M2")
    assert money(first["untaxed"]) == M1 + CONSULTANT
    assert money(second["untaxed"]) == M2 + CONSULTANT * 2
    assert first["number"] != second["number"]
    amounts = sorted(invoice["untaxed_amount"] for invoice in journey.erp.invoices(deal.customer))
    assert amounts == [M1 + CONSULTANT, M2 + CONSULTANT * 2]
    assert {line["status"] for line in deal.lines} == {"invoiced"}


def test_an_invoice_is_not_changed_by_work_that_comes_later(journey: Journey) -> None:
    """Proves BIL-15 in part: time approved after the invoice waits for the next one, and is shown as unbilled."""
    deal = journey.deal().activate()
    invoice = deal.billed()
    deal.deliver(120, milestone="")
    deal.wait(lambda: len(deal.lines) == 2, 15, "the line")
    quiet(journey)
    assert deal.invoice(invoice["invoice"])["untaxed"] == invoice["untaxed"]
    assert [money(line["amount"]) for line in deal.lines if line["status"] == "ready"] == [CONSULTANT * 2]


def test_a_milestone_that_the_customer_has_not_accepted_is_not_billed(journey: Journey) -> None:
    """Proves WFC-02 in part, BIL-03 in part: completed is not enough; accepted later, it is billed."""
    deal = journey.deal().activate()
    story = journey.psa.complete(deal.project["id"], "M1", accept=False)
    journey.poll()
    quiet(journey)
    assert not deal.lines
    journey.psa.accept(story["id"])
    journey.poll()
    invoice = deal.posted()
    assert money(invoice["untaxed"]) == M1
