"""Kantata's side of the control API: what consultants, managers and customers do in the product."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Blueprint, Response, jsonify

from ..common import clock
from ..common.books import Record
from ..common.control import Refused, body
from .errors import Refusal
from .store import Store

ACCEPTANCE_FIELD = "Client acceptance"
ACCEPTED = "Accepted"
SUBJECTS_BELOW = ("stories", "billing_milestones", "workspace_resources")
REPORT_STATUSES = ("pending", "approved", "rejected", "cancelled")
EXPENSE_FIELDS = {"user", "date", "category", "amount_in_cents", "currency", "currency_base_unit", "billable", "notes"}
ENTRY_FIELDS = {"role", "user", "date", "minutes", "billable", "notes"}


def blueprint(store: Store) -> Blueprint:
    """The routes under ``/_sandbox``; README.md describes each."""
    control = Blueprint("kantata_control", __name__, url_prefix="/_sandbox")

    @control.errorhandler(Refusal)
    def refusal(problem: Refusal) -> tuple[Response, int]:
        return jsonify(error="; ".join(problem.messages)), problem.status

    def saved(**answer: Any) -> Response:
        store.books.save()
        return jsonify(**answer)

    @control.get("/projects")
    def projects() -> Response:
        return jsonify(projects=[project(store, row) for row in store.books.find("workspaces")])

    @control.post("/time_entries")
    def log_time() -> tuple[Response, int]:
        """Log one entry or several (``entries``) on a task; with ``approve`` they are approved at once."""
        wanted = body()
        story = find_story(store, wanted, "task")
        rows = wanted.get("entries") or [{name: wanted[name] for name in ENTRY_FIELDS & set(wanted)}]
        entries = [log_entry(store, story, row) for row in rows]
        if wanted.get("approve"):
            for entry in entries:
                store.set("time_entries", entry, {"approved": True})
        return saved(time_entries=entries), 201

    @control.post("/time_entries/approve")
    def approve() -> Response:
        """Approve (or, with ``approved`` false, un-approve) by ids, or all entries of a project."""
        wanted = body()
        if "ids" in wanted:
            entries = [store.get("time_entries", str(key)) for key in wanted["ids"]]
        else:
            entries = store.books.find("time_entries", workspace_id=str(wanted.get("workspace_id")))
        if not entries:
            raise Refused("no such entries: give ids, or the workspace_id of a project with entries")
        for entry in entries:
            store.set("time_entries", entry, {"approved": bool(wanted.get("approved", True))})
        return saved(time_entries=entries)

    @control.patch("/time_entries/<key>")
    def correct(key: str) -> Response:
        """Correct an entry, approved or not; ``approved`` may be changed in the same step."""
        wanted = body()
        entry = store.get("time_entries", key)
        approved = {"approved": wanted.pop("approved")} if "approved" in wanted else {}
        return saved(time_entry=store.set("time_entries", entry, {**entry_attributes(store, wanted), **approved}))

    @control.delete("/time_entries/<key>")
    def remove(key: str) -> Response:
        store.delete("time_entries", store.get("time_entries", key))
        return saved(ok=True)

    @control.post("/expenses")
    def spend() -> tuple[Response, int]:
        """Enter one expense or several (``expenses``) on a project; with ``approve`` their report is approved at once."""
        wanted = body()
        rows = wanted.get("expenses") or [{name: wanted[name] for name in EXPENSE_FIELDS & set(wanted)}]
        spent = [expense(store, str(wanted.get("workspace_id")), row) for row in rows]
        if wanted.get("approve"):
            report(store, spent, "approved")
        return saved(expenses=spent), 201

    @control.post("/expenses/report")
    def decide() -> Response:
        """Hand expenses in, and decide: ``status`` approved, rejected, cancelled or pending, by ids."""
        wanted = body()
        status = wanted.get("status", "approved")
        if status not in REPORT_STATUSES:
            raise Refused(f"status must be one of {list(REPORT_STATUSES)}")
        found = [store.get("expenses", str(key)) for key in wanted.get("ids", [])]
        if not found:
            raise Refused("no such expenses: give ids")
        return saved(expense_report_submission=report(store, found, status))

    @control.patch("/expenses/<key>")
    def correct_expense(key: str) -> Response:
        """Correct an expense, approved or not."""
        attributes = expense_attributes(store, body())
        return saved(expense=store.set("expenses", store.get("expenses", key), attributes))

    @control.post("/milestones/complete")
    def complete() -> Response:
        """Complete a milestone; unless ``accept`` is false the customer's acceptance follows."""
        wanted = body()
        story = find_story(store, wanted, "milestone")
        store.set("stories", story, {"state": wanted.get("state", "completed")})
        if wanted.get("accept", True):
            store.value(story["id"], acceptance(store), ACCEPTED)
        return saved(story=story)

    @control.post("/stories/<key>/acceptance")
    def accept(key: str) -> Response:
        """Set the acceptance field to any value, for example "Rejected"."""
        return saved(custom_field_value=store.value(key, acceptance(store), body().get("value", ACCEPTED)))

    @control.post("/resources/<key>/name")
    def name_person(key: str) -> Response:
        """Name a person on a project's role, or nobody any more (``user`` null)."""
        user = body().get("user")
        found = named(store, "users", full_name=user)["id"] if user else None
        return saved(workspace_resource=store.set("workspace_resources", store.get("workspace_resources", key),
                                                  {"user_id": found}))

    @control.delete("/resources/<key>")
    def remove_resource(key: str) -> Response:
        store.delete("workspace_resources", store.get("workspace_resources", key))
        return saved(ok=True)

    @control.patch("/objects/<collection>/<key>")
    def alter(collection: str, key: str) -> Response:
        """A person changes any record by hand."""
        return saved(record=store.set(collection, store.get(collection, key), body()))

    @control.put("/events")
    def configure() -> Response:
        return jsonify(vars(store.events.configure(body())))

    @control.post("/events")
    def insert() -> tuple[Response, int]:
        """Put an event into the log by hand: ``event_type, subject_type, subject_id, age_seconds``."""
        wanted = body()
        try:
            event = store.events.insert(wanted["event_type"], wanted["subject_type"], str(wanted["subject_id"]),
                                        timedelta(seconds=float(wanted.get("age_seconds", 0))))
        except KeyError as missing:
            raise Refused(f"{missing} is needed") from missing
        return saved(event=event), 201

    return control


