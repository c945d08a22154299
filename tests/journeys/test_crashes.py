"""A function that dies between any two calls: the next delivery goes on, and nothing is done twice."""

from __future__ import annotations

import pytest

from ..deployed import processes
from ..deployed.deployment import LEASE_SECONDS
from .conftest import Journey
from .deal import CONSULTANT, M1, money
from .waiting import active, fault_hit, step


def kill(journey: Journey, function: str) -> None:
    """Kill the running processes of a function."""
    found = processes.of_function(journey.stack.instance.tag, journey.stack.stack.function(function))
    assert found, f"{function} is running"
    processes.kill(found)


@pytest.mark.parametrize("collection", ["workspaces", "rate_card_versions"])
def test_killed_in_the_middle_of_an_activation(journey: Journey, collection: str) -> None:
    """Proves RES-15, WFA-30, WFA-31 in part, RES-20 in part: killed while a create is under way, which the product
    carries out nevertheless."""
    deal = journey.deal()
    with journey.psa.fault("slow", method="POST", path=f"/api/v1/{collection}", seconds=1.5):
        deal.approve()
        fault_hit(journey, journey.psa)
        kill(journey, "quote-approved")
    active(deal, LEASE_SECONDS + 40)
    assert not deal.exceptions(None)
    assert len(deal.projects) == 1
    assert len(journey.erp.by_external_id("project.work", deal.engagement)) == 1


def test_killed_in_the_middle_of_a_submission(journey: Journey) -> None:
    """Proves RES-15 in part, BIL-14 in part, WFC-12 in part: killed while the ERP makes the invoice, which it goes on to
    do; one invoice in the end."""
    deal = journey.deal().activate()
    with journey.erp.frozen():
        deal.deliver(60)
        deal.wait(lambda: step(deal, "invoice", "create") == "started", 20, "the create to be sent")
        kill(journey, "invoice-requested")
    invoice = deal.wait(deal.posted, LEASE_SECONDS + 40, "the invoice")
    assert money(invoice["untaxed"]) == M1 + CONSULTANT
    assert len(journey.erp.invoices(deal.customer)) == 1
    assert not deal.exceptions(None)


def test_killed_in_the_middle_of_a_cash_application(journey: Journey) -> None:
    """Proves RES-02 in part, PAY-02 in part: killed while the ERP books the payment; booked once."""
    deal = journey.deal().activate()
    invoice = deal.billed()
    deal.paid(invoice)
    with journey.erp.frozen():
        deal.wait(lambda: step(deal, "payment", "apply") == "started", 20, "the booking to be sent")
        kill(journey, "payment-received")
    paid = deal.wait(lambda: deal.settled(invoice), LEASE_SECONDS + 40, "the payment")
    assert money(paid["applied"]) == M1 * 11 / 10
    (payment,) = deal.items("payment")
    assert len(journey.erp.by_external_id("account.statement", payment["payment"])) == 1
    assert not deal.exceptions(None)
