"""Products that fail, answer late, or do the work and never say so: every deal ends complete, with nothing double."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import pytest

from .conftest import Journey
from .deal import CONSULTANT, M1, Deal, money
from .waiting import active, fault_hit, quiet, run

CREATES = (
    "workspaces", "stories", "billing_milestones", "rate_card_sets", "rate_cards", "rate_card_versions",
    "rate_card_roles", "workspace_resources",
)
"""Every collection of the PSA that an activation creates records in."""


@pytest.mark.parametrize("collection", CREATES)
def test_a_create_whose_answer_is_lost_is_not_repeated(journey: Journey, collection: str) -> None:
    """Proves RES-02 in part, RES-20 in part, WFA-30 in part, WFA-31 in part: the effect happened and nobody said so;
    the step asks before it sends again, and what was done before is not done again."""
    deal = journey.deal()
    before = journey.psa.last_call()
    with journey.psa.fault("commit-then-timeout", method="POST", path=f"/api/v1/{collection}"):
        deal.approve()
        active(deal)
    assert_set_up_once(journey, deal, before)


@pytest.mark.parametrize("fault", [
    {"mode": "status", "status": 503},
    {"mode": "status", "status": 500},
    {"mode": "timeout-before"},
    {"mode": "status", "status": 429, "retry_after": 2},
], ids=lambda fault: "-".join(str(value) for value in fault.values()))
@pytest.mark.parametrize("collection", ["workspaces", "stories"])
def test_a_create_that_fails_is_tried_again(journey: Journey, collection: str, fault: dict[str, Any]) -> None:
    """Proves RES-01 in part, RES-08, RES-11, EXC-25, SCN-19 in part: a product that is down or throttles is tried
    again without anybody's help, and nothing is there twice."""
    deal = journey.deal()
    before = journey.psa.last_call()
    with journey.psa.fault(method="POST", path=f"/api/v1/{collection}", count=2, **fault):
        deal.approve()
        active(deal)
    assert_set_up_once(journey, deal, before)


def test_the_wait_that_a_product_asks_for_is_kept(journey: Journey) -> None:
    """Proves RES-08 in part, CON-40 in part: no call is made before Retry-After is over."""
    deal = journey.deal()
    before = journey.psa.last_call()
    with journey.psa.fault("status", method="POST", path="/api/v1/workspaces", status=429, retry_after=5):
        deal.approve()
        active(deal)
    refused, again, *_ = [call for call in journey.psa.writes(before) if call["path"] == "/api/v1/workspaces"]
    assert (refused["status"], again["status"]) == (429, 200)
    assert seconds_between(refused, again) >= 5


def test_a_throttling_product_is_not_overrun(journey: Journey) -> None:
    """Proves RES-08 in part: two deals at a PSA that takes twenty calls in two seconds both get there."""
    deals = [journey.deal() for _ in range(2)]
    journey.psa.limit_rate(20, 2)
    try:
        for deal in deals:
            deal.approve()
        for deal in deals:
            active(deal, 90)
    finally:
        journey.psa.limit_rate(0)
    for deal in deals:
        assert len(deal.projects) == 1 and not deal.exceptions(None)


def test_the_crm_is_down_at_the_write_back(journey: Journey) -> None:
    """Proves RES-11 in part, RES-20 in part: the invoice stands in ERP and PSA; the CRM shows it when it is back."""
    deal = journey.deal().activate()
    path = f"/crm/v3/objects/deals/{deal.number}"
    with journey.crm.fault("status", method="PATCH", path=path, status=503, count=2):
        deal.deliver(60)
        fault_hit(journey, journey.crm)
        assert deal.in_crm.get("q2c_invoice_number") is None
        invoice = deal.posted()
    assert len(journey.erp.invoices(deal.customer)) == 1
    assert deal.shown(invoice, "posted")


def test_the_erp_is_stopped_while_an_invoice_is_submitted(journey: Journey) -> None:
    """Proves WFC-12 in part, RES-09, EXC-09 in part, SCN-13 in part: a maintenance window; one invoice after it."""
    deal = journey.deal().activate()
    with journey.erp.stopped():
        deal.deliver(60, poll=False)
        journey.poll(failing="tryton-us")
        deal.wait(lambda: failures(journey, "invoice-requested", deal.engagement), 30, "a submission to fail")
        assert not deal.exceptions(None)
    journey.stack.wait_for(journey.erp.ready, 30, "Tryton to be back")
    invoice = deal.posted()
    assert money(invoice["untaxed"]) == M1 + CONSULTANT
    (posted,) = journey.erp.invoices(deal.customer)
    assert posted["external_id"] == invoice["invoice"]


def test_a_stopped_consumer_neither_blocks_nor_loses(journey: Journey) -> None:
    """Proves EVT-28: while nobody takes approved time, the PSA is read, a milestone is invoiced and shown; started again,
    the consumer finds every entry that came meanwhile."""
    deal = journey.deal().activate()
    with stopped(journey, "time-approved"):
        invoice = deal.billed(60, 90)
        assert (money(invoice["untaxed"]), len(deal.lines)) == (M1, 1)
        waiting = journey.announced(deal, "q2c.time.approved.v1")
        assert len(waiting) == 2
    deal.wait(lambda: len(deal.lines) == 3, 60, "a line of each entry")
    assert sum(money(line["amount"]) for line in deal.lines) == M1 + CONSULTANT * 150 / 60


