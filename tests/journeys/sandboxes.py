"""The stand-ins of CRM and PSA: what people do in them, the faults they are asked for, and what they saw."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from local.calls import request_json

Record = dict[str, Any]


class Sandbox:
    """The control API that both have."""

    def __init__(self, base: str):
        self.control = f"{base}/_sandbox"

    def post(self, path: str, /, **body: Any) -> Any:
        """A control call."""
        return request_json("POST", self.control + path, body)

    def get(self, path: str) -> Any:
        """A control call that only reads."""
        return request_json("GET", self.control + path)

    def records(self, collection: str) -> dict[str, Record]:
        """All records of a collection by id."""
        return self.get("/dump")["records"].get(collection, {})

    def writes(self, after: int = 0) -> list[Record]:
        """The mutating calls that it received since a call of that number."""
        return self.get(f"/calls?after={after}")["calls"]

    def last_call(self) -> int:
        """The number of the latest mutating call."""
        return max((call["n"] for call in self.writes()), default=0)

    @contextmanager
    def fault(self, mode: str, **more: Any) -> Iterator[None]:
        """Misbehave at matching calls; no fault is left behind. Fails when none was hit: nothing was tested then."""
        self.post("/faults", mode=mode, **more)
        try:
            yield
            listed = self.get("/faults")["faults"]
            assert all(fault["hits"] for fault in listed), f"no call met the fault: {listed}"
        finally:
            self.clear_faults()

    def clear_faults(self) -> None:
        """Behave again."""
        request_json("DELETE", f"{self.control}/faults")

    def limit_rate(self, limit: int, seconds: float = 10) -> None:
        """Take that many calls in that many seconds; 0 for any number."""
        request_json("PUT", f"{self.control}/rate_limit", {"limit": limit, "window_seconds": seconds})


class Crm(Sandbox):
    """HubSpot's stand-in."""

    def properties(self, kind: str, record: str) -> Record:
        """A record's properties."""
        return self.records(kind)[record]["properties"]

    def edit(self, kind: str, record: str, **properties: str | None) -> Record:
        """What a sales person corrects, without any notification."""
        body = {"properties": properties, "notify": False}
        return request_json("PATCH", f"{self.control}/objects/{kind}/{record}", body)

    def report(self, kind: str, record: str, **properties: str | None) -> list[Record]:
        """What a sales person changes, with the notification; returns its deliveries with their answers."""
        body = {"properties": properties}
        return request_json("PATCH", f"{self.control}/objects/{kind}/{record}", body)["deliveries"]

    def approve(self, deal: str, **variation: Any) -> list[Record]:
        """Approve a deal's quote; returns the deliveries of the notification with their answers."""
        return self.post(f"/deals/{deal}/approve", **variation)["deliveries"]

    def win(self, deal: str, **variation: Any) -> list[Record]:
        """Close a deal as won, its quote approved; returns the deliveries of the notification."""
        return self.post(f"/deals/{deal}/win", **variation)["deliveries"]

    def announce(self, deal: str, **properties: str) -> list[Record]:
        """Change properties of a deal, as people do; returns the deliveries of the notifications."""
        return request_json("PATCH", f"{self.control}/objects/deals/{deal}", {"properties": properties})["deliveries"]

    def claim_approved(self, deal: str) -> list[Record]:
        """Set the deal's property alone, as a script would: the quote itself is not approved."""
        body = {"properties": {"quote_status": "APPROVED"}}
        return request_json("PATCH", f"{self.control}/objects/deals/{deal}", body)["deliveries"]

    def resend(self, delivery: str, **variation: Any) -> list[Record]:
        """Send a delivery's notifications again."""
        return self.post(f"/deliveries/{delivery}/resend", **variation)["deliveries"]


class Psa(Sandbox):
    """Kantata's stand-in."""

    def projects(self, engagement: str) -> list[Record]:
        """The projects that carry an engagement's ID, each with everything on it."""
        return [
            project for project in self.get("/projects")["projects"]
            if any(ref["service_model_ref"] == engagement for ref in project["external_references"])
        ]

    def log_time(self, project: str, *entries: Record, approve: bool = True) -> list[str]:
        """Log time on the task Delivery, approved unless said otherwise; returns the ids."""
        made = self.post("/time_entries", workspace_id=project, task="Delivery", entries=list(entries), approve=approve)
        return [entry["id"] for entry in made["time_entries"]]

    def approve(self, *entries: str) -> None:
        """Approve entries."""
        self.post("/time_entries/approve", ids=list(entries))

    def correct(self, entry: str, **fields: Any) -> None:
        """Change an entry, approved or not."""
        request_json("PATCH", f"{self.control}/time_entries/{entry}", fields)

    def spend(self, project: str, *expenses: Record) -> list[str]:
        """Enter expenses on a project, not handed in yet; returns the ids."""
        made = self.post("/expenses", workspace_id=project, expenses=list(expenses))
        return [expense["id"] for expense in made["expenses"]]

    def report_expenses(self, expenses: list[str], status: str = "approved") -> None:
        """Hand expenses in as a report, or decide on the one that they are in."""
        self.post("/expenses/report", ids=expenses, status=status)

    def correct_expense(self, expense: str, **fields: Any) -> None:
        """Change an expense, approved or not."""
        request_json("PATCH", f"{self.control}/expenses/{expense}", fields)

    def complete(self, project: str, milestone: str, *, accept: bool = True) -> Record:
        """Complete a milestone, accepted by the customer unless said otherwise."""
        return self.post("/milestones/complete", workspace_id=project, milestone=milestone, accept=accept)["story"]

    def alter(self, collection: str, record: str, **fields: Any) -> None:
        """Somebody changes a record in the product by hand."""
        request_json("PATCH", f"{self.control}/objects/{collection}/{record}", fields)

    def stand(self, project: str, status: int) -> None:
        """A manager moves a project to a status."""
        self.alter("workspaces", project, status_key=status)

    def name(self, resource: str, user: str | None) -> None:
        """A manager names a person on a project's role, or nobody any more."""
        request_json("POST", f"{self.control}/resources/{resource}/name", {"user": user})

    def remove(self, resource: str) -> None:
        """A manager takes a role off its project."""
        request_json("DELETE", f"{self.control}/resources/{resource}")

    def accept(self, story: str) -> None:
        """The customer accepts a milestone."""
        self.post(f"/stories/{story}/acceptance", value="Accepted")

    def misbehave(self, **settings: Any) -> None:
        """How the log of changes misbehaves."""
        request_json("PUT", f"{self.control}/events", settings)
