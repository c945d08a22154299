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
from .crm import KINDS, Crm
from .webhooks import Webhooks

TOKEN = "hubspot-sandbox-token"
RATE_LIMIT, RATE_WINDOW = 100, 10.0
"""100 calls in ten seconds on the smaller plans [3P]."""


class HubSpot:
    """What the gate must know."""

    name = "hubspot"
    api_prefix = "/crm/"
    error = staticmethod(errors.error)
    throttled = staticmethod(errors.throttled)
    is_read = staticmethod(api.is_read)

    def __init__(self, token: str) -> None:
        self.token = token


def build(token: str = TOKEN, file: Path | None = None, rate_limit: int | None = None) -> Flask:
    """A Flask application with books of its own."""
    app = Flask("sandbox.hubspot")
    app.json.sort_keys = False
    books = Books([*KINDS, "deliveries"], file)
    faults, limit = Faults(), RateLimit(RATE_LIMIT if rate_limit is None else rate_limit, RATE_WINDOW)
    crm, webhooks = Crm(books), Webhooks(books)
    Gate(app, HubSpot(token), books, faults, limit)
    app.register_blueprint(api.blueprint(crm, webhooks))
    app.register_blueprint(shared.shared(books, faults, limit, on_reset=lambda: None))
    app.register_blueprint(control.blueprint(crm, webhooks))

    @app.after_request
    def rate_headers(answer: Response) -> Response:
        """Remaining calls, absent on search answers [3P]."""
        answer.headers["X-HubSpot-RateLimit-Remaining"] = str(limit.remaining)
        return answer

    @app.errorhandler(404)
    def missing(_: Exception) -> Response:
        return errors.error(404, "resource not found")

    @app.get("/")
    def page() -> str:
        return render("HubSpot (stand-in)", "The CRM of the local stack: what it holds and what was written to it.",
                      sections(books))

    return app


def sections(books: Books) -> list[Section]:
    """The tables of the page."""
    records = books.dump()["records"]

    def table(title: str, kind: str, names: list[str]) -> Section:
        return Section(title, ["Id", *names], [[row["id"], *(row["properties"].get(name) for name in names)]
                                               for row in records[kind].values()])

    deliveries = [[row["id"], ", ".join(str(item["objectId"]) for item in row["notifications"]),
                   ", ".join(str(answer["status"] or answer.get("error")) for answer in row["answers"])]
                  for row in records["deliveries"].values()]
    return [
        table("Deals", "deals", ["dealname", "amount", "quote_status", "q2c_engagement_status", "q2c_invoice_number",
                                 "q2c_invoice_status", "q2c_invoice_total", "q2c_tax_amount", "q2c_paid_amount"]),
        table("Companies", "companies", ["name", "domain", "country", "q2c_tax_id", "q2c_customer_id"]),
        table("Quotes", "quotes", ["hs_quote_number", "hs_title", "hs_status", "hs_currency", "q2c_version",
                                   "q2c_legal_entity", "q2c_payment_terms"]),
        table("Line items", "line_items", ["hs_sku", "name", "price", "quantity", "q2c_billing_method",
                                           "q2c_milestone", "q2c_role"]),
        Section("Webhook deliveries", ["Id", "Objects", "Answers"], deliveries),
        calls_section(books.calls),
    ]
