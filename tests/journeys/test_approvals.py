"""A price below policy waits for the one who may allow it, and nothing is written anywhere before."""

from __future__ import annotations

import datetime
import json
import os
import subprocess
from pathlib import Path
from typing import Any

from local import paths
from local.connections import TENANT

from .conftest import Journey
from .deal import Deal
from .test_activation_checks import FEE, RATE
from .waiting import quiet, run

RUNBOOK = paths.ROOT / "docs" / "operations.md"
SECTION = "## Approvals"
PUT = "aws events put-events --entries file://entries.json"
REQUESTED, REMINDED = "q2c.approval.requested.v1", "q2c.approval.reminded.v1"
EXPIRED = "q2c.approval.expired.v1"
LOW = [FEE, {**RATE, "price": "90.00", "amount": "90.00"}]


def test_an_allowed_price_is_set_up_as_it_was_shown(journey: Journey, tmp_path: Path) -> None:
    """Proves WFA-12, WFE-01, WFE-02 in part, EVT-25 in part: asked of sales operations, told on the bus, untouched until
    then; allowed, the very same quote is set up once; who allowed it stands in the record."""
    deal = asking(journey)
    (asked,) = deal.items("approval")
    assert (asked["what"], asked["asked_of"]) == ("price-below-policy", "sales-operations")
    assert "90.00" in asked["detail"] and asked["at_stake"] == {"amount": "20090.00", "currency": "USD"}
    (told,) = deal.wait(lambda: journey.announced(deal, REQUESTED), 15, "the question on the bus")
    assert told["data"]["approval"] == asked["approval"] and told["data"]["asked_of"] == "sales-operations"
    assert asked["approval"] in {item["approval"] for item in open_approvals(journey)}

    decide(journey, deal, tmp_path, VERDICT="approved")
    deal.wait(lambda: deal.status == "active", 60, "the engagement to be active")
    assert [rate["hourly"]["amount"] for rate in deal.state["contract"]["rate_card"]["rates"]] == ["90.00"]
    (accepted,) = [item for item in deal.items("step") if item["step"] == "accept"]
    assert asked["approval"] in accepted["summary"]
    (answered,) = deal.items("approval")
    assert (answered["status"], answered["decided_by"]) == ("approved", "sales-director")
    deal.wait(lambda: not deal.items("parked"), 20, "the approval of the quote to be let go")
    assert asked["approval"] not in {item["approval"] for item in open_approvals(journey)}

    decide(journey, deal, tmp_path, VERDICT="approved")
    deal.approve()
    quiet(journey)
    assert len(deal.items("approval")) == len(deal.projects) == 1 and deal.codes() == []


def test_a_refused_price_is_an_exception_until_it_is_corrected(journey: Journey, tmp_path: Path) -> None:
    """Proves WFE-01 in part, WFA-12 in part: a no is the exception, with its reason, and nothing was written."""
    deal = asking(journey)
    with untouched(journey):
        decide(journey, deal, tmp_path, VERDICT="rejected", WHY="we lose money")
        deal.wait(lambda: deal.codes() == ["Q2C-0109"], 30, "the exception")
        deal.wait(lambda: run(deal, "activation") == "held", 10, "the run to end")
    (exception,) = deal.exceptions()
    assert exception["owner"] == "sales-operations"
    assert "90.00" in exception["detail"] and "rejected by sales-director: we lose money" in exception["detail"]
    journey.crm.edit("line_items", deal.quote_lines[-1], price="120.00", amount="120.00")
    deal.activate()
    deal.nothing_waits()
    assert deal.items("parked") == []


def test_only_who_was_asked_decides(journey: Journey, tmp_path: Path) -> None:
    """Proves WFE-01 in part: another function of the firm allows nothing, and is told so."""
    deal = asking(journey)
    with untouched(journey):
        decide(journey, deal, tmp_path, VERDICT="approved", ROLE="tax", BY="tax-desk")
        deal.wait(lambda: deal.codes() == ["Q2C-0202"], 30, "the exception")
    assert [item["status"] for item in deal.items("approval")] == ["requested"]
    decide(journey, deal, tmp_path, VERDICT="approved")
    deal.wait(lambda: deal.status == "active", 60, "the engagement to be active")


def test_a_changed_price_is_asked_for_anew(journey: Journey, tmp_path: Path) -> None:
    """Proves WFE-01 in part: what was allowed is one price; another one needs another answer."""
    deal = asking(journey)
    (first,) = deal.items("approval")
    journey.crm.edit("line_items", deal.quote_lines[-1], price="45.00", amount="45.00")
    with untouched(journey):
        decide(journey, deal, tmp_path, VERDICT="approved")
        deal.wait(lambda: len(deal.items("approval")) == 2, 30, "the new question")
        deal.wait(lambda: run(deal, "activation") == "held", 10, "the run to end")
    (second,) = [item for item in deal.items("approval") if item["approval"] != first["approval"]]
    assert second["status"] == "requested" and "45.00" in second["detail"]
    decide(journey, deal, tmp_path, APPROVAL=second["approval"], VERDICT="approved")
    deal.wait(lambda: deal.status == "active", 60, "the engagement to be active")
    assert len(deal.projects) == 1


