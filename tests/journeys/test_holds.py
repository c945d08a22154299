"""What can't be billed yet is held with a reason, and goes on once it is released: through the API, to the real ERP."""

from __future__ import annotations

import json
from typing import Any

from .conftest import Journey
from .deal import Deal
from .test_api import call
from .waiting import quiet


def test_a_held_line_is_on_no_invoice_until_it_is_released(journey: Journey) -> None:
    """Proves BIL-17 in part, BIL-23 in part, WFC-07 in part: held with reason and owner, left out, shown, billed once."""
    deal = journey.deal().activate()
    deal.deliver(450, milestone="")
    (line,) = deal.wait(lambda: deal.lines, 30, "the line of the entry")
    path = f"/v1/engagements/{deal.engagement}"
    assert ready(journey, deal)["score"] == 100

    asked = {"reason": "the customer disputes it", "owner": "sales-operations"}
    answer = call(journey, "finance-app", "POST", f"{path}/lines/{line['line']}/hold", asked, f"{deal.number}-hold")
    assert answer[0] == 202
    deal.wait(lambda: status_of(deal, line) == "held", 30, "the line to be held")
    assert deal.codes() == ["Q2C-0406"]
    shown = ready(journey, deal)
    assert (shown["score"], shown["blockers"][0]["owner"]) == (0, "sales-operations")
    assert shown["held"][0]["hold"]["held_by"] == "finance-app"

    run_invoices(journey)
    assert status_of(deal, line) == "held", "what a person holds, no run releases"
    first = deal.billed(milestone="M1")
    assert first["line_count"] == 1, "the milestone alone"
    refused = call(journey, "finance-app", "POST", f"/v1/invoices/{first['invoice']}/hold", asked, f"{deal.number}-late")
    assert refused[0] == 409

    released = {"reason": "it is settled"}
    for _ in range(2):
        answer = call(
            journey, "finance-app", "POST", f"{path}/lines/{line['line']}/release", released, f"{deal.number}-release",
        )
        assert answer[0] == 202
    deal.wait(lambda: status_of(deal, line) == "ready", 30, "the line to be ready")
    asked_for = call(journey, "finance-app", "POST", f"{path}/invoices", {"reason": "the rest"}, f"{deal.number}-rest")
    assert asked_for[0] == 202
    second = deal.posted({first["invoice"]})
    assert (second["line_count"], second["untaxed"]) == (1, line["amount"])
    quiet(journey)
    assert deal.codes() == [] and len(deal.invoices) == 2


def ready(journey: Journey, deal: Deal) -> dict[str, Any]:
    """What can be billed, as the API shows it."""
    status, shown = call(journey, "finance-app", "GET", f"/v1/engagements/{deal.engagement}/billing-readiness")
    assert status == 200
    return shown


def run_invoices(journey: Journey) -> None:
    """Look at what is held and at monthly policies, as the hourly schedule does."""
    function = journey.stack.stack.function("invoice-run")
    answer = journey.stack.client("lambda").invoke(FunctionName=function, Payload=b"{}")
    said = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, said


def status_of(deal: Deal, line: dict[str, Any]) -> str:
    """Where a line stands now."""
    return next(item["status"] for item in deal.items("line") if item["line"] == line["line"])
