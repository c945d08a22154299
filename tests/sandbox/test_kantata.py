"""Kantata's rules: required attributes, no idempotency but for references, the polled log."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .conftest import Client

API = "/api/v1"
PAST = "2020-01-01T00:00:00Z"


def reference(model: str, ref: str) -> dict[str, str]:
    """Our reference on one of its records."""
    return {"service_name": "q2c", "service_model": model, "service_model_ref": ref}


def made(client: Client, collection: str, singular: str, **attributes: Any) -> str:
    """Create a record and return its id."""
    answer = client.call("POST", f"{API}/{collection}", {singular: attributes})
    assert answer.status_code == 200, answer.text
    return answer.get_json()["results"][0]["id"]


def events(client: Client, **query: str) -> list[dict[str, Any]]:
    """The polled events in the order of the answer, once per mention."""
    answer = client.call("GET", f"{API}/subscribed_events", query_string={"created_after": PAST, **query}).get_json()
    return [answer["subscribed_events"][row["id"]] for row in answer["results"]]


@pytest.fixture
def project(kantata: Client) -> dict[str, str]:
    """A project with a task and a milestone, all carrying our reference."""
    workspace = made(kantata, "workspaces", "workspace", title="Globex", creator_role="maven", currency="USD",
                     external_reference=reference("engagement", "eng_1"))
    task = made(kantata, "stories", "story", workspace_id=workspace, title="Delivery", story_type="task",
                external_reference=reference("task", "eng_1/delivery"))
    milestone = made(kantata, "stories", "story", workspace_id=workspace, title="Design", story_type="milestone",
                     due_date="2027-01-29", external_reference=reference("milestone", "eng_1/M1"))
    return {"workspace": workspace, "task": task, "milestone": milestone}


@pytest.mark.parametrize(("path", "body", "message"), [
    ("workspaces", {"workspace": {"creator_role": "maven"}}, "title can't be blank"),
    ("workspaces", {"workspace": {"title": "x"}}, "creator_role can't be blank"),
    ("workspaces", {"workspace": {"title": "x", "creator_role": "king"}}, "creator_role is not included in the list"),
    ("workspaces", {"workspace": {"title": "x" * 201, "creator_role": "maven"}}, "title is too long"),
    ("workspaces", {"title": "x"}, "workspace is required"),
    ("workspaces", {"workspace": {"title": "x", "creator_role": "maven", "rate_card_id": "1"}},
     "rate_card_id must exist"),
    ("workspaces", {"workspace": {"title": "x", "creator_role": "maven", "price": "much"}}, "price is not a number"),
    ("stories", {"story": {"title": "x", "story_type": "task", "workspace_id": "1"}}, "workspace_id must exist"),
    ("billing_milestones", {"billing_milestone": {"title": "x", "workspace_id": "1", "amount_in_cents": "20000.00"}},
     "amount_in_cents is not a number"),
    ("time_entries", {"time_entry": {"workspace_id": "1"}}, "date_performed can't be blank"),
    ("time_entries", {"time_entry": {"approved": True}}, "approved is not an attribute that can be set"),
    ("rate_card_roles", {"rate_card_role": {"rate": 18000}}, "role_id can't be blank"),
    ("workspace_resources", {"workspace_resource": {"role_id": "1"}}, "workspace_id can't be blank"),
    ("workspace_resources", {"workspace_resource": {"workspace_id": "1", "full_name": "Alex"}},
     "full_name is not an attribute that can be set"),
    ("workspaces", {"workspace": {"title": "x", "creator_role": "maven", "status_key": 1}},
     "status_key is not included in the list"),
    ("roles", {"role": {"name": "x", "colour": "red"}}, "colour is not an attribute that can be set"),
    ("external_references/create_or_update", {"external_reference": reference("invoice", "inv_1")},
     "subject_id can't be blank"),
])
def test_what_is_refused_says_why(kantata: Client, path: str, body: object, message: str) -> None:
    answer = kantata.call("POST", f"{API}/{path}", body)
    assert answer.status_code == 422
    assert any(message in error["message"] for error in answer.get_json()["errors"])


def test_posting_twice_makes_two_and_both_are_found_by_our_reference(kantata: Client) -> None:
    for _ in range(2):
        made(kantata, "workspaces", "workspace", title="Globex", creator_role="maven",
             external_reference=reference("engagement", "eng_1"))
    found = kantata.call("GET", f"{API}/external_references", query_string={
        **reference("engagement", "eng_1"), "subject_type": "Workspace"}).get_json()
    assert found["count"] == 2 == len(kantata.control("GET", "/projects")["projects"])
    nothing = kantata.call("GET", f"{API}/external_references", query_string=reference("engagement", "eng_2"))
    assert nothing.get_json()["results"] == []


def test_a_reference_is_created_once_and_then_updated(kantata: Client, project: dict[str, str]) -> None:
    for status, message in (("posted", "INV2026-00001 1100.00 USD"), ("paid", "INV2026-00001 paid")):
        kantata.call("POST", f"{API}/external_references/create_or_update", {"external_reference": {
            **reference("invoice", "inv_1"), "subject_type": "Workspace", "subject_id": project["workspace"],
            "status": status, "external_message": message}})
    found = kantata.call("GET", f"{API}/external_references", query_string=reference("invoice", "inv_1")).get_json()
    (only,) = found["external_references"].values()
    assert (only["status"], only["external_message"]) == ("paid", "INV2026-00001 paid")
    assert kantata.call("POST", f"{API}/external_references/create_or_update", {"external_reference": {
        **reference("invoice", "inv_1"), "subject_type": "Workspace", "subject_id": "1"}}).status_code == 422


def test_the_rate_card_chain(kantata: Client, project: dict[str, str]) -> None:
    role = made(kantata, "roles", "role", name="consultant")
    card_set = made(kantata, "rate_card_sets", "rate_card_set", title="Globex")
    card = made(kantata, "rate_cards", "rate_card", rate_card_set_id=card_set, currency="USD")
    version = made(kantata, "rate_card_versions", "rate_card_version", rate_card_id=card, effective_date="2025-01-01")
    made(kantata, "rate_card_roles", "rate_card_role", rate_card_version_id=version, role_id=role, rate=18_000)
    found = kantata.call("GET", f"{API}/rate_card_roles?rate_card_version_id={version}&include=role").get_json()
    (rate,) = found["rate_card_roles"].values()
    assert rate["rate"] == 18_000 and found["roles"][role]["name"] == "consultant"
    assert kantata.call("GET", f"{API}/rate_card_sets?title=Globex").get_json()["count"] == 1
    assert kantata.call("PUT", f"{API}/workspaces/{project['workspace']}",
                        {"workspace": {"rate_card_id": card}}).status_code == 200


def test_a_budget_is_set_and_shown_in_cents(kantata: Client) -> None:
    made_so = made(kantata, "workspaces", "workspace", title="Globex", creator_role="maven", budgeted=True,
                   price="50000.00")
    plain = made(kantata, "workspaces", "workspace", title="Initech", creator_role="maven")
    read = kantata.call("GET", f"{API}/workspaces?only={made_so},{plain}").get_json()["workspaces"]
    assert (read[made_so]["budgeted"], read[made_so]["price_in_cents"]) == (True, 5_000_000)
    assert (read[plain]["budgeted"], read[plain]["price_in_cents"]) == (False, None)
    changed = kantata.call("PUT", f"{API}/workspaces/{made_so}", {"workspace": {"price": "55000.5"}}).get_json()
    assert changed["workspaces"][made_so]["price_in_cents"] == 5_500_050


def test_a_milestone_is_changed_dropped_and_found_again(kantata: Client, project: dict[str, str]) -> None:
    billing = made(kantata, "billing_milestones", "billing_milestone", title="M1 Design", amount_in_cents=2_000_000,
                   workspace_id=project["workspace"], story_id=project["milestone"],
                   external_reference=reference("billing-milestone", "eng_1/M1"))
    path = f"{API}/billing_milestones/{billing}"
    kantata.call("PUT", path, {"billing_milestone": {"amount_in_cents": 2_500_000}})
    held = kantata.call("GET", f"{API}/billing_milestones?workspace_id={project['workspace']}"
                               "&include=external_references").get_json()
    assert held["billing_milestones"][billing]["amount_in_cents"] == 2_500_000
    assert [row["service_model_ref"] for row in held["external_references"].values()] == ["eng_1/M1"]
    assert kantata.call("DELETE", path).status_code == 204
    assert kantata.call("DELETE", path).status_code == 404
    gone = kantata.call("GET", f"{API}/external_references", query_string=reference("billing-milestone", "eng_1/M1"))
    assert gone.get_json()["results"] == [], "its reference goes with it"
    story = f"{API}/stories/{project['milestone']}"
    for archived in (True, False):
        kantata.call("PUT", story, {"story": {"archived": archived}})
        assert kantata.call("GET", story).get_json()["stories"][project["milestone"]]["archived"] is archived
        kept = kantata.call("GET", f"{API}/external_references", query_string=reference("milestone", "eng_1/M1"))
        assert kept.get_json()["count"] == 1, "an archived story is found by its reference"


def test_a_rate_is_changed_and_neither_it_nor_its_version_deleted(kantata: Client) -> None:
    role = made(kantata, "roles", "role", name="consultant")
    card_set = made(kantata, "rate_card_sets", "rate_card_set", title="Globex")
    card = made(kantata, "rate_cards", "rate_card", rate_card_set_id=card_set, currency="USD")
    version = made(kantata, "rate_card_versions", "rate_card_version", rate_card_id=card, effective_date="2025-01-01")
    rate = made(kantata, "rate_card_roles", "rate_card_role", rate_card_version_id=version, role_id=role, rate=18_000)
    changed = kantata.call("PUT", f"{API}/rate_card_roles/{rate}", {"rate_card_role": {"rate": 20_000}}).get_json()
    assert changed["rate_card_roles"][rate]["rate"] == 20_000
    for path in (f"rate_card_roles/{rate}", f"rate_card_versions/{version}"):
        assert kantata.call("DELETE", f"{API}/{path}").status_code == 404


def test_a_filter_that_is_none_is_refused(kantata: Client) -> None:
    assert kantata.call("GET", f"{API}/workspaces?titel=x").status_code == 422
    assert kantata.call("GET", f"{API}/workspaces?include=weather").status_code == 422


def test_paging_holds_twenty_unless_asked(kantata: Client, project: dict[str, str]) -> None:
    kantata.control("POST", "/time_entries", {"story_id": project["task"], "entries": [{"minutes": 15}] * 25})
    first = kantata.call("GET", f"{API}/time_entries").get_json()
    assert (len(first["results"]), first["meta"]["page_count"], first["count"]) == (20, 2, 25)
    second = kantata.call("GET", f"{API}/time_entries?page=2").get_json()
    assert len(second["results"]) == 5
    assert len(kantata.call("GET", f"{API}/time_entries?per_page=200").get_json()["results"]) == 25


def test_time_is_logged_approved_corrected_and_unapproved(kantata: Client, project: dict[str, str]) -> None:
    logged = kantata.control("POST", "/time_entries", {"workspace_id": project["workspace"], "task": "delivery",
                             "entries": [{"role": "consultant", "user": "Alex", "date": "2026-01-05", "minutes": 90},
                                         {"role": "principal", "user": "Sam", "minutes": 60}]})["time_entries"]
    assert events(kantata, event_types="time_entry:updated") == []
    ids = [row["id"] for row in logged]
    kantata.control("POST", "/time_entries/approve", {"ids": ids})
    seen = events(kantata, event_types="story:updated,time_entry:updated")
    assert [str(event["subject_id"]) for event in seen] == ids
    read = kantata.call("GET", f"{API}/time_entries?only={','.join(ids)}&include=user,role,story").get_json()
    first = read["time_entries"][ids[0]]
    assert (first["approved"], first["time_in_minutes"], first["date_performed"]) == (True, 90, "2026-01-05")
    assert read["roles"][first["role_id"]]["name"] == "consultant"
    assert read["users"][first["user_id"]]["full_name"] == "Alex"
    assert read["stories"][first["story_id"]]["title"] == "Delivery"
    kantata.control("PATCH", f"/time_entries/{ids[0]}", {"minutes": 75})
    kantata.control("POST", "/time_entries/approve", {"ids": ids[:1], "approved": False})
    assert len(events(kantata, event_types="time_entry:updated")) == 4
    kantata.control("POST", "/time_entries/approve", {"ids": ids[:1], "approved": False})
    assert len(events(kantata, event_types="time_entry:updated")) == 4, "nothing changed, nothing happened"


def test_a_milestone_is_completed_and_accepted(kantata: Client, project: dict[str, str]) -> None:
    kantata.control("POST", "/milestones/complete", {"workspace_id": project["workspace"], "milestone": "M1"})
    assert len(events(kantata, event_types="story:updated")) == 2, "completion and acceptance are two changes"
    read = kantata.call("GET", f"{API}/stories?only={project['milestone']}"
                               "&include=custom_field_values,external_references").get_json()
    story = read["stories"][project["milestone"]]
    assert story["state"] == "completed"
    (value,) = (read["custom_field_values"][key] for key in story["custom_field_value_ids"])
    assert (value["custom_field_name"], value["value"], value["subject_type"]) == (
        "Client acceptance", "Accepted", "story")
    assert [row["service_model_ref"] for row in read["external_references"].values()] == ["eng_1/M1"]
    kantata.control("POST", f"/stories/{project['milestone']}/acceptance", {"value": "Rejected"})
    assert len(events(kantata, event_types="story:updated")) == 3


def test_payloads_are_strings_or_objects(kantata: Client, project: dict[str, str]) -> None:
    for payloads, kinds in (("string", {str}), ("object", {dict})):
        kantata.control("PUT", "/events", {"payloads": payloads})
        kantata.control("POST", "/time_entries", {"story_id": project["task"], "entries": [{}] * 2, "approve": True})
        assert {type(row["current_payload"]) for row in events(kantata, per_page="200")[-2:]} == kinds
    seen = [row["current_payload"] for row in events(kantata, event_types="time_entry:updated")]
    assert all((json.loads(row) if isinstance(row, str) else row)["approved"] for row in seen)


def test_events_are_late_double_unordered_and_forgotten(kantata: Client, project: dict[str, str]) -> None:
    kantata.control("PUT", "/events", {"visible_after_seconds": 60})
    kantata.control("POST", "/time_entries", {"story_id": project["task"], "approve": True})
    assert events(kantata, event_types="time_entry:updated") == []
    kantata.control("PUT", "/events", {"visible_after_seconds": 0, "duplicates": "new-id"})
    kantata.control("POST", "/time_entries", {"story_id": project["task"], "approve": True})
    twice = events(kantata, event_types="time_entry:updated")
    assert len(twice) == 2 and twice[0]["id"] != twice[1]["id"] and twice[0]["subject_id"] == twice[1]["subject_id"]
    kantata.control("PUT", "/events", {"duplicates": "same-id"})
    assert len(events(kantata, event_types="time_entry:updated")) == 4
    kantata.control("PUT", "/events", {"duplicates": "none"})
    in_order = [row["id"] for row in events(kantata)]
    kantata.control("PUT", "/events", {"order": "reversed"})
    assert [row["id"] for row in events(kantata)] == in_order[::-1]
    kantata.control("PUT", "/events", {"order": "created"})
    day = 86_400
    for age in (8 * day, 10 * day):
        kantata.control("POST", "/events", {"event_type": "story:updated", "subject_type": "Story",
                                            "subject_id": project["milestone"], "age_seconds": age})
    assert len(events(kantata, event_types="story:updated")) == 1
    assert kantata.call("GET", f"{API}/subscribed_events?created_after=yesterday").status_code == 422
    assert len(events(kantata, event_types="story:created", most_recent="true")) == 2


def test_a_payment_is_noted_on_the_project(kantata: Client, project: dict[str, str]) -> None:
    made(kantata, "external_payments", "external_payment", workspace_id=project["workspace"], amount_in_cents=110_000,
         message="INV2026-00001")
    assert kantata.call("GET", f"{API}/external_payments").get_json()["count"] == 1


def test_deleting_takes_the_references_along(kantata: Client, project: dict[str, str]) -> None:
    assert kantata.call("DELETE", f"{API}/stories/{project['milestone']}").status_code == 204
    found = kantata.call("GET", f"{API}/external_references", query_string=reference("milestone", "eng_1/M1"))
    assert found.get_json()["count"] == 0
    assert kantata.call("DELETE", f"{API}/workspaces/{project['workspace']}").status_code == 404
    assert kantata.call("GET", f"{API}/stories/{project['milestone']}").status_code == 404


def test_a_role_is_put_on_a_project_named_and_taken_off(kantata: Client, project: dict[str, str]) -> None:
    role = made(kantata, "roles", "role", name="consultant")
    resource = made(kantata, "workspace_resources", "workspace_resource", workspace_id=project["workspace"], role_id=role,
                    external_reference=reference("assignment", "eng_1/R-1"))
    read = kantata.call("GET", f"{API}/workspace_resources?workspace_id={project['workspace']}"
                               "&include=role,external_references").get_json()
    (held,) = read["workspace_resources"].values()
    assert (held["user_id"], read["roles"][role]["name"]) == (None, "consultant")
    (ours,) = read["external_references"].values()
    assert (ours["subject_type"], ours["service_model_ref"]) == ("WorkspaceResource", "eng_1/R-1")
    named = kantata.control("POST", f"/resources/{resource}/name", {"user": "Alex Doe"})["workspace_resource"]
    assert kantata.call("GET", f"{API}/users?only={named['user_id']}").get_json()["count"] == 1
    kantata.control("DELETE", f"/resources/{resource}")
    told = events(kantata, event_types="workspace_resource:created,workspace_resource:updated,workspace_resource:deleted")
    assert [event["event_type"].partition(":")[2] for event in told] == ["created", "updated", "deleted"]
    before = told[-1]["previous_payload"]
    before = json.loads(before) if isinstance(before, str) else before
    assert before["workspace_id"] == project["workspace"], "whose project it was is in the log"


def test_a_status_is_shown_with_its_key_and_is_an_event(kantata: Client, project: dict[str, str]) -> None:
    workspace = project["workspace"]
    for key, message in ((300, "In Progress"), (400, "On Hold")):
        kantata.control("PATCH", f"/objects/workspaces/{workspace}", {"status_key": key})
        read = kantata.call("GET", f"{API}/workspaces?only={workspace}").get_json()["workspaces"][workspace]
        assert (read["status"]["key"], read["status"]["message"]) == (key, message)
    changes = events(kantata, event_types="workspace:updated")[-1]["payload_changes"]
    changes = json.loads(changes) if isinstance(changes, str) else changes
    assert changes["status_key"] == [300, 400]


def test_an_expense_is_approved_with_its_report(kantata: Client, project: dict[str, str]) -> None:
    spent = kantata.control("POST", "/expenses", {"workspace_id": project["workspace"], "expenses": [
        {"user": "Ada Lindqvist", "category": "Lodging", "amount_in_cents": 24_000, "date": "2026-11-03"},
        {"category": "Food", "billable": False, "currency": "JPY", "currency_base_unit": 1},
    ]})["expenses"]
    keys = [row["id"] for row in spent]

    def shown() -> tuple[dict[str, Any], dict[str, Any]]:
        read = kantata.call("GET", f"{API}/expenses?only={','.join(keys)}&include=user,active_submission").get_json()
        return read["expenses"], read.get("expense_report_submissions", {})

    expenses, reports = shown()
    assert [expenses[key]["is_billable"] for key in keys] == [True, False] and reports == {}
    assert (expenses[keys[1]]["currency"], expenses[keys[1]]["currency_base_unit"]) == ("JPY", 1)
    handed_in = kantata.control("POST", "/expenses/report", {"ids": keys, "status": "pending"})
    report = handed_in["expense_report_submission"]["id"]
    for status, active in (("approved", report), ("cancelled", None)):
        kantata.control("POST", "/expenses/report", {"ids": keys, "status": status})
        assert shown()[0][keys[0]]["active_submission_id"] == active
        read = kantata.call("GET", f"{API}/expense_report_submissions?only={report}&include=expenses").get_json()
        assert (read["expense_report_submissions"][report]["status"], sorted(read["expenses"])) == (status, sorted(keys))
    assert len(events(kantata, event_types="expense_report_submission:updated")) == 3
    assert events(kantata, event_types="expense:updated")
    corrected = kantata.control("PATCH", f"/expenses/{keys[0]}", {"amount_in_cents": 25_000})
    assert corrected["expense"]["amount_in_cents"] == 25_000
    answer = kantata.call("POST", f"{API}/expenses", {"expense": {"workspace_id": project["workspace"]}})
    assert answer.status_code == 422 and "category can't be blank" in answer.text
