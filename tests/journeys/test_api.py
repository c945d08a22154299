"""The API of people's apps, deployed: asked to set a deal up, asked again, read from, and refused by."""

from __future__ import annotations

from typing import Any

import pytest
import requests

from local.connections import CRM, PSA, token

from .conftest import Journey
from .deal import Deal
from .waiting import quiet

SECONDS = 30


def call(
    journey: Journey, caller: str, method: str, path: str, body: Any = None, key: str = "",
) -> tuple[int, dict[str, Any]]:
    """Status and body of a call."""
    headers = {"Authorization": f"Bearer {token(journey.stack.stack, caller)}"}
    if key:
        headers["Idempotency-Key"] = key
    answer = requests.request(method, f"{journey.stack.api_url}{path}", json=body, headers=headers, timeout=SECONDS)
    return answer.status_code, answer.json()


def activate(journey: Journey, deal: Deal, key: str) -> tuple[int, dict[str, Any]]:
    """Ask for the activation of a deal."""
    return call(journey, "sales-app", "POST", "/v1/engagements", {"connection": CRM, "deal": deal.number}, key)


def test_a_deal_is_set_up_and_billed_by_calls(journey: Journey) -> None:
    """Proves API-06, API-08, API-12, API-21 in part: asked for by key, once, and read back as it then stands."""
    deal = journey.deal()
    deal.approve()
    status, first = activate(journey, deal, f"{deal.number}-1")
    assert (status, first["engagement"]) == (202, deal.engagement)
    assert activate(journey, deal, f"{deal.number}-1") == (202, first)
    assert call(journey, "sales-app", "POST", "/v1/engagements", {"connection": CRM, "deal": "1"},
                f"{deal.number}-1")[0] == 409
    path = f"/v1/engagements/{deal.engagement}"
    deal.wait(lambda: call(journey, "sales-app", "GET", path)[1].get("status") == "active", 60, "the activation")

    entry = {
        "approved": True, "connection": PSA, "entry": f"api-{deal.number}", "project": deal.project["id"],
        "task": None, "person": "Ben Okafor", "role": "consultant", "worked_on": "2026-11-20", "minutes": 60,
        "billable": True, "notes": None,
    }
    refused = call(journey, "bot", "POST", f"{path}/time", {"entries": [{**entry, "approved": False}]}, "time")
    assert (refused[0], refused[1]["code"]) == (422, "Q2C-1012")
    assert call(journey, "bot", "POST", f"{path}/time", {"entries": [entry]}, f"{deal.number}-2")[0] == 202
    deal.wait(lambda: len(deal.lines) == 1, 30, "the line of the entry")
    assert call(journey, "finance-app", "POST", f"{path}/invoices", {"reason": "asked for"}, f"{deal.number}-3")[0] == 202
    posted = deal.posted()
    status, shown = call(journey, "finance-app", "GET", f"/v1/invoices/{posted['invoice']}")
    assert (status, shown["invoice"]["number"]) == (200, posted["number"])
    assert shown["open"] == posted["total"]

    quiet(journey)
    sent = [e for e in journey.announced(deal, "q2c.quote.approved.v1") if e["source"].endswith("/callers/sales-app")]
    assert len(sent) == 1, "one request, one event"
    audit = [item for item in deal.items("journal") if item["event_type"] == "q2c.api.request.v1"]
    assert sorted(item["summary"].split()[0] for item in audit) == ["bot", "finance-app", "sales-app"]
    timeline = call(journey, "operations-app", "GET", f"{path}/timeline")[1]["entries"]
    assert {"journal", "step", "line", "invoice"} <= {entry["kind"] for entry in timeline}
    customer = call(journey, "sales-app", "GET", f"/v1/customers/{deal.customer}")
    assert (customer[0], customer[1]["may_be_sold_to"]) == (200, True)


def test_a_quote_is_checked_before_anything_is_made(journey: Journey) -> None:
    """Proves API-04 in part: the checks answer at once and leave nothing behind."""
    deal = journey.deal()
    status, found = call(journey, "sales-app", "GET", f"/v1/quotes/{CRM}/{deal.number}/checks")
    assert (status, found["approved"], found["passes"]) == (200, False, False)
    assert "Q2C-0101" in {finding["code"] for finding in found["findings"]}
    assert deal.items() == [] and deal.projects == []
    assert call(journey, "sales-app", "GET", f"/v1/engagements/{deal.engagement}")[0] == 404
    status, listed = call(journey, "operations-app", "GET", "/v1/exceptions?owner=sales-operations")
    assert status == 200 and isinstance(listed["exceptions"], list)


@pytest.mark.parametrize(("caller", "method", "path", "expected"), [
    ("sales-app", "GET", "/v1/invoices/inv_1", (403, "Q2C-1002")),
    ("finance-app", "POST", "/v1/engagements/eng_1/withdrawal", (403, "Q2C-1002")),
    ("finance-app", "GET", "/v1/invoices/inv_1", (404, "Q2C-1005")),
    ("finance-app", "POST", "/v1/engagements/eng_1/invoices", (400, "Q2C-1009")),
])
def test_a_call_that_is_not_taken_has_the_one_form(
    journey: Journey, caller: str, method: str, path: str, expected: tuple[int, str],
) -> None:
    """Proves API-22 in part, SEC-04 in part: refused by role, by record, by form, through the deployed gateway."""
    status, body = call(journey, caller, method, path, {} if method == "POST" else None)
    assert (status, body["code"]) == expected
    assert set(body) == {"code", "owner", "retryable", "remedy", "detail"}


def test_without_a_token_nobody_is_answered(journey: Journey) -> None:
    """Proves SEC-01 in part: through the gateway too, a call without a token learns nothing."""
    answer = requests.get(f"{journey.stack.api_url}/v1/catalog", timeout=SECONDS)
    assert (answer.status_code, answer.json()["code"]) == (401, "Q2C-1001")