def test_what_nobody_answers_is_reminded_of_and_ends(journey: Journey) -> None:
    """Proves WFE-01 in part: reminded once, however often the clock's run comes; in the end no answer is a no."""
    deal = asking(journey)
    past = datetime.datetime.now(datetime.UTC) - datetime.timedelta(hours=25)
    age(journey, deal, requested_at=past, remind_at=past + datetime.timedelta(hours=24))
    for _ in range(2):
        remind(journey)
    deal.wait(lambda: journey.announced(deal, REMINDED), 15, "the reminder on the bus")
    assert [item["reminders"] for item in deal.items("approval")] == [1]
    age(journey, deal, expires_at=past)
    with untouched(journey):
        for _ in range(2):
            remind(journey)
        deal.wait(lambda: deal.codes() == ["Q2C-0109"], 30, "the exception")
    assert "did not answer in time" in deal.exceptions()[0]["detail"]
    assert (len(journey.announced(deal, REMINDED)), len(journey.announced(deal, EXPIRED))) == (1, 1)
    assert [item["status"] for item in deal.items("approval")] == ["expired"]


def asking(journey: Journey) -> Deal:
    """A deal whose only flaw is a rate below the policy, waiting for its answer; nothing was written anywhere."""
    deal = journey.deal(line_items=LOW)
    with untouched(journey):
        deal.approve()
        deal.wait(lambda: deal.items("approval"), 30, "the question")
        deal.wait(lambda: run(deal, "activation") == "held", 10, "the run to end")
    assert deal.codes() == [] and deal.status is None
    assert len(deal.items("parked")) == 1
    return deal


class untouched:  # noqa: N801  (reads as a statement: with untouched(journey))
    """The books of all three systems stay as they are meanwhile."""

    def __init__(self, journey: Journey) -> None:
        self._journey = journey

    def __enter__(self) -> None:
        self._before = self._journey.erp.counts(), self._journey.crm.last_call(), self._journey.psa.last_call()

    def __exit__(self, failed: Any, *_: Any) -> None:
        if failed:
            return
        books, crm, psa = self._before
        assert self._journey.erp.counts() == books, "the ERP's books changed"
        assert self._journey.psa.writes(psa) == [], "the PSA was written to"
        deals = tuple(deal.number for deal in self._journey.deals)
        written = [call for call in self._journey.crm.writes(crm) if any(number in call["path"] for number in deals)]
        assert written == [], "the CRM was written to"


def decide(journey: Journey, deal: Deal, directory: Path, **said: str) -> None:
    """Do what the runbook says, to the letter, but for what is decided."""
    first, *script, last = runbook()
    assert first.startswith("APPROVAL=") and last == PUT
    asked = next(item["approval"] for item in deal.items("approval"))
    given = {"STACK": journey.stack.stack.name, "TENANT": TENANT, "ENGAGEMENT": deal.engagement, "APPROVAL": asked,
             "ROLE": "sales-operations", "BY": "sales-director", "WHY": "the first deal with them", **said}
    subprocess.run(["bash", "-euc", "\n".join(script)], cwd=directory, env={**os.environ, **given}, check=True)
    entries = json.loads((directory / "entries.json").read_text(encoding="utf-8"))
    answer = journey.stack.client("events").put_events(Entries=entries)
    assert answer["FailedEntryCount"] == 0, answer


def runbook() -> list[str]:
    """The lines of the section's last commands: those that answer."""
    section = RUNBOOK.read_text(encoding="utf-8").partition(f"{SECTION}\n")[2].partition("\n## ")[0]
    return section.rpartition("```sh\n")[2].partition("\n```")[0].splitlines()


def remind(journey: Journey) -> None:
    """Let the clock's part be done now."""
    answer = journey.stack.client("lambda").invoke(FunctionName=journey.stack.stack.function("remind"), Payload=b"{}")
    said = answer["Payload"].read().decode()
    assert "FunctionError" not in answer, said


def age(journey: Journey, deal: Deal, **times: datetime.datetime) -> None:
    """Make an approval older than it is, as the table and its index have it."""
    (item,) = deal.items("approval")
    changed = {name: time.isoformat().replace("+00:00", "Z") for name, time in times.items()}
    due = min(str(changed.get(name, item[name])) for name in ("remind_at", "expires_at"))
    values = {**changed, "status_at": due}
    journey.stack.dynamodb.Table(journey.stack.table).update_item(
        Key={"pk": item["pk"], "sk": item["sk"]},
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
        ExpressionAttributeNames={f"#{name}": name for name in values},
        ExpressionAttributeValues={f":{name}": value for name, value in values.items()},
    )


def open_approvals(journey: Journey) -> list[dict[str, Any]]:
    """What the runbook's list shows."""
    table = journey.stack.dynamodb.Table(journey.stack.table)
    return table.query(
        IndexName="by-status", KeyConditionExpression="status_key = :key",
        ExpressionAttributeValues={":key": f"tenant#{TENANT}#approval#requested"},
    )["Items"]
