"""Whatever is repeated or comes in another order, the result is the same."""

from __future__ import annotations

import datetime
import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any


from ..contract.senders import Delivery
from ..contract.senders import Stripe as Signer
from .conftest import Journey
from .deal import CONSULTANT, M1, Deal, entry, money
from .waiting import active, fault_hit, quiet


def test_a_repeated_notification_sets_up_once(journey: Journey) -> None:
    """Proves WFA-32, SCN-15, RES-02 in part, EVT-29 in part: sent again, and approved again by a second click."""
    deal = journey.deal()
    delivery = deal.approve(repeat=3)
    active(deal)
    journey.crm.resend(delivery["id"])
    deal.approve()
    quiet(journey)
    assert one_of_each(journey, deal)
    assert not deal.exceptions(None)


def test_concurrent_notifications_set_up_once(journey: Journey) -> None:
    """Proves WFA-32: six approvals at once, each a notification of its own."""
    deal = journey.deal()
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: deal.approve(), range(6)))
    active(deal)
    quiet(journey)
    assert one_of_each(journey, deal)
    assert not deal.exceptions(None)


def test_two_deals_of_one_customer_share_its_account(journey: Journey) -> None:
    """Proves WFA-04, OWN-09 in part, RES-03 in part: approved at the same moment, the customer is created once."""
    first = journey.deal()
    second = journey.deal(company=first.customer_record)
    with ThreadPoolExecutor(2) as pool:
        list(pool.map(Deal.approve, (first, second)))
    for deal in (first, second):
        active(deal)
        assert not deal.exceptions(None)
    assert first.customer == second.customer
    assert len(journey.erp.parties(first.customer_record["q2c_tax_id"])) == 1


def test_early_work_is_parked_and_released(journey: Journey) -> None:
    """Proves EVT-30, WFC-01 in part: time and milestone reported while the project is being set up are parked, and
    billed by the commit that makes the engagement active."""
    deal = journey.deal()
    with journey.psa.fault("status", path="/api/v1/rate_card", method="POST", status=429, retry_after=4):
        deal.approve()
        fault_hit(journey, journey.psa)
        deal.deliver(60, 30)
        deal.wait(lambda: len(deal.items("parked")) == 3, 15, "three events to be parked")
        assert deal.status == "activating" and not deal.lines
    invoice = deal.posted()
    assert money(invoice["untaxed"]) == M1 + CONSULTANT * 90 / 60
    assert deal.items("parked") == []


def test_a_disordered_log_with_duplicates_bills_once(journey: Journey) -> None:
    """Proves EVT-30, BIL-14 in part, RES-02 in part: the PSA's log is shuffled, repeats itself, and is read three
    times."""
    deal = journey.deal().activate()
    journey.psa.misbehave(duplicates="new-id", order="shuffled")
    try:
        deal.deliver(15, 30, 45, 60, poll=False)
        for _ in range(3):
            journey.poll()
        invoice = deal.posted()
    finally:
        journey.psa.misbehave(duplicates="none", order="created")
    quiet(journey)
    assert money(invoice["untaxed"]) == M1 + CONSULTANT * 150 / 60
    assert len(deal.lines) == 5
    assert len(deal.invoices) == 1


def test_a_poll_reads_again_what_its_cursor_passed(journey: Journey) -> None:
    """Proves RES-17 in part: an entry that the log shows late is found by the overlap, and nothing else is repeated."""
    deal = journey.deal().activate()
    journey.psa.misbehave(visible_after_seconds=2)
    try:
        journey.psa.log_time(deal.project["id"], entry(30))
        first = journey.poll()
    finally:
        journey.psa.misbehave(visible_after_seconds=0)
    assert first[0]["published"] == 0
    deal.wait(lambda: journey.poll()[0]["published"], 15, "the late entry to be read")
    deal.wait(lambda: len(deal.lines) == 1, 15, "its line")
    assert journey.poll()[0]["published"] == 0