def seed(store: Store) -> None:
    """What an account has before anybody integrates it: an administrator and the acceptance field."""
    if not store.books.find("custom_fields", name=ACCEPTANCE_FIELD):
        store.books.add("custom_fields", {
            "id": store.books.next_id(), "name": ACCEPTANCE_FIELD, "subject_type": "story", "value_type": "string"})
    named(store, "users", full_name="Account Administrator")


def acceptance(store: Store) -> Record:
    """The custom field that carries the customer's word."""
    return store.books.find("custom_fields", name=ACCEPTANCE_FIELD)[0]


def named(store: Store, collection: str, **name: str) -> Record:
    """The record of that name, made if there is none; names are compared without case."""
    (field, value), = name.items()
    for row in store.books.find(collection):
        if row[field].lower() == value.lower():
            return row
    return store.books.add(collection, {"id": store.books.next_id(), field: value,
                                        "created_at": clock.seconds(clock.now())})


def find_story(store: Store, wanted: Record, kind: str) -> Record:
    """A task or milestone: by ``story_id``, or in ``workspace_id`` by title or by the end of our reference."""
    if "story_id" in wanted:
        return store.get("stories", str(wanted["story_id"]))
    workspace, name = str(wanted.get("workspace_id")), wanted.get(kind)
    stories = store.books.find("stories", workspace_id=workspace, story_type=kind)
    for story in stories:
        refs = [row["service_model_ref"] for row in store.books.find("external_references", subject_id=story["id"])]
        if name is None or story["title"] == name or any(ref.endswith(f"/{name}") for ref in refs):
            return story
    titles = [story["title"] for story in stories]
    raise Refused(f"no {kind} {name!r} in workspace {workspace}; there are {titles}")


