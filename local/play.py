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

from . import agreement, diagnosis
from .connections import CRM, TENANT
from .console import say
from .problem import Problem
from .stack import Stack
from .systems import HubSpot, Kantata, Record, Stripe, Tryton
from .timeline import Timeline

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:quote-to-cash")
MILESTONE, MILESTONE_FEE = "M1", Decimal("20000.00")
RATES = {"consultant": Decimal("180.00"), "principal": Decimal("260.00")}
TASK = "Delivery"
WORK = (
    ("Ada Lindqvist", "principal", 120, "Kick-off with the customer"),
    ("Ben Okafor", "consultant", 450, "Process workshop, day 1"),
    ("Ben Okafor", "consultant", 480, "Process workshop, day 2"),
    ("Cleo Martin", "consultant", 390, "Interface design"),
    ("Ada Lindqvist", "principal", 90, "Design review"),
)
"""Who worked, in which role, how many minutes, on what: one entry a day, the last one today."""

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
        self._deliver(project)
        invoice = self._see_invoice(deal)
        payment = self._pay(invoice)
        self._see_payment(deal, invoice["invoice"])
        self._compare_books(deal, invoice["invoice"], payment)
        return deal

    def _approve_quote(self) -> Deal:
        _stage(1, "Sales: a quote is approved in HubSpot")
        made = self.hubspot.create_deal()
        number = made["deal_id"]
        engagement = f"eng_{uuid.uuid5(NAMESPACE, f'{TENANT}|{CRM}|deal|{number}').hex}"
        self.timeline = Timeline(self.stack, engagement)
        _done("hubspot", f"deal {number}, quote {made['quote_id']}, company {made['company_id']}: Globex Corporation")
        answers = self.hubspot.approve(number)["deliveries"][0]["answers"]
        status = answers[-1]["status"]
        _done("hubspot", f"signed notification posted to our webhook, answered {status}")
        if status != 202:
            raise self._stuck(f"The webhook answered {status}: {answers[-1]['body']}")
        return Deal(number, engagement, MILESTONE_FEE + sum(RATES[role] * minutes / 60 for _, role, minutes, _ in WORK))

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

    def _deliver(self, project: Record) -> None:
        _stage(3, "Delivery: time is approved and a milestone accepted in Kantata")
        days = [datetime.date.today() - datetime.timedelta(days=age) for age in reversed(range(len(WORK)))]
        entries = self.kantata.log_time(project["id"], TASK, [
            {"user": user, "role": role, "minutes": minutes, "notes": notes, "date": day.isoformat()}
            for (user, role, minutes, notes), day in zip(WORK, days, strict=True)
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
        _stage(4, "Billing: the lines become an invoice, posted in Tryton")
        invoice = self._await("the invoice to be posted", lambda: self._invoice("posted"), 120)
        self._show_books(invoice)
        self._await("CRM and PSA to show the invoice", lambda: self._shown(deal, invoice, "posted"), 60)
        self._show_write_backs(deal, invoice)
        return invoice

    def _pay(self, invoice: Record) -> Record:
        _stage(5, "Cash: the customer pays through Stripe")
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
        _stage(6, "Do the books agree?")
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


def _stage(number: int, title: str) -> None:
    say(f"\n{number}. {title}")


def _done(system: str, text: str) -> None:
    say(f"  {datetime.datetime.now(datetime.UTC):%H:%M:%S.%f}"[:14] + f"  {system:22}  {text}")