def test_an_entry_changed_after_approval_is_billed_by_the_difference(journey: Journey) -> None:
    """Proves OWN-11 in part: the line stands as it was, and what the entry comes to now is a line beside it."""
    deal = journey.deal().activate()
    (record,) = journey.psa.log_time(deal.project["id"], entry(60))
    journey.poll()
    deal.wait(lambda: deal.lines, 15, "the line")
    time.sleep(1.1)  # Kantata dates a change by the second.
    journey.psa.correct(record, minutes=480)
    journey.poll()
    deal.wait(lambda: len(deal.lines) == 2, 15, "the correction")
    assert sorted(money(line["amount"]) for line in deal.lines) == [CONSULTANT, CONSULTANT * 7]
    invoice = deal.billed()
    assert money(invoice["untaxed"]) == M1 + CONSULTANT * 8
    (posted,) = journey.erp.invoices(deal.customer)
    assert posted["untaxed_amount"] == M1 + CONSULTANT * 8
    assert not deal.exceptions(None)


def test_the_same_payment_reported_twice_is_applied_once(journey: Journey) -> None:
    """Proves PAY-02, SCN-14, EVT-19 in part: the same signed event again, and again under another ID."""
    deal = journey.deal().activate()
    invoice = deal.billed()
    report = stripe_event(f"pi_{deal.number}", invoice, 2_200_000)
    for event in (report, report, {**report, "id": f"{report['id']}_again"}):
        assert signed(journey, event).post().status_code == 202
    paid = deal.settled(invoice)
    quiet(journey)
    (payment,) = deal.items("payment")
    assert money(payment["received"]) == money(paid["applied"]) == M1 * 11 / 10
    assert len(journey.erp.by_external_id("account.statement", payment["payment"])) == 1
    assert not deal.exceptions(None)


def test_the_same_payment_with_another_amount_is_an_exception(journey: Journey) -> None:
    """Proves RES-03 in part: a known delivery with other content is neither applied nor dropped."""
    deal = journey.deal().activate()
    invoice = deal.billed()
    assert signed(journey, stripe_event(f"pi_{deal.number}", invoice, 500_000)).post().status_code == 202
    deal.settled(invoice, "part-paid")
    assert signed(journey, stripe_event(f"pi_{deal.number}", invoice, 700_000)).post().status_code == 202
    deal.wait(deal.codes, 15, "the exception")
    assert deal.codes() == ["Q2C-0201"]
    assert money(deal.invoice(invoice["invoice"])["applied"]) == 5_000
    assert '"700' in deal.exceptions()[0]["payload"] or "7000.00" in deal.exceptions()[0]["payload"]


def one_of_each(journey: Journey, deal: Deal) -> bool:
    """One customer account, one billing plan, one project."""
    return (
        len(journey.erp.parties(deal.customer_record["q2c_tax_id"])) == 1
        and len(journey.erp.by_external_id("project.work", deal.engagement)) == 1
        and len(deal.projects) == 1
    )


def stripe_event(intent: str, invoice: dict[str, Any], cents: int) -> dict[str, Any]:
    """What Stripe reports of a payment that names an invoice."""
    now = int(datetime.datetime.now(datetime.UTC).timestamp())
    return {
        "id": f"evt_{intent}", "object": "event", "created": now, "livemode": False, "type": "payment_intent.succeeded",
        "data": {"object": {
            "id": intent, "object": "payment_intent", "amount": cents, "amount_received": cents, "currency": "usd",
            "status": "succeeded", "created": now, "metadata": {"q2c_invoice_number": invoice["number"]},
        }},
    }


def signed(journey: Journey, event: dict[str, Any]) -> Delivery:
    """The event as Stripe's own library signs it."""
    secret = journey.stack.secrets["stripe-main"]["signing_secrets"][0]
    return Signer(journey.stack.webhook_url("stripe-main")).sign(secret, json.dumps(event))
