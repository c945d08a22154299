"""An engagement that is withdrawn while it is being set up leaves nothing behind, and never comes back."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

from local import paths
from local.connections import TENANT

from .conftest import Journey
from .deal import Deal
from .waiting import quiet, run

RUNBOOK = paths.ROOT / "docs" / "operations.md"
SECTION = "## Withdraw an engagement that is still being set up"
WITHDRAWAL = "q2c.withdrawal.requested.v1"
PUT = "aws events put-events --entries file://entries.json"


def test_what_was_set_up_is_taken_back(journey: Journey, tmp_path: Path) -> None:
    """Proves RES-06 in part, RES-20 in part: a refused activation that is withdrawn ends compensated, in ERP, PSA and
    journal alike; what is told again or approved afterwards builds nothing."""
    deal = held(journey)
    assert not deal.project["archived"]
    assert len(plans(journey, deal)) == 1
    withdraw(journey, deal, tmp_path)
    deal.wait(lambda: deal.status == "withdrawn", 30, "the engagement to be withdrawn")
    assert_gone(journey, deal)
    deal.nothing_waits()

    ended, after = deal.items(), journey.psa.last_call()
    withdraw(journey, deal, tmp_path)
    deal.wait(lambda: len(journey.announced(deal, WITHDRAWAL)) == 2, 20, "the withdrawal to be on the bus again")
    deal.wait(lambda: len(told(journey, deal)) == 2, 20, "the withdrawal to be taken again")
    quiet(journey)
    assert [line["outcome"] for line in told(journey, deal)] == ["applied", "duplicate"]
    assert deal.items() == ended

    deal.approve()
    deal.wait(deal.codes, 20, "the exception")
    quiet(journey)
    assert deal.codes() == ["Q2C-0112"]
    assert journey.psa.writes(after) == []
    assert_gone(journey, deal)


def test_work_that_waited_for_the_engagement_waits_for_a_person(journey: Journey, tmp_path: Path) -> None:
    """Proves RES-20 in part: early work on an engagement that is withdrawn is neither billed nor forgotten."""
    deal = held(journey)
    deal.deliver(60, milestone="")
    deal.wait(lambda: len(deal.items("parked")) == 1, 20, "the time to be parked")
    withdraw(journey, deal, tmp_path)
    deal.wait(lambda: deal.codes() == ["Q2C-0202"], 30, "the work's exception in place of the activation's")
    assert "which was withdrawn" in deal.exceptions()[0]["detail"]
    assert deal.items("parked") == deal.lines == []
    assert_gone(journey, deal)


def test_an_active_engagement_is_not_withdrawn(journey: Journey, tmp_path: Path) -> None:
    """Proves RES-20 in part: what is complete stays complete; a person is told."""
    deal = journey.deal().activate()
    withdraw(journey, deal, tmp_path)
    deal.wait(deal.codes, 20, "the exception")
    quiet(journey)
    assert deal.codes() == ["Q2C-0202"]
    assert (deal.status, run(deal, "activation")) == ("active", "completed")
    assert not deal.project["archived"] and len(plans(journey, deal)) == 1


def held(journey: Journey) -> Deal:
    """A deal whose rate card the PSA refuses, after customer, billing plan and project were made."""
    deal = journey.deal()
    with journey.psa.fault("status", method="POST", path="/api/v1/rate_card_sets", status=422):
        deal.approve()
        deal.wait(lambda: run(deal, "activation") == "held", 40, "the run to be held")
    assert deal.codes() == ["Q2C-0901"]
    assert deal.status == "activating"
    return deal


def withdraw(journey: Journey, deal: Deal, directory: Path) -> None:
    """Do what the runbook says, to the letter; without its CLI, the last line is the same call by another client."""
    *script, last = runbook()
    assert last == PUT
    given = {"STACK": journey.stack.stack.name, "TENANT": TENANT, "ENGAGEMENT": deal.engagement}
    subprocess.run(["bash", "-euc", "\n".join(script)], cwd=directory, env={**os.environ, **given}, check=True)
    entries = json.loads((directory / "entries.json").read_text(encoding="utf-8"))
    answer = journey.stack.client("events").put_events(Entries=entries)
    assert answer["FailedEntryCount"] == 0, answer


def runbook() -> list[str]:
    """The lines of the section's commands."""
    section = RUNBOOK.read_text(encoding="utf-8").partition(f"{SECTION}\n")[2].partition("\n## ")[0]
    return section.partition("```sh\n")[2].partition("\n```")[0].splitlines()


def assert_gone(journey: Journey, deal: Deal) -> None:
    """Undone in reverse, and over: no project to work on, no plan to bill by."""
    assert deal.project["archived"]
    assert plans(journey, deal) == []
    assert (run(deal, "activation"), deal.status) == ("compensated", "withdrawn")
    steps = [item for item in deal.items("step") if item["state"] == "undone"]
    assert {"customer", "billing-plan", "project", "milestone M1"} <= {item["step"] for item in steps}
    undone = [item["position"] for item in steps]
    assert undone == sorted(undone, reverse=True), "in reverse"


def plans(journey: Journey, deal: Deal) -> list[dict[str, Any]]:
    """Its billing plans in the ERP."""
    return journey.erp.by_external_id("project.work", deal.engagement)


def told(journey: Journey, deal: Deal) -> list[dict[str, Any]]:
    """What became of the withdrawals of a deal, in order."""
    return [line for line in journey.stack.logs.lines("quote-approved")
            if (line.get("subject"), line.get("event_type")) == (deal.engagement, WITHDRAWAL)]
