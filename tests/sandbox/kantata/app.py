"""The stand-in put together: gate, API, control API, page."""

from __future__ import annotations

from pathlib import Path

from flask import Flask, Response

from ..common import control as shared
from ..common.books import Books
from ..common.gate import Gate
from ..common.limits import RateLimit
from ..common.page import Section, calls_section, render
from ..faults import Faults
from . import api, control, errors
from .events import EventLog
from .schema import COLLECTIONS
from .store import Store

TOKEN = "kantata-sandbox-token"
RATE_LIMIT, RATE_WINDOW = 400, 60.0
"""That there is a limit is published, the numbers are not [GK]."""


class Kantata:
    """What the gate must know."""

    name = "kantata"
    api_prefix = "/api/"
    error = staticmethod(errors.error)
    throttled = staticmethod(errors.throttled)

    def __init__(self, token: str) -> None:
        self.token = token

    @staticmethod
    def is_read(method: str, path: str) -> bool:
        """Only a GET changes nothing."""
        return method == "GET"


def build(token: str = TOKEN, file: Path | None = None, rate_limit: int | None = None) -> Flask:
    """A Flask application with books of its own."""
    app = Flask("sandbox.kantata")
    app.json.sort_keys = False
    books = Books([*COLLECTIONS, "subscribed_events"], file)
    store = Store(books, EventLog(books))
    faults, limit = Faults(), RateLimit(RATE_LIMIT if rate_limit is None else rate_limit, RATE_WINDOW)
    control.seed(store)
    Gate(app, Kantata(token), books, faults, limit)
    app.register_blueprint(api.blueprint(store))
    app.register_blueprint(shared.shared(books, faults, limit, on_reset=lambda: control.seed(store)))
    app.register_blueprint(control.blueprint(store))

    @app.errorhandler(404)
    def missing(_: Exception) -> Response:
        return errors.error(404, "not found")

    @app.get("/")
    def page() -> str:
        return render("Kantata OX (stand-in)", "The PSA of the local stack: projects, time and what was written to it.",
                      sections(books))

    return app


def sections(books: Books) -> list[Section]:
    """The tables of the page."""
    records = books.dump()["records"]

    def table(title: str, collection: str, names: list[str]) -> Section:
        return Section(title, [name.replace("_", " ") for name in ["id", *names]],
                       [[row["id"], *(row.get(name) for name in names)] for row in records[collection].values()])

    return [
        table("Projects", "workspaces", ["title", "currency", "price", "status_key", "rate_card_id", "archived"]),
        table("Tasks and milestones", "stories", ["workspace_id", "title", "story_type", "state", "due_date", "archived"]),
        table("Billing milestones", "billing_milestones", ["workspace_id", "title", "amount_in_cents",
                                                           "date_to_invoice"]),
        table("People and roles", "workspace_resources", ["workspace_id", "role_id", "user_id"]),
        table("Time entries", "time_entries", ["workspace_id", "story_id", "user_id", "role_id", "date_performed",
                                               "time_in_minutes", "billable", "approved"]),
        table("Expenses", "expenses", ["workspace_id", "user_id", "date", "category", "amount_in_cents", "currency",
                                       "is_billable", "active_submission_id"]),
        table("Expense reports", "expense_report_submissions", ["workspace_id", "status", "expense_ids"]),
        table("External references", "external_references", ["subject_type", "subject_id", "service_model",
                                                             "service_model_ref", "status", "external_status",
                                                             "external_message"]),
        table("Rates", "rate_card_roles", ["rate_card_version_id", "role_id", "rate"]),
        table("Events in the log", "subscribed_events", ["event_type", "subject_id", "created_at"]),
        calls_section(books.calls),
    ]
