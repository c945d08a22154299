"""Conditions that several journeys wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .deal import Deal

if TYPE_CHECKING:
    from .conftest import Journey
    from .sandboxes import Sandbox


def quiet(journey: Journey) -> None:
    """Wait until no queue holds or works on anything."""
    journey.stack.wait_for(lambda: not journey.stack.queues.waiting(), 60, "the queues to be empty")


def fault_hit(journey: Journey, sandbox: Sandbox, times: int = 1) -> None:
    """Wait until calls met the fault that was asked for."""
    journey.stack.wait_for(
        lambda: sum(fault["hits"] for fault in sandbox.get("/faults")["faults"]) >= times, 30,
        "a call to meet the fault",
    )


def active(deal: Deal, seconds: float = 60) -> None:
    """Wait until an engagement is active and the CRM shows it."""
    deal.wait(lambda: deal.status == "active", seconds, "the engagement to be active")
    deal.wait(lambda: deal.in_crm.get("q2c_engagement_status") == "active", 40, "the CRM to show it")


def run(deal: Deal, workflow: str) -> str | None:
    """Where a workflow's run stands."""
    return next((item["status"] for item in deal.items("workflow") if item["workflow"] == workflow), None)


def step(deal: Deal, workflow: str, name: str) -> str | None:
    """Where a step stands."""
    found = [item for item in deal.items("step") if (item["workflow"], item["step"]) == (workflow, name)]
    return found[0]["state"] if found else None
