"""What becomes of a posted invoice: told once, and shown where account teams look."""

from __future__ import annotations

import datetime
import json
from decimal import Decimal

from local import connections
from local.connections import TENANT

from .conftest import Journey
from .deal import Deal, Item, money
from .test_api import call
from .test_disputes import contest, decide, stands

TOLD = "q2c.collections.changed.v1"
LONG_AGO = "2020-01-01T00:00:00Z"


def age(journey: Journey) -> None:
    """Look what has become of invoices, as the hourly schedule does."""
    answer = journey.stack.client("lambda").invoke(
        FunctionName=journey.stack.stack.function("age-receivables"), Payload=b"{}",
    )
    said = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, said


def grow_old(journey: Journey, deal: Deal, invoice: Item, overdue: int) -> None:
    """Make an invoice so many days overdue, as if it had been posted earlier, and due to be looked at."""
    (days,) = [term["days"] for term in connections.tenant()["payment_terms"] if term["code"] == invoice["payment_terms"]]
    posted = datetime.datetime.now(datetime.UTC).date() - datetime.timedelta(days=days + overdue)
    write(journey, deal, f"invoice#{invoice['invoice']}", "SET invoiced_on = :day", {":day": posted.isoformat()})
    write(
        journey, deal, f"collections#{invoice['invoice']}", "SET look_at = :at, status_at = :at, status_key = :key",
        {":at": LONG_AGO, ":key": f"tenant#{TENANT}#collections"},
    )


def write(journey: Journey, deal: Deal, sk: str, update: str, values: dict[str, str]) -> None:
    """Change an item of a deal by hand."""
    where = {"pk": {"S": f"tenant#{TENANT}#engagement#{deal.engagement}"}, "sk": {"S": sk}}
    journey.dynamodb.update_item(
        TableName=journey.stack.table, Key=where, UpdateExpression=update,
        ExpressionAttributeValues={name: {"S": value} for name, value in values.items()},
    )


def shows(deal: Deal, **expected: str) -> bool:
    """Whether the deal in the CRM shows these of collections; amounts by their value."""
    seen = {name: deal.in_crm.get(f"q2c_{name}") or "" for name in expected}
    return all(
        Decimal(seen[name] or "-1") == Decimal(value) if name.endswith("_amount") else seen[name] == value
        for name, value in expected.items()
    )


def in_psa(deal: Deal, invoice: Item) -> str:
    """What the project says of an invoice's collections."""
    references = deal.project["external_references"]
    (found,) = [one for one in references if one["service_model_ref"] == invoice["invoice"]]
    return found["external_status"] or ""


def test_an_invoice_grows_old_and_is_settled(journey: Journey) -> None:
    """Proves EVT-21, PAY-04 in part, WFD-03 in part: not due, overdue for 31 to 60 days, contested, owed again, and paid;
    each told once, and shown on the deal with the risk, and on the project."""
    deal = journey.deal().activate()
    invoice = deal.billed()
    total = str(money(invoice["total"]))
    age(journey)
    deal.wait(lambda: shows(deal, collections_status="current", collections_risk="low", open_amount=total), 30,
              "the deal to show what is open")
    deal.wait(lambda: in_psa(deal, invoice).startswith("not due"), 20, "the project to show it")

    grow_old(journey, deal, invoice, 45)
    age(journey)
    deal.wait(lambda: shows(deal, collections_status="overdue", collections_age="31-60", collections_risk="high",
                            overdue_amount=total), 30, "the deal to show what is overdue")
    deal.wait(lambda: in_psa(deal, invoice).startswith("overdue 31-60 days"), 20, "the project to show it")
    seen = call(journey, "finance-app", "GET", f"/v1/invoices/{invoice['invoice']}")[1]["collections"]
    assert (seen["status"], seen["age"]) == ("overdue", "31-60"), "one rule for what is read and what is told"
    age(journey)

    asked = contest(journey, invoice, "1", "scope")[1]
    deal.wait(lambda: stands(deal, asked["dispute"], "open"), 30, "the dispute to be recorded")
    age(journey)
    deal.wait(lambda: shows(deal, disputed_amount=total, overdue_amount="0", collections_risk="low"), 30,
              "the deal to show what is contested")
    assert decide(journey, invoice, asked["dispute"], "1", "rejected")[0] == 202
    deal.wait(lambda: stands(deal, asked["dispute"], "rejected"), 30, "the dispute to end")
    age(journey)
    deal.wait(lambda: shows(deal, disputed_amount="0", collections_risk="high"), 30, "the deal to show it as owed")

    deal.paid(invoice)
    deal.settled(invoice)
    age(journey)
    deal.wait(lambda: shows(deal, collections_status="settled", open_amount="0", overdue_amount="0",
                            collections_age="not-due", collections_risk="low"), 30, "the deal to show that it is settled")
    deal.wait(lambda: in_psa(deal, invoice) == "settled", 20, "the project to show it")
    deal.wait(lambda: len(journey.announced(deal, TOLD)) >= 5, 20, "every change to be told")
    told = [event["data"] for event in journey.announced(deal, TOLD)]
    assert sorted(one["change"] for one in told) == [1, 2, 3, 4, 5], "each change once, however often somebody looked"
    said = {one["change"]: one["collections"]["status"] for one in told}
    assert [said[n] for n in range(1, 6)] == ["current", "overdue", "overdue", "overdue", "settled"]
    assert not deal.exceptions(None)
