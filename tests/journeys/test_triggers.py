"""Whatever announces a deal, each announcement sets up exactly one project."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from local.connections import SIGNATURE

from ..contract.conftest import unique
from ..contract.senders import DocuSign, docusign_body
from .conftest import Journey
from .deal import Deal
from .waiting import active, quiet

APPROVED_QUOTE = {"hs_status": "APPROVED", "q2c_approved_at": "2026-11-02T15:00:00Z"}


def won(journey: Journey, deal: Deal) -> None:
    """The deal is closed as won."""
    accepted(journey.crm.win(deal.number))


def contract_activated(journey: Journey, deal: Deal) -> None:
    """The contract is approved and active."""
    accepted(journey.crm.announce(deal.number, contract_status="ACTIVATED"))


def sow_approved(journey: Journey, deal: Deal) -> None:
    """The statement of work is approved."""
    accepted(journey.crm.announce(deal.number, sow_status="APPROVED"))


def signed(journey: Journey, deal: Deal) -> None:
    """Everybody has signed."""
    assert post_signature(journey, deal.number).status_code == 202


def post_signature(journey: Journey, deal: str) -> requests.Response:
    """DocuSign tells that an envelope of a deal is completed."""
    sender = DocuSign(journey.stack.webhook_url(SIGNATURE))
    secret = journey.stack.secrets[SIGNATURE]["signing_secrets"][0]
    return sender.sign(secret, docusign_body(unique(), deal)).post()


def accepted(deliveries: list[dict[str, Any]]) -> None:
    """Something was notified, and the webhook took all of it."""
    assert deliveries, "nothing was notified"
    assert [d["answers"][-1]["status"] for d in deliveries] == [202] * len(deliveries), deliveries


ANNOUNCED: dict[str, Callable[[Journey, Deal], None]] = {
    "q2c.opportunity.won.v1": won,
    "q2c.contract.activated.v1": contract_activated,
    "q2c.sow.approved.v1": sow_approved,
    "q2c.signature.completed.v1": signed,
}


@pytest.mark.parametrize("event_type", ANNOUNCED)
def test_each_trigger_sets_up_one_project(journey: Journey, event_type: str) -> None:
    """Proves WFA-01 and EVT-03. Proves EVT-01 in part, EVT-04 in part, SCN-04 in part: one active project each."""
    deal = journey.deal()
    journey.crm.edit("quotes", deal.quote, **APPROVED_QUOTE)
    ANNOUNCED[event_type](journey, deal)
    active(deal)
    quiet(journey)
    assert len(deal.projects) == 1
    assert len(journey.announced(deal, event_type)) == 1
    assert not deal.exceptions(None)


def test_a_repeated_closed_won_is_one_project(journey: Journey) -> None:
    """Proves SCN-15. Proves WFA-32 in part: closed as won again and again, at once and afterwards."""
    deal = journey.deal()
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: won(journey, deal), range(4)))
    active(deal)
    won(journey, deal)
    quiet(journey)
    assert len(deal.projects) == 1
    assert len(journey.erp.parties(deal.customer_record["q2c_tax_id"])) == 1
    outcomes = sorted(item["outcome"] for item in deal.items("journal")
                      if item["event_type"] == "q2c.opportunity.won.v1")
    assert outcomes == ["applied", *["no-effect"] * 4]
    assert not deal.exceptions(None)


def test_all_triggers_at_once_are_one_project(journey: Journey) -> None:
    """Proves WFA-32 in part: quote, deal, contract, statement of work and signature at the same moment."""
    deal = journey.deal()
    journey.crm.edit("quotes", deal.quote, **APPROVED_QUOTE)
    with ThreadPoolExecutor(5) as pool:
        told = [pool.submit(tell, journey, deal) for tell in ANNOUNCED.values()]
        told.append(pool.submit(deal.approve))
        for announcement in told:
            announcement.result()
    active(deal)
    quiet(journey)
    assert len(deal.projects) == 1
    assert len(deal.items("workflow")) == 1
    assert not deal.exceptions(None)


def test_a_won_deal_without_an_approved_quote_is_held(journey: Journey) -> None:
    """Proves EVT-01 in part, WFA-02 in part: the quote is read back, whatever announced the deal."""
    deal = journey.deal()
    accepted(journey.crm.announce(deal.number, dealstage="closedwon"))
    deal.wait(deal.codes, 30, "the activation to be held")
    assert deal.codes() == ["Q2C-0101"]
    assert deal.status is None and not deal.projects
    deal.activate()
    deal.nothing_waits()


def test_an_envelope_without_a_deal_is_kept(journey: Journey) -> None:
    """Proves EXC-14 in part: accepted, so that nothing behind it waits, and kept for a person."""
    number = unique()
    sender = DocuSign(journey.stack.webhook_url(SIGNATURE))
    secret = journey.stack.secrets[SIGNATURE]["signing_secrets"][0]
    body = docusign_body(number).replace('"q2c_deal"', '"another_field"')
    assert sender.sign(secret, body).post().status_code == 202
    table = journey.stack.dynamodb.Table(journey.stack.table)

    def kept() -> list[dict[str, Any]]:
        found = table.query(
            IndexName="by-status", KeyConditionExpression="status_key = :key",
            ExpressionAttributeValues={":key": "tenant#northwind#exception#open#integration"},
        )["Items"]
        return [item for item in found if f"e-{number}" in item["payload"]]

    (exception,) = journey.stack.wait_for(kept, 15, "the exception")
    assert exception["status"] == "open"
