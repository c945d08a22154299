"""Who delivers an engagement, and where its project stands: set up by us, moved by people in the PSA, told to all."""

from __future__ import annotations

from typing import Any

from .conftest import Journey
from .deal import Deal
from .test_api import call
from .waiting import quiet

IN_PROGRESS, ON_HOLD, DONE = 300, 400, 500
STANDING = "q2c.project-status.changed.v1"
STAFFING = "q2c.staffing.changed.v1"


def test_roles_are_on_the_project_and_people_are_told(journey: Journey) -> None:
    """Proves CAN-13 in part, API-13 in part, WFA-20 and EVT-24: what was sold is on the project as roles that nobody
    fills; whoever is named there is told once, by an ID, and read back with role and rate."""
    deal = journey.deal().activate()
    sold = {(role["role"], role["service"]) for role in deal.state["contract"]["staffing"]}
    assert sold == {("consultant", "ADVISORY"), ("principal", "ADVISORY"), ("consultant", "IMPL")}
    resources = {row["id"]: row for row in deal.project["workspace_resources"]}
    assert len(resources) == 3 and not [row for row in resources.values() if row["user_id"]]
    kept = {one["record"]: one for one in delivery(deal)["assignments"]}
    assert set(kept) == set(resources) and {one["status"] for one in kept.values()} == {"open"}
    deal.wait(lambda: len(journey.announced(deal, STAFFING)) == 1, 30, "the assignments to be told")

    principal = next(record for record, one in kept.items() if one["role"] == "principal")
    journey.psa.misbehave(duplicates="new-id", order="reversed")
    try:
        journey.psa.name(principal, "Ada Lindqvist")
        journey.poll()
        deal.wait(lambda: assignment(deal, principal)["status"] == "named", 30, "the person to be known")
        journey.poll()
        quiet(journey)
    finally:
        journey.psa.misbehave(duplicates="none", order="created")
    deal.wait(lambda: len(journey.announced(deal, STAFFING)) == 2, 30, "the person to be told, once")
    assert "Ada" not in str(deal.items()), "people are kept by the PSA's IDs"
    status, shown = call(journey, "operations-app", "GET", f"/v1/engagements/{deal.engagement}/staffing")
    (one,) = [row for row in shown["assignments"] if row["record"] == principal]
    assert (status, one["role"], one["hourly"]["amount"]) == (200, "principal", "260.00")
    assert one["person"] == journey.psa.records("workspace_resources")[principal]["user_id"]

    journey.psa.remove(principal)
    journey.poll()
    deal.wait(lambda: assignment(deal, principal)["status"] == "removed", 30, "the role to be gone")
    deal.nothing_waits()


def test_a_project_that_stops_is_told_and_bills_on(journey: Journey) -> None:
    """Proves EVT-07: each status is told once and shown; a stop waits for a person until the project goes on, and what
    was delivered is billed meanwhile."""
    deal = journey.deal().activate()
    project = deal.project["id"]
    for status, name in ((IN_PROGRESS, "In Progress"), (ON_HOLD, "On Hold")):
        journey.psa.stand(project, status)
        journey.poll()
        deal.wait(lambda name=name: delivery(deal).get("status", {}).get("status") == name, 30, f"{name} to be known")
    deal.wait(lambda: deal.codes() == ["Q2C-0604"], 20, "somebody to be told")
    (stopped,) = deal.exceptions()
    assert (stopped["owner"], stopped["at_stake"]["amount"]) == ("contracts", "50000.00")
    assert call(journey, "sales-app", "GET", f"/v1/engagements/{deal.engagement}")[1]["project"]["status"] == "On Hold"
    deal.billed(60)
    journey.psa.stand(project, DONE)
    journey.poll()
    deal.nothing_waits()
    deal.wait(lambda: len(journey.announced(deal, STANDING)) == 3, 30, "each status to be told")
    told = [event["data"]["status"]["status"] for event in journey.announced(deal, STANDING)]
    assert sorted(told) == ["Done", "In Progress", "On Hold"]


def delivery(deal: Deal) -> dict[str, Any]:
    """What is kept of its project and of who is on it."""
    return next(iter(deal.items("delivery")), {})


def assignment(deal: Deal, record: str) -> dict[str, Any]:
    """One of its assignments."""
    (found,) = [one for one in delivery(deal)["assignments"] if one["record"] == record]
    return found