def entry_attributes(store: Store, row: Record) -> Record:
    """The product's attributes for the control API's words."""
    if unknown := sorted(set(row) - ENTRY_FIELDS):
        raise Refused(f"unknown fields {unknown}; known are {sorted(ENTRY_FIELDS)}")
    made: Record = {}
    if "role" in row:
        made["role_id"] = named(store, "roles", name=row["role"])["id"]
    if "user" in row:
        made["user_id"] = named(store, "users", full_name=row["user"])["id"]
    words = {"date": "date_performed", "minutes": "time_in_minutes", "billable": "billable", "notes": "notes"}
    return {**made, **{words[name]: value for name, value in row.items() if name in words}}


def log_entry(store: Store, story: Record, row: Record) -> Record:
    """One time entry of a consultant."""
    defaults = {"user": "Alex Doe", "role": "consultant", "date": f"{clock.now():%Y-%m-%d}", "minutes": 60}
    attributes = entry_attributes(store, {**defaults, **row})
    return store.create("time_entries", {"workspace_id": story["workspace_id"], "story_id": story["id"], **attributes})


def expense_attributes(store: Store, row: Record) -> Record:
    """The product's attributes for the control API's words."""
    if unknown := sorted(set(row) - EXPENSE_FIELDS):
        raise Refused(f"unknown fields {unknown}; known are {sorted(EXPENSE_FIELDS)}")
    words = {"user": "user_id", "billable": "is_billable"}
    made = {words.get(name, name): value for name, value in row.items()}
    if "user" in row:
        made["user_id"] = named(store, "users", full_name=row["user"])["id"]
    return made


def expense(store: Store, workspace: str, row: Record) -> Record:
    """One expense of a consultant. What only the product sets is set after it was made, which is a change of its own."""
    defaults = {"user": "Alex Doe", "date": f"{clock.now():%Y-%m-%d}", "category": "Travel", "amount_in_cents": 10_000}
    attributes = expense_attributes(store, {**defaults, **row})
    set_later = {name: attributes.pop(name) for name in ("currency", "currency_base_unit", "is_billable")
                 if name in attributes}
    return store.set("expenses", store.create("expenses", {"workspace_id": workspace, **attributes}), set_later)


def report(store: Store, spent: list[Record], status: str) -> Record:
    """The report that holds the expenses, in a status; one that is turned down or taken back is no active one."""
    keys = [row["id"] for row in spent]
    known = {row["recent_submission_id"] for row in spent}
    held = store.books.records["expense_report_submissions"]
    same = [held[key] for key in known if key in held and set(keys) <= set(held[key]["expense_ids"])]
    found = same[0] if same else store.create("expense_report_submissions", {"workspace_id": spent[0]["workspace_id"]})
    store.set("expense_report_submissions", found, {"expense_ids": sorted({*found["expense_ids"], *keys}), "status": status})
    active = found["id"] if status in ("pending", "approved") else None
    for row in spent:
        store.set("expenses", row, {"recent_submission_id": found["id"], "active_submission_id": active})
    return found


def project(store: Store, workspace: Record) -> Record:
    """A project with everything that hangs on it."""
    def of(collection: str) -> list[Record]:
        return store.books.find(collection, workspace_id=workspace["id"])

    subjects = {workspace["id"]} | {row["id"] for name in SUBJECTS_BELOW for row in of(name)}
    references = [row for row in store.books.find("external_references") if row["subject_id"] in subjects]
    return {**workspace, "stories": of("stories"), "billing_milestones": of("billing_milestones"),
            "time_entries": of("time_entries"), "workspace_resources": of("workspace_resources"),
            "expenses": of("expenses"),
            "external_references": references}
