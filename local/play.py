"""Play one deal from an approved quote to applied cash, and show what happens where.

Only what people do in their own products is done here: Sales approves, the
consultants log time and expenses, the customer accepts and pays, finance credits.
Everything else is the deployed functions' work, and each wait for it has a
deadline. What is done every minute or hour anyway is asked for at once.
"""

from __future__ import annotations

import datetime
import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

from . import agreement, diagnosis, sold
from .api import Caller
from .connections import CRM, TENANT, tenant
from .console import say
from .problem import Problem
from .sold import DELIVERY, MONTH, SPENT, WORK
from .stack import Stack
from .systems import HubSpot, Kantata, Record, Stripe, Tryton
from .timeline import Timeline

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:quote-to-cash")
BOOKED = ("account.invoice", "account.statement", "account.move")
"""What the deal leaves in Tryton's books; all that comes while it is played is compared."""
SHOWN = ("q2c_invoice_number", "q2c_invoice_status", "q2c_invoice_total", "q2c_paid_amount", "q2c_credited_amount")
"""What HubSpot's deal shows of its latest invoice."""

Result = TypeVar("Result")


@dataclass(frozen=True)
class Deal:
    """A played deal."""

    deal: str
    engagement: str


class Play:
    """One deal on a connected stack."""

    def __init__(self, stack: Stack):
        self.stack = stack
        self.hubspot = HubSpot(stack.instance)
        self.kantata = Kantata(stack.instance)
        self.tryton = Tryton(stack.instance)
        self.stripe = Stripe(stack.instance)
        self.finance = Caller(stack, "finance-app")
        self.timeline: Timeline
        self.today = datetime.datetime.now(ZoneInfo(tenant()["time_zone"])).date()
        self.before = {model: self.tryton.latest(model) for model in BOOKED}
        self.payments: list[str] = []

    def run(self) -> Deal:
        """Play it; raises a Problem with everything known when it gets stuck or the books disagree."""
        deal = self._approve_quote()
        project = self._see_activation(deal)
        month = self._charge_month(deal)
        self._change_order(deal)
        entries = self._deliver(project)
        delivery = self._see_invoice(deal)
        self._pay_in_part(deal, month, delivery)
        self._credit(deal, delivery, entries[sold.CREDITED])
        self._pay_the_rest(deal, delivery)
        self._compare_books(deal, month, delivery)
        return deal

    def _approve_quote(self) -> Deal:
        _stage(1, "Sales: a quote is approved in HubSpot")
        made = self.hubspot.create_deal(
            template="programme", add=sold.beside_the_template(self.today), deal={"amount": f"{sold.FIRST_VALUE}"})
        number = made["deal_id"]
        engagement = f"eng_{uuid.uuid5(NAMESPACE, f'{TENANT}|{CRM}|deal|{number}').hex}"
        self.timeline = Timeline(self.stack, engagement)
        _done("hubspot", f"deal {number}, quote {made['quote_id']}, company {made['company_id']}: Globex Corporation")
        answers = self.hubspot.approve(number)["deliveries"][0]["answers"]
        status = answers[-1]["status"]
        _done("hubspot", f"signed notification posted to our webhook, answered {status}")
        if status != 202:
            raise self._stuck(f"The webhook answered {status}: {answers[-1]['body']}")
        return Deal(number, engagement)

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

    def _charge_month(self, deal: Deal) -> Record:
        _stage(3, "Managed service: last month is over and falls due")
        told = self._invoke("schedule-charges")
        periods = sum(one["periods"] for one in told if one["tenant"] == TENANT)
        _done("schedule-charges", f"told {periods} period{'' if periods == 1 else 's'} to be due")
        return self._billed(deal, "charge")

    def _change_order(self, deal: Deal) -> None:
        _stage(4, "Half-way: the customer signs a change order")
        made = self.hubspot.revise(deal.deal, **sold.CHANGES)
        _done("hubspot", f"quote {made['quote_id']} is version {made['version']}: deployment 36,000.00 instead of 30,000.00, "
                         f"a consultant's hour {sold.NEW_RATE} instead of {sold.RATES['consultant']}, support 1,800.00 a month")
        self.hubspot.approve(deal.deal)
        self._await("the change order to be in force", lambda: self._contract()["version"] == made["version"], 90)
        self._await("HubSpot to show it", lambda: self.hubspot.deal(deal.deal).get("q2c_contract_version") == "2", 60)
        shown = self.hubspot.deal(deal.deal)
        if Decimal(shown["q2c_contract_value"] or 0) != sold.VALUE:
            raise self._stuck(f"HubSpot shows a contract value of {shown['q2c_contract_value']} instead of {sold.VALUE}.")
        _done("hubspot", f"deal {deal.deal} shows contract version {shown['q2c_contract_version']}, {shown['q2c_contract_value']}")
        for plan in self.tryton.by_external_id("project.work", deal.engagement, "children.name", "children.list_price"):
            for position in plan["children"]:
                _done("tryton", f"  position {position['name']}: {position['list_price']}")
        for project in self.kantata.projects(deal.engagement):
            amounts = ", ".join(f"{one['title']} {one['amount_in_cents'] / 100:.2f}" for one in project["billing_milestones"])
            _done("kantata", f"project {project['id']} has a budget of {project['price']}: {amounts}")

    def _contract(self) -> Record:
        return next(item["contract"] for item in self.timeline.of_kind("state"))

    def _deliver(self, project: Record) -> list[str]:
        _stage(5, "Delivery: time and expenses are approved and a milestone accepted in Kantata")
        entries = self.kantata.log_time(project["id"], sold.TASK, [
            {"user": user, "role": role, "minutes": minutes, "notes": notes, "date": self._day(age)}
            for age, user, role, minutes, notes in WORK
        ])
        self.kantata.approve(entries)
        _done("kantata", f"time entries {', '.join(entries)} approved")
        expenses = self.kantata.spend(project["id"], [
            {"user": user, "category": category, "amount_in_cents": cents, "billable": borne, "date": self._day(age)}
            for age, user, category, cents, borne in SPENT
        ])
        self.kantata.approve_expenses(expenses)
        _done("kantata", f"expenses {', '.join(expenses)} approved, of which the customer bears "
                         f"{sum(borne for *_, borne in SPENT)}")
        self._poll()
        # The milestone asks for the invoice of all that is ready, so what was worked for it is lines first.
        earned = len(WORK) + sum(borne for *_, borne in SPENT)
        self._await("the billable lines", lambda: len(self._lines("time") + self._lines("expense")) == earned, 90)
        story = self.kantata.complete(project["id"], sold.MILESTONE)
        _done("kantata", f"milestone {story['title']} ({story['id']}) completed and accepted")
        self._poll()
        return entries

    def _day(self, age: int) -> str:
        return (self.today - datetime.timedelta(days=age)).isoformat()

    def _see_invoice(self, deal: Deal) -> Record:
        _stage(6, "Billing: the lines become an invoice, posted in Tryton")
        return self._billed(deal, "milestone")

    def _billed(self, deal: Deal, kind: str) -> Record:
        """The invoice that takes a kind of line, once it is posted and shown everywhere."""
        def posted() -> Record | None:
            owner = next((line.get("invoice") for line in self._lines(kind)), None)
            return next((item for item in self.timeline.of_kind("invoice")
                         if item["invoice"] == owner and item["status"] == "posted"), None)
        invoice = self._await("the invoice to be posted", posted, 120)
        return self._settled(deal, invoice, "posted")

    def _pay_in_part(self, deal: Deal, month: Record, delivery: Record) -> None:
        _stage(7, "Cash: the customer pays the month in full and the delivery in part, through Stripe")
        self._pay(month, MONTH.payable)
        self._settled(deal, month, "paid")
        self._pay(delivery, sold.PART)
        self._settled(deal, delivery, "part-paid")

    def _credit(self, deal: Deal, invoice: Record, entry: str) -> None:
        _stage(8, "Finance: a time entry is credited through the API")
        line = next(line for line in self._lines("time") if line["evidence"]["entry"]["entry"] == entry)
        asked = self.finance.command(
            f"/v1/invoices/{invoice['invoice']}/credit-memos",
            {"lines": [line["line"]], "reason": "the design review is a courtesy", "rebill": False},
            f"{invoice['invoice']}-courtesy",
        )
        _done("api", f"finance asked for {asked['credit_memo']}: {asked['untaxed']['amount']} off {invoice['number']}")
        memo = self._await("the credit memo to be set off", lambda: self._memo("applied"), 120)
        self._settled(deal, invoice, "part-paid", credited=DELIVERY.credited)
        self._show_document(memo["credit_memo"])

    def _pay_the_rest(self, deal: Deal, delivery: Record) -> None:
        _stage(9, "Cash: the customer pays the rest")
        self._pay(delivery, DELIVERY.payable - sold.PART)
        self._settled(deal, delivery, "paid", credited=DELIVERY.credited)

    def _pay(self, invoice: Record, amount: Decimal) -> None:
        intent = self.stripe.pay(amount, invoice["total"]["currency"], invoice["number"])
        self.payments.append(intent["id"])
        _done("stripe", f"payment {intent['id']} of {intent['amount']} cents succeeded, names {invoice['number']}")

    def _compare_books(self, deal: Deal, month: Record, delivery: Record) -> None:
        _stage(10, "Do the books agree?")
        failed = False
        for check in agreement.compare(self._books(deal, month, delivery)):
            say(f"  {'✓' if check.holds else '✗'} {check.what}: {check.seen}")
            failed = failed or not check.holds
        if failed:
            raise self._stuck("The books do not agree.")

    def _books(self, deal: Deal, month: Record, delivery: Record) -> agreement.Books:
        fields = (agreement.INVOICE_FIELDS, agreement.STATEMENT_FIELDS, agreement.MOVE_FIELDS)
        documents, statements, moves = (
            self.tryton.since(model, self.before[model], *wanted) for model, wanted in zip(BOOKED, fields, strict=True))
        return agreement.Books(
            expected={month["invoice"]: MONTH, delivery["invoice"]: DELIVERY},
            latest=delivery["invoice"],
            items=self.timeline.items(),
            documents=documents,
            statements=statements,
            moves=moves,
            deal=self.hubspot.deal(deal.deal),
            projects=self.kantata.projects(deal.engagement),
            payments=[self.stripe.payment(payment) for payment in self.payments],
        )

    def _poll(self) -> None:
        """Ask now instead of waiting for the minute's schedule."""
        self._invoke("poll")
        _done("poll", "read Kantata's event log")

    def _invoke(self, function: str) -> Any:
        """Run a scheduled function now; returns what it says."""
        answer = self.stack.instance.client("lambda").invoke(FunctionName=self.stack.function(function), Payload=b"{}")
        said = answer["Payload"].read().decode()
        if answer.get("FunctionError"):
            raise self._stuck(f"{function} failed: {said[:500]}")
        return json.loads(said)

    def _status(self) -> str | None:
        return next((item.get("status") for item in self.timeline.of_kind("state")), None)

    def _contract(self) -> Record:
        return next(item["contract"] for item in self.timeline.of_kind("state"))

    def _lines(self, kind: str) -> list[Record]:
        return [line for line in self.timeline.of_kind("line") if line["evidence"]["kind"] == kind]

    def _memo(self, status: str) -> Record | None:
        return next((item for item in self.timeline.of_kind("credit-memo") if item["status"] == status), None)

    def _document(self, external_id: str) -> Record:
        return self.tryton.by_external_id("account.invoice", external_id, *agreement.INVOICE_FIELDS)[0]

    def _settled(self, deal: Deal, invoice: Record, status: str, credited: Decimal = Decimal(0)) -> Record:
        """Wait until journal, ERP, CRM and PSA all have an invoice in a status, with what is open of it; show it."""
        def everywhere() -> Record | None:
            now = next(item for item in self.timeline.of_kind("invoice") if item["invoice"] == invoice["invoice"])
            set_off = Decimal(now["credited"]["set_off"]["amount"]) if now.get("credited") else Decimal(0)
            left = Decimal(now["total"]["amount"]) - Decimal(now["applied"]["amount"]) - set_off
            in_erp = self._document(now["invoice"])
            holds = (now["status"], set_off, in_erp["amount_to_pay"]) == (status, credited, left)
            return now if holds and self._shown(deal, now, credited) else None
        settled = self._await(f"the invoice to be {status} everywhere", everywhere, 90)
        self._show_document(invoice["invoice"])
        self._show_write_backs(deal, settled)
        return settled

    def _shown(self, deal: Deal, invoice: Record, credited: Decimal) -> bool:
        properties = self.hubspot.deal(deal.deal)
        references = agreement.invoice_references(self.kantata.projects(deal.engagement), invoice["invoice"])
        return (
            properties.get("q2c_invoice_number") == invoice["number"]
            and properties.get("q2c_invoice_status") == invoice["status"]
            and Decimal(properties.get("q2c_credited_amount") or 0) == credited
            and any(agreement.says(reference, invoice["status"])
                    and agreement.shown(reference).get("credited", 0) == credited for reference in references)
        )

    def _show_document(self, external_id: str) -> None:
        posted = self._document(external_id)
        what = "credit note" if posted["total_amount"] < 0 else "invoice"
        _done("tryton", f"{what} {posted['number']} (record {posted['id']}, move {posted['move']['number']}) is "
                        f"{posted['state']}: untaxed {posted['untaxed_amount']}, tax {posted['tax_amount']}, "
                        f"total {posted['total_amount']}, open {posted['amount_to_pay']}")

    def _show_write_backs(self, deal: Deal, invoice: Record) -> None:
        properties = self.hubspot.deal(deal.deal)
        shown = {name: value for name, value in properties.items() if name in SHOWN and value}
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
