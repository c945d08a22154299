"""A function that dies between any two calls: the next delivery goes on, and nothing is done twice."""

from __future__ import annotations

import pytest

from ..deployed import processes
from ..deployed.deployment import LEASE_SECONDS
from .conftest import Journey
from .deal import CONSULTANT, M1, TAX, Deal, money
from .waiting import active, fault_hit, run, step


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
    """Proves RES-15 in part, BIL-14 in part, WFC-12 in part: killed while the ERP posts the invoice, which it goes on
    to do; one invoice in the end."""
    deal = journey.deal().activate()
    deal.deliver(60)
    kill_during(journey, deal, ("invoice", "post"), "invoice-requested")
    deal.wait(lambda: run(deal, "invoice") == "completed", LEASE_SECONDS + 40, "the submission to end")
    invoice = deal.posted()
    assert money(invoice["untaxed"]) == M1 + CONSULTANT
    assert len(journey.erp.invoices(deal.customer)) == 1
    assert not deal.exceptions(None)


def test_killed_in_the_middle_of_a_cash_application(journey: Journey) -> None:
    """Proves RES-02 in part, PAY-02 in part: killed while the ERP books the payment; booked once."""
    deal = journey.deal().activate()
    invoice = deal.billed()
    deal.paid(invoice)
    kill_during(journey, deal, ("payment", "apply"), "payment-received")
    deal.wait(lambda: run(deal, "payment") == "completed", LEASE_SECONDS + 40, "the booking to end")
    assert money(deal.settled(invoice)["applied"]) == M1 * (1 + TAX)
    (payment,) = deal.items("payment")
    assert len(journey.erp.by_external_id("account.statement", payment["payment"])) == 1
    assert not deal.exceptions(None)


def kill_during(journey: Journey, deal: Deal, named: tuple[str, str], function: str) -> None:
    """Halt the ERP as soon as a step has begun, kill the function that waits for it, and let the ERP go on."""
    deal.wait(lambda: step(deal, *named), 30, f"{named} to begin")
    with journey.erp.frozen():
        kill(journey, function)


def kill(journey: Journey, function: str) -> None:
    """Kill the running processes of a function."""
    found = processes.of_function(journey.stack.instance.tag, journey.stack.stack.function(function))
    assert found, f"{function} is running"
    processes.kill(found)
