"""Play one deal from an approved quote to applied cash, and show what happens where.

Only what people do in their own products is done here: Sales approves, the
consultants log time, the customer accepts and pays. Everything else is the
deployed functions' work, and each wait for it has a deadline.
"""

from __future__ import annotations

import datetime
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from . import agreement, diagnosis
from .connections import CRM, TENANT, tenant
from .console import say
from .problem import Problem
from .stack import Stack
from .systems import HubSpot, Kantata, Record, Stripe, Tryton
from .timeline import Timeline

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:quote-to-cash")
MILESTONE, MILESTONE_FEE = "M1", Decimal("20000.00")
RATES = {"consultant": Decimal("180.00"), "principal": Decimal("260.00")}
NEW_RATE = Decimal("200.00")
"""A consultant's hour from the day of the change order on; earlier work keeps its price."""
CHANGES = {
    "lines": {
        "M2": {"name": "Deployment with data migration", "price": "36000.00", "amount": "36000.00"},
        "consultant": {"price": f"{NEW_RATE}", "amount": f"{NEW_RATE}"},
        "S1": {"price": "1800.00", "amount": "21600.00"},
    },
}
VALUE = Decimal("77600.00")
"""What is sold after the change order: 20,000 + 36,000 + 12 × 1,800."""
TASK = "Delivery"
WORK = (
    (4, "Ada Lindqvist", "principal", 120, "Kick-off with the customer"),
    (3, "Ben Okafor", "consultant", 450, "Process workshop, day 1"),
    (2, "Ben Okafor", "consultant", 480, "Process workshop, day 2"),
    (1, "Cleo Martin", "consultant", 390, "Interface design"),
    (0, "Ada Lindqvist", "principal", 90, "Design review"),
    (0, "Cleo Martin", "consultant", 240, "Plan of the data migration"),
)
"""How many days ago who worked, in which role, how many minutes, on what."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Deal:
    """A played deal: its identifiers and what it must come to."""

    deal: str
    engagement: str
    untaxed: Decimal


class Play:
    """One deal on a connected stack."""

    def __init__(self, stack: Stack):
        self.stack = stack
        self.hubspot = HubSpot(stack.instance)
        self.kantata = Kantata(stack.instance)
        self.tryton = Tryton(stack.instance)
        self.stripe = Stripe(stack.instance)
        self.timeline: Timeline

    def run(self) -> Deal:
        """Play it; raises a Problem with everything known when it gets stuck or the books disagree."""
        deal = self._approve_quote()
        project = self._see_activation(deal)
        self._change_order(deal)
        self._deliver(project)
        invoice = self._see_invoice(deal)
        payment = self._pay(invoice)
        self._see_payment(deal, invoice["invoice"])
        self._compare_books(deal, invoice["invoice"], payment)
        return deal

    def _approve_quote(self) -> Deal:
        _stage(1, "Sales: a quote is approved in HubSpot")
        made = self.hubspot.create_deal(template="programme")
        number = made["deal_id"]
        engagement = f"eng_{uuid.uuid5(NAMESPACE, f'{TENANT}|{CRM}|deal|{number}').hex}"
        self.timeline = Timeline(self.stack, engagement)
        _done("hubspot", f"deal {number}, quote {made['quote_id']}, company {made['company_id']}: Globex Corporation")
        answers = self.hubspot.approve(number)["deliveries"][0]["answers"]
        status = answers[-1]["status"]
        _done("hubspot", f"signed notification posted to our webhook, answered {status}")
        if status != 202:
            raise self._stuck(f"The webhook answered {status}: {answers[-1]['body']}")
        return Deal(number, engagement, MILESTONE_FEE + sum(rate(role, age) * minutes / 60 for age, _, role, minutes, _ in WORK))

    def _see_activation(self, deal: Deal) -> Record:
        _stage(2, "Activation: customer, billing plan and project are set up")
        self._await("the engagement to be active", lambda: self._status() == "active", 90)
        for plan in self.tryton.by_external_id(
            "project.work", deal.engagement, "name", "number", "party.code", "party.name",
            "children.name", "children.list_price",
        ):
            party = plan["party"]
            _done("tryton", f"customer {party['code']} {party['name']}; billing plan {plan['number']} {plan['name']}")
            for position in plan["children"]:
                _done("tryton", f"  position {position['name']}: {position['list_price']}")
        projects = self.kantata.projects(deal.engagement)
        if len(projects) != 1:
            raise self._stuck(f"Kantata has {len(projects)} projects of the engagement instead of one.")
        stories = ", ".join(f"{story['title']} ({story['story_type']})" for story in projects[0]["stories"])
        _done("kantata", f"project {projects[0]['id']} {projects[0]['title']}: {stories}")
        return projects[0]

    def _change_order(self, deal: Deal) -> None:
        _stage(3, "Half-way: the customer signs a change order")
        made = self.hubspot.revise(deal.deal, **CHANGES)
        _done("hubspot", f"quote {made['quote_id']} is version {made['version']}: deployment 36,000.00 instead of 30,000.00, "
                         f"a consultant's hour {NEW_RATE} instead of {RATES['consultant']}, support 1,800.00 a month")
        self.hubspot.approve(deal.deal)
        self._await("the change order to be in force", lambda: self._contract()["version"] == made["version"], 90)
        self._await("HubSpot to show it", lambda: self.hubspot.deal(deal.deal).get("q2c_contract_version") == "2", 60)
        shown = self.hubspot.deal(deal.deal)
        if Decimal(shown["q2c_contract_value"] or 0) != VALUE:
            raise self._stuck(f"HubSpot shows a contract value of {shown['q2c_contract_value']} instead of {VALUE}.")
        _done("hubspot", f"deal {deal.deal} shows contract version {shown['q2c_contract_version']}, {shown['q2c_contract_value']}")
        for plan in self.tryton.by_external_id("project.work", deal.engagement, "children.name", "children.list_price"):
            for position in plan["children"]:
                _done("tryton", f"  position {position['name']}: {position['list_price']}")
        for project in self.kantata.projects(deal.engagement):
            amounts = ", ".join(f"{one['title']} {one['amount_in_cents'] / 100:.2f}" for one in project["billing_milestones"])
            _done("kantata", f"project {project['id']} has a budget of {project['price']}: {amounts}")

    def _contract(self) -> Record:
        return next(item["contract"] for item in self.timeline.of_kind("state"))

    def _deliver(self, project: Record) -> None:
        _stage(4, "Delivery: time is approved and a milestone accepted in Kantata")
        today = datetime.datetime.now(ZoneInfo(tenant()["time_zone"])).date()
        entries = self.kantata.log_time(project["id"], TASK, [
            {"user": user, "role": role, "minutes": minutes, "notes": notes,
             "date": (today - datetime.timedelta(days=age)).isoformat()}
            for age, user, role, minutes, notes in WORK
        ])
        self.kantata.approve(entries)
        _done("kantata", f"time entries {', '.join(entries)} approved")
        story = self.kantata.complete(project["id"], MILESTONE)
        _done("kantata", f"milestone {story['title']} ({story['id']}) completed and accepted")
        self._poll()
        self._await("the billable lines", lambda: len(self.timeline.of_kind("line")) == len(WORK) + 1, 90)

    def _poll(self) -> None:
        """Ask now instead of waiting for the minute's schedule."""
        answer = self.stack.instance.client("lambda").invoke(FunctionName=self.stack.function("poll"), Payload=b"{}")
        if answer.get("FunctionError"):
            raise self._stuck(f"poll failed: {answer['Payload'].read().decode()[:500]}")
        _done("poll", "read Kantata's event log")

    def _see_invoice(self, deal: Deal) -> Record:
        _stage(5, "Billing: the lines become an invoice, posted in Tryton")
        invoice = self._await("the invoice to be posted", lambda: self._invoice("posted"), 120)
        self._show_books(invoice)
        self._await("CRM and PSA to show the invoice", lambda: self._shown(deal, invoice, "posted"), 60)
        self._show_write_backs(deal, invoice)
        return invoice

    def _pay(self, invoice: Record) -> Record:
        _stage(6, "Cash: the customer pays through Stripe")
        intent = self.stripe.pay(Decimal(invoice["total"]["amount"]), invoice["total"]["currency"], invoice["number"])
        _done("stripe", f"payment {intent['id']} of {intent['amount']} cents succeeded, names {invoice['number']}")
        return intent

    def _see_payment(self, deal: Deal, number: str) -> None:
        invoice = self._await("the payment to be applied", lambda: self._invoice("paid"), 90)
        self._await("Tryton to show it paid", lambda: self._posted(number)["state"] == "paid", 60)
        self._show_books(invoice)
        self._await("CRM and PSA to show it paid", lambda: self._shown(deal, invoice, "paid"), 60)
        self._show_write_backs(deal, invoice)

    def _compare_books(self, deal: Deal, invoice: str, payment: Record) -> None:
        _stage(7, "Do the books agree?")
        books = agreement.Books(
            expected=deal.untaxed,
            items=self.timeline.items(),
            posted=self.tryton.by_external_id("account.invoice", invoice, *agreement.INVOICE_FIELDS),
            deal=self.hubspot.deal(deal.deal),
            projects=self.kantata.projects(deal.engagement),
            payment=payment,
        )
        failed = False
        for check in agreement.compare(books):
            say(f"  {'✓' if check.holds else '✗'} {check.what}: {check.seen}")
            failed = failed or not check.holds
        if failed:
            raise self._stuck("The books of the four systems do not agree.")

    def _status(self) -> str | None:
        return next((item.get("status") for item in self.timeline.of_kind("state")), None)

    def _invoice(self, status: str) -> Record | None:
        return next((item for item in self.timeline.of_kind("invoice") if item["status"] == status), None)

    def _posted(self, invoice: str) -> Record:
        return self.tryton.by_external_id("account.invoice", invoice, *agreement.INVOICE_FIELDS)[0]

    def _shown(self, deal: Deal, invoice: Record, status: str) -> bool:
        properties = self.hubspot.deal(deal.deal)
        references = agreement.invoice_references(self.kantata.projects(deal.engagement), invoice["invoice"])
        return (
            properties.get("q2c_invoice_number") == invoice["number"]
            and properties.get("q2c_invoice_status") == status
            and any(agreement.says(reference, status) for reference in references)
        )

    def _show_books(self, invoice: Record) -> None:
        posted = self._posted(invoice["invoice"])
        _done("tryton", f"invoice {posted['number']} (record {posted['id']}, move {posted['move']['number']}) is "
                        f"{posted['state']}: untaxed {posted['untaxed_amount']}, tax {posted['tax_amount']}, "
                        f"total {posted['total_amount']}, open {posted['amount_to_pay']}")

    def _show_write_backs(self, deal: Deal, invoice: Record) -> None:
        properties = self.hubspot.deal(deal.deal)
        shown = {name: value for name, value in properties.items() if name.startswith("q2c_invoice") and value}
        _done("hubspot", f"deal {deal.deal} shows " + ", ".join(f"{name}={value}" for name, value in shown.items()))
        for reference in agreement.invoice_references(self.kantata.projects(deal.engagement), invoice["invoice"]):
            _done("kantata", f"project {reference['subject_id']} shows {reference['external_message']} "
                             f"({reference['external_status'] or reference['status']})")

    def _await(self, what: str, condition: Callable[[], Result | None], seconds: float) -> Result:
        """Wait for a condition, printing the engagement's timeline as it grows."""
        deadline = time.monotonic() + seconds
        while True:
            met = condition()
            news = self.timeline.news()
            for entry in news:
                say(f"  {entry}")
            if met:
                return met
            if any(entry.what == "EXCEPTION" for entry in news):
                raise self._stuck(f"The engagement needs a person while waiting for {what}.")
            if time.monotonic() > deadline:
                raise self._stuck(f"Waited {seconds:.0f} s for {what}; it did not happen.")
            time.sleep(0.3)

    def _stuck(self, what: str) -> Problem:
        for entry in self.timeline.news():
            say(f"  {entry}")
        return Problem(f"{what}\n\n{diagnosis.report(self.stack)}",
                       f"Everything is still running: python3 -m local timeline {self.timeline.engagement}")


def rate(role: str, age: int) -> Decimal:
    """What an hour costs that was worked that many days ago."""
    return NEW_RATE if role == "consultant" and age == 0 else RATES[role]


def _stage(number: int, title: str) -> None:
    say(f"\n{number}. {title}")


def _done(system: str, text: str) -> None:
    say(f"  {datetime.datetime.now(datetime.UTC):%H:%M:%S.%f}"[:14] + f"  {system:22}  {text}")
