"""The four products of an instance, as a person at each of them would see and use it."""

from __future__ import annotations

import base64
import datetime
import json
import urllib.parse
from decimal import Decimal
from typing import Any

from . import erp_base
from .calls import request_form, request_json
from .instance import Instance
from .problem import Problem

Record = dict[str, Any]


class HubSpot:
    """The CRM: what Sales does, and what Sales sees."""

    def __init__(self, instance: Instance):
        self._control = f"{instance.url('hubspot')}/_sandbox"

    def create_deal(self, **changes: Any) -> Record:
        """A deal with company, quote and lines; `changes` are laid over the Globex template."""
        return request_json("POST", f"{self._control}/deals", changes)

    def approve(self, deal: str) -> Record:
        """Approve the deal's quote; HubSpot posts its signed notification."""
        return request_json("POST", f"{self._control}/deals/{deal}/approve", {})

    def revise(self, deal: str, **changes: Any) -> Record:
        """Clone the deal's quote as its next version, with changes."""
        return request_json("POST", f"{self._control}/deals/{deal}/revise", changes)

    def deal(self, deal: str) -> Record:
        """The deal's properties."""
        return request_json("GET", f"{self._control}/dump")["records"]["deals"][deal]["properties"]


class Kantata:
    """The PSA: what consultants, their manager and the customer do."""

    def __init__(self, instance: Instance):
        self._control = f"{instance.url('kantata')}/_sandbox"

    def projects(self, engagement: str) -> list[Record]:
        """The projects that carry an engagement's ID, each with everything on it."""
        return [
            project for project in request_json("GET", f"{self._control}/projects")["projects"]
            if any(ref["service_model_ref"] == engagement for ref in project["external_references"])
        ]

    def log_time(self, project: str, task: str, entries: list[Record]) -> list[str]:
        """Log time on a task; returns the entries' ids."""
        body = {"workspace_id": project, "task": task, "entries": entries}
        made = request_json("POST", f"{self._control}/time_entries", body)["time_entries"]
        return [entry["id"] for entry in made]

    def approve(self, entries: list[str]) -> None:
        """Approve time entries."""
        request_json("POST", f"{self._control}/time_entries/approve", {"ids": entries})

    def spend(self, project: str, expenses: list[Record]) -> list[str]:
        """Enter expenses on a project; returns their ids."""
        body = {"workspace_id": project, "expenses": expenses}
        return [expense["id"] for expense in request_json("POST", f"{self._control}/expenses", body)["expenses"]]

    def approve_expenses(self, expenses: list[str]) -> None:
        """Hand expenses in as one report, and approve it."""
        request_json("POST", f"{self._control}/expenses/report", {"ids": expenses, "status": "approved"})

    def complete(self, project: str, milestone: str) -> Record:
        """Complete a milestone and have the customer accept it."""
        body = {"workspace_id": project, "milestone": milestone}
        return request_json("POST", f"{self._control}/milestones/complete", body)["story"]


class Tryton:
    """The ERP: its books, read over REST as any client would."""

    def __init__(self, instance: Instance):
        self._base = f"{instance.url('tryton')}/{erp_base.DATABASE}/rest/model"
        self._headers = {
            "authorization": f"bearer {erp_base.identifiers(instance.books)['key']}",
            "x-tryton-context": _packed({"company": erp_base.identifiers(instance.books)["company"]}),
        }

    def find(self, model: str, domain: list[Any], *fields: str) -> list[Record]:
        """The records of a model that match a domain, with plain values."""
        query = urllib.parse.urlencode([("d", _packed(domain)), *(("f", field) for field in fields)])
        return [_plain(row) for row in request_json("GET", f"{self._base}/{model}?{query}", headers=self._headers)]

    def by_external_id(self, model: str, external_id: str, *fields: str) -> list[Record]:
        """The records that carry our ID: one or none."""
        return self.find(model, [["external_id", "=", external_id]], *fields)

    def latest(self, model: str) -> int:
        """The highest id of a model; 0 where there is no record."""
        return max((row["id"] for row in self.find(model, [])), default=0)

    def since(self, model: str, latest: int, *fields: str) -> list[Record]:
        """The records of a model that were made after one, oldest first."""
        return sorted(self.find(model, [["id", ">", latest]], *fields), key=lambda row: row["id"])


class Stripe:
    """The payment platform: the customer pays here."""

    def __init__(self, instance: Instance):
        self._base = f"{instance.url('stripe')}/v1"
        self._headers = {"authorization": f"Bearer {instance.secrets['stripe_api_key']}"}

    def pay(self, amount: Decimal, currency: str, invoice_number: str) -> Record:
        """Pay an invoice by card; Stripe posts its signed event a second later."""
        method = request_form(f"{self._base}/payment_methods", {
            "type": "card", "card[number]": "4242424242424242", "card[exp_month]": "12",
            "card[exp_year]": str(datetime.date.today().year + 3), "card[cvc]": "123",
        }, self._headers)
        intent = request_form(f"{self._base}/payment_intents", {
            "amount": str(int(amount * 100)), "currency": currency.lower(), "payment_method": method["id"],
            "metadata[q2c_invoice_number]": invoice_number, "confirm": "true",
        }, self._headers)
        if intent["status"] != "succeeded":
            raise Problem(f"localstripe left the payment {intent['id']} {intent['status']}.")
        return intent

    def payment(self, intent: str) -> Record:
        """A payment as Stripe has it now."""
        return request_json("GET", f"{self._base}/payment_intents/{intent}", headers=self._headers)


def _packed(value: Any) -> str:
    """How Tryton wants JSON in an address or a header."""
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode()


def _plain(value: Any) -> Any:
    """Tryton's typed JSON as Python values: decimals and dates instead of objects that describe them."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    kind = value.get("__class__")
    if kind == "Decimal":
        return Decimal(value["decimal"])
    if kind == "date":
        return datetime.date(value["year"], value["month"], value["day"])
    return {name: _plain(item) for name, item in value.items()}