def test_an_answer_with_another_amount_stops_the_flow(journey: Journey) -> None:
    """Proves BIL-25 in part, EXC-26 in part, WFA-31 in part: what the product holds is not what was contracted, so
    nothing more is written and a person looks."""
    deal = journey.deal()
    with journey.psa.fault("wrong-amount", method="POST", path="/api/v1/billing_milestones"):
        deal.approve()
        deal.wait(deal.codes, 30, "the exception")
        deal.wait(lambda: run(deal, "activation") == "held", 10, "the run to be held")
    assert deal.codes() == ["Q2C-0902"]
    assert deal.status == "activating"
    after = journey.psa.last_call()
    quiet(journey)
    assert journey.psa.writes(after) == []
    assert "instead of 2000000" in deal.exceptions()[0]["detail"]


def test_a_message_nobody_can_read_ends_as_an_exception(journey: Journey) -> None:
    """Proves RES-04, EXC-14 in part, EXC-20 in part: kept whole with its queue, open, and owned."""
    poison = f"not an event: {journey.deal().number}"
    journey.stack.queues.send("time-approved", poison)
    table = journey.stack.dynamodb.Table(journey.stack.table)

    def kept() -> list[dict[str, Any]]:
        found = table.query(
            IndexName="by-status", KeyConditionExpression="status_key = :key",
            ExpressionAttributeValues={":key": "tenant#unknown#exception#open#integration"},
        )["Items"]
        return [item for item in found if item["payload"] == poison]

    (exception,) = journey.stack.wait_for(kept, 60, "the dead letter to be kept")
    assert (exception["code"], exception["owner"]) == ("Q2C-0204", "integration")
    assert "time-approved" in exception["queue"]


def test_an_event_that_a_queue_gave_up_on_is_kept_with_its_deal(journey: Journey) -> None:
    """Proves RES-04 in part, RES-17 in part: a dead letter is shown in its deal's timeline with its event."""
    deal = journey.deal().activate()
    event = deal.wait(lambda: journey.announced(deal, "q2c.quote.approved.v1"), 15, "the event")[0]
    journey.stack.queues.send("quote-approved-dead-letters", json.dumps({"detail": event}))
    deal.wait(deal.codes, 15, "the exception")
    (exception,) = deal.exceptions()
    assert (exception["code"], exception["owner"]) == ("Q2C-0204", "integration")
    assert json.loads(exception["payload"])["detail"]["id"] == event["id"]


def assert_set_up_once(journey: Journey, deal: Deal, before: int) -> None:
    """One of everything, and no exception: the invariants count the rest when the journey ends."""
    assert not deal.exceptions(None)
    titles = [story["title"] for story in deal.project["stories"]]
    assert sorted(titles) == [
        "Acceptance tests", "Configuration", "Delivery", "M1 Design", "M2 Go-live", "Project management",
    ]
    assert len(deal.project["billing_milestones"]) == 2
    sets = [row for row in journey.psa.records("rate_card_sets").values() if row["title"] == deal.engagement]
    assert len(sets) == 1
    cards = [key for key, row in journey.psa.records("rate_cards").items() if row["rate_card_set_id"] == sets[0]["id"]]
    versions = [key for key, row in journey.psa.records("rate_card_versions").items() if row["rate_card_id"] in cards]
    rates = [row for row in journey.psa.records("rate_card_roles").values() if row["rate_card_version_id"] in versions]
    assert (len(cards), len(versions), len(rates)) == (1, 1, 2)
    assert len(deal.project["workspace_resources"]) == len(deal.state["contract"]["staffing"]) == 3
    created = [call for call in journey.psa.writes(before)
               if call["path"] == "/api/v1/workspaces" and call["method"] == "POST" and call["status"] in (200, None)]
    assert created, "the project was made in this journey"


@contextmanager
def stopped(journey: Journey, function: str) -> Iterator[None]:
    """Nobody takes from a function's queue, as when its consumer is switched off."""
    client = journey.stack.client("lambda")
    mappings = client.get_paginator("list_event_source_mappings").paginate().build_full_result()["EventSourceMappings"]
    name = journey.stack.stack.function(function)
    (mapping,) = [one["UUID"] for one in mappings if one["FunctionArn"].split(":function:")[1].split(":")[0] == name]
    client.update_event_source_mapping(UUID=mapping, Enabled=False)
    try:
        yield
    finally:
        client.update_event_source_mapping(UUID=mapping, Enabled=True)


def failures(journey: Journey, function: str, subject: str) -> list[dict[str, Any]]:
    """The attempts of a function that failed."""
    return [line for line in journey.stack.logs.lines(function)
            if line.get("outcome") == "failed" and line.get("subject") == subject]


def seconds_between(one: dict[str, Any], other: dict[str, Any]) -> float:
    """Time between two calls."""
    return (datetime.fromisoformat(other["time"]) - datetime.fromisoformat(one["time"])).total_seconds()
