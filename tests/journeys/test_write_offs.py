"""Delivered work that finance decides not to bill."""

from __future__ import annotations

from .conftest import Journey
from .deal import CONSULTANT, M1, Item, money
from .test_api import call


def test_what_is_written_off_is_not_invoiced(journey: Journey) -> None:
    """Proves BIL-11, EVT-14 in part: asked for by API, once; the invoice after it bills the rest, in the ERP as well."""
    deal = journey.deal().activate()
    deal.deliver(60, 30, milestone="")
    deal.wait(lambda: len(deal.lines) == 2, 30, "the lines")
    (hour,) = (line for line in deal.lines if money(line["amount"]) == CONSULTANT)
    path = f"/v1/engagements/{deal.engagement}/write-offs"
    body = {"lines": [hour["line"]], "reason": "the customer does not accept it"}
    status, answer = call(journey, "finance-app", "POST", path, body, f"{deal.number}-w")
    assert (status, money(answer["amount"])) == (202, CONSULTANT)
    assert call(journey, "finance-app", "POST", path, body, f"{deal.number}-w") == (202, answer)

    def written_off() -> Item | None:
        return next((line for line in deal.lines if line["status"] == "written-off"), None)

    assert deal.wait(written_off, 30, "the write-off")["write_off"] == answer["write_off"]
    refused = call(journey, "finance-app", "POST", path, body, f"{deal.number}-w2")
    assert refused[0] == 409 and "written-off" in refused[1]["detail"]
    assert len(journey.announced(deal, "q2c.write-off.recorded.v1")) == 1

    invoice = deal.billed()
    assert money(invoice["untaxed"]) == M1 + CONSULTANT / 2
    (posted,) = journey.erp.invoices(deal.customer)
    assert posted["untaxed_amount"] == M1 + CONSULTANT / 2
    assert sorted(line["status"] for line in deal.lines) == ["invoiced", "invoiced", "written-off"]
    assert not deal.exceptions(None)
