"""The collections: what may be written, what must be, and what refers to what.

From the vendor's published model [C: mavenlink_gem, lib/config/specification.yml], trimmed to what is played.
Where a field or rule is not in it, the comment says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

REFERENCE = "external_reference"
CREATED_STATUS = 200
"""What a successful POST answers [GK]; callers should accept 200 and 201."""


@dataclass(frozen=True)
class Collection:
    """One collection of the API."""

    singular: str
    subject: str
    create: frozenset[str] = frozenset()
    update: frozenset[str] = frozenset()
    required: tuple[str, ...] = ()
    defaults: dict[str, Any] = field(default_factory=dict)
    choices: dict[str, tuple[str, ...]] = field(default_factory=dict)
    refers: dict[str, str] = field(default_factory=dict)
    integers: tuple[str, ...] = ()
    amounts: tuple[str, ...] = ()
    includes: tuple[str, ...] = ()
    deletable: bool = False


STORY_FIELDS = frozenset({
    "title", "story_type", "description", "parent_id", "start_date", "due_date", "archived", "billable", "state",
    "fixed_fee", "weight", "priority", "percentage_complete", "time_estimate_in_minutes",
    "budget_estimate_in_cents", "time_trackable", REFERENCE,
})
WORKSPACE_FIELDS = frozenset({
    "title", "budgeted", "description", "price", "start_date", "due_date", "currency", "access_level",
    "change_orders_enabled", "rate_card_id", "status_key", "stage", "external_link", "require_time_approvals",
    "stories_are_fixed_fee_by_default", "tasks_default_non_billable", REFERENCE,
})
TIME_FIELDS = frozenset({
    "workspace_id", "date_performed", "time_in_minutes", "billable", "notes", "rate_in_cents", "role_id",
    "story_id", "user_id", "location", REFERENCE,
})
EXPENSE_FIELDS = frozenset({
    "date", "category", "amount_in_cents", "notes", "user_id", "story_id", "reimbursable", REFERENCE,
})
RESOURCE_FIELDS = frozenset({"user_id", "role_id", REFERENCE})
STATUSES = {100: "Estimate", 300: "In Progress", 400: "On Hold", 500: "Done", 600: "Cancelled"}
"""``status_key`` of a project to what people read; an account may name its own [GK]."""
MILESTONE_FIELDS = frozenset({"title", "date_to_invoice", "amount_in_cents", REFERENCE})

COLLECTIONS: dict[str, Collection] = {
    "workspaces": Collection(
        "workspace", "Workspace", WORKSPACE_FIELDS | {"creator_role"}, WORKSPACE_FIELDS | {"archived"},
        required=("title", "creator_role"), choices={"creator_role": ("maven", "buyer")},
        defaults={"currency": "USD", "currency_base_unit": 100, "archived": False, "rate_card_id": None,
                  "budgeted": False, "price": None, "price_in_cents": None, "status_key": None, "status": None,
                  "stage": None},
        refers={"rate_card_id": "rate_cards"}, includes=("external_references", "stories"), amounts=("price",),
    ),
    "stories": Collection(
        "story", "Story", STORY_FIELDS | {"workspace_id"}, STORY_FIELDS,
        required=("title", "story_type", "workspace_id"),
        choices={"story_type": ("task", "deliverable", "milestone"),
                 "state": ("not started", "started", "completed")},
        defaults={"state": "not started", "archived": False, "billable": True, "parent_id": None, "due_date": None},
        refers={"workspace_id": "workspaces", "parent_id": "stories"}, deletable=True,
        includes=("workspace", "custom_field_values", "external_references"),
    ),
    # The model prescribes no presence here; a milestone without title, project or amount is refused all the same.
    "billing_milestones": Collection(
        "billing_milestone", "BillingMilestone", MILESTONE_FIELDS | {"workspace_id", "story_id"}, MILESTONE_FIELDS,
        required=("title", "workspace_id", "amount_in_cents"), defaults={"invoice_id": None, "story_id": None},
        refers={"workspace_id": "workspaces", "story_id": "stories"}, integers=("amount_in_cents",),
        includes=("workspace", "external_references"), deletable=True,
    ),
    "external_references": Collection(
        "external_reference", "ExternalReference",
        frozenset({"service_name", "service_model", "service_model_ref", "subject_id", "subject_type", "status",
                   "external_link", "external_message", "external_status", "locked"}),
        required=("service_model_ref", "service_model", "service_name", "subject_id", "subject_type"),
        defaults={"status": None, "external_status": None, "external_link": None, "external_message": None,
                  "locked": False}, deletable=True,
    ),
    "roles": Collection("role", "Role", frozenset({"name", REFERENCE}), frozenset({"name", REFERENCE}),
                        required=("name",), includes=("external_references",)),
    "rate_card_sets": Collection("rate_card_set", "RateCardSet", frozenset({"title"}), frozenset({"title"}),
                                 required=("title",), defaults={"account_default": False}),
    "rate_cards": Collection("rate_card", "RateCard", frozenset({"rate_card_set_id", "currency"}),
                             frozenset({"currency"}), required=("rate_card_set_id", "currency"),
                             refers={"rate_card_set_id": "rate_card_sets"}, includes=("rate_card_set",)),
    # The model names default_rate alone; rate_card_id and effective_date are from its associations [GK].
    "rate_card_versions": Collection(
        "rate_card_version", "RateCardVersion", frozenset({"rate_card_id", "effective_date", "default_rate"}),
        frozenset({"default_rate"}), required=("rate_card_id",),
        defaults={"default_rate": None, "effective_date": None}, refers={"rate_card_id": "rate_cards"},
        integers=("default_rate",), includes=("rate_card",)),
    "rate_card_roles": Collection(
        "rate_card_role", "RateCardRole", frozenset({"rate_card_version_id", "role_id", "rate"}),
        frozenset({"rate"}), required=("rate_card_version_id", "role_id", "rate"),
        refers={"rate_card_version_id": "rate_card_versions", "role_id": "roles"}, integers=("rate",),
        includes=("role", "rate_card_version")),
    "time_entries": Collection(
        "time_entry", "TimeEntry", TIME_FIELDS, TIME_FIELDS,
        required=("workspace_id", "date_performed", "time_in_minutes"),
        defaults={"billable": True, "approved": False, "notes": None, "story_id": None, "role_id": None,
                  "user_id": None, "invoice_id": None, "is_invoiced": False},
        refers={"workspace_id": "workspaces", "story_id": "stories", "role_id": "roles", "user_id": "users"},
        integers=("time_in_minutes", "rate_in_cents"),
        includes=("user", "role", "story", "workspace", "external_references"), deletable=True,
    ),
    # Its currency is the project's unless it was spent in another; `is_billable` is `billable` when it is created, which
    # is left to the control API here. No attribute says that it is approved: its report does.
    "expenses": Collection(
        "expense", "Expense", EXPENSE_FIELDS | {"workspace_id"}, EXPENSE_FIELDS,
        required=("workspace_id", "date", "category", "amount_in_cents"),
        defaults={"currency": "USD", "currency_base_unit": 100, "is_billable": True, "is_invoiced": False, "notes": None,
                  "user_id": None, "story_id": None, "active_submission_id": None, "recent_submission_id": None},
        refers={"workspace_id": "workspaces", "user_id": "users", "story_id": "stories"}, integers=("amount_in_cents",),
        includes=("user", "story", "workspace", "active_submission", "recent_submission", "external_references"),
    ),
    # The values of `status` are not in the model: pending, approved, rejected, cancelled [GK]. Kantata takes the expenses
    # of a new one as `line_item_ids`; the control API makes them here.
    "expense_report_submissions": Collection(
        "expense_report_submission", "ExpenseReportSubmission", frozenset({"title", "comment", "workspace_id", "user_id"}),
        defaults={"status": "pending", "expense_ids": []}, refers={"workspace_id": "workspaces", "user_id": "users"},
        includes=("user", "workspace", "expenses", "external_references"),
    ),
    # With a user it is named, without one unnamed [C: developer.kantata.com, tag Workspace-Resources]. Whether one
    # can be deleted over the API is not published; its attribute `deletable` suggests it [GK].
    "workspace_resources": Collection(
        "workspace_resource", "WorkspaceResource", RESOURCE_FIELDS | {"workspace_id"}, RESOURCE_FIELDS | {"label"},
        required=("workspace_id",), defaults={"user_id": None, "role_id": None},
        refers={"workspace_id": "workspaces", "role_id": "roles", "user_id": "users"},
        includes=("user", "role", "workspace", "external_references"), deletable=True,
    ),
    "users": Collection("user", "User"),
    "custom_fields": Collection("custom_field", "CustomField"),
    "custom_field_values": Collection(
        "custom_field_value", "CustomFieldValue",
        frozenset({"subject_type", "subject_id", "custom_field_id", "value"}), frozenset({"value"}),
        required=("subject_type", "subject_id", "custom_field_id", "value"),
        refers={"custom_field_id": "custom_fields"}),
    "invoices": Collection("invoice", "Invoice"),
    # Presence is not prescribed; a payment needs an amount and a project to mean anything.
    "external_payments": Collection(
        "external_payment", "ExternalPayment",
        frozenset({"amount_in_cents", "message", "invoice_id", "workspace_id"}),
        required=("amount_in_cents", "workspace_id"), defaults={"invoice_id": None, "message": None},
        refers={"workspace_id": "workspaces", "invoice_id": "invoices"}, integers=("amount_in_cents",)),
}

SUBJECTS = {item.subject: name for name, item in COLLECTIONS.items()}
"""``subject_type`` of an external reference or event to its collection."""

INCLUDED = {"workspace": "workspaces", "story": "stories", "user": "users", "role": "roles",
            "rate_card_set": "rate_card_sets", "rate_card": "rate_cards", "rate_card_version": "rate_card_versions",
            "active_submission": "expense_report_submissions", "recent_submission": "expense_report_submissions"}
"""Include names of single associations; their key is ``<name>_id`` [C]."""

CUSTOM_FIELD_SUBJECT = "story"
"""The contract with the connector prints it in lower case; the published model says 'Story' [C]. Both are read."""
