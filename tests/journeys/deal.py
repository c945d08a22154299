"""One deal on its way from quote to cash: what people do with it, and what can be read of it anywhere."""

from __future__ import annotations

import datetime
import uuid
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from local.connections import CRM, TENANT
from local.timeline import read_partition

if TYPE_CHECKING:
    from .conftest import Journey

Item = dict[str, Any]

NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "urn:quote-to-cash")
CONSULTANT, PRINCIPAL = Decimal("180.00"), Decimal("260.00")
M1, M2 = Decimal("20000.00"), Decimal("30000.00")
TAX = Decimal("0.10")


class Deal:
    """A deal in the CRM and everything that follows from it."""

    def __init__(self, journey: Journey, made: dict[str, Any], company: dict[str, str]):
        self._journey = journey
        self.number: str = made["deal_id"]
        self.company: str = made["company_id"]
        self.quote: str = made["quote_id"]
        self.quote_lines: list[str] = made["line_item_ids"]
        self.customer_record = company
        self.engagement = f"eng_{uuid.uuid5(NAMESPACE, f'{TENANT}|{CRM}|deal|{self.number}').hex}"

    # What people do.

    def approve(self, **variation: Any) -> dict[str, Any]:
        """Approve the quote; returns the delivery of the notification, which was accepted."""
        delivery = self._journey.crm.approve(self.number, **variation)[0]
        assert delivery["answers"][-1]["status"] == 202, delivery["answers"]
        return delivery

    def activate(self) -> Deal:
        """Approve the quote and see the engagement active."""
        self.approve()
        self.wait(lambda: self.status == "active", 60, "the engagement to be active")
        return self

    def revise(self, **changes: Any) -> dict[str, Any]:
        """Clone the quote in the CRM as its next version, with changes; it is approved by `approve`."""
        return self._journey.crm.post(f"/deals/{self.number}/revise", **changes)

    def amend(self, **changes: Any) -> Deal:
        """Approve a further version of the quote and see it in force in the journal and shown in the CRM."""
        version = self.revise(**changes)["version"]
        self.approve()
        self.wait(lambda: self.version == version, 60, f"contract version {version} to be in force")
        self.wait(lambda: self.in_crm.get("q2c_contract_version") == str(version), 30, "the CRM to show it")
        return self

    def deliver(self, *minutes: int, milestone: str = "M1", poll: bool = True) -> None:
        """Approve time and complete a milestone in the PSA, and poll."""
        if minutes:
            self._journey.psa.log_time(self.project["id"], *(entry(length) for length in minutes))
        if milestone:
            self._journey.psa.complete(self.project["id"], milestone)
        if poll:
            self._journey.poll()

    def billed(self, *minutes: int, milestone: str = "M1") -> Item:
        """Deliver and see the invoice posted and shown everywhere."""
        known = {item["invoice"] for item in self.invoices}
        self.deliver(*minutes, milestone=milestone)
        return self.posted(known)

    def posted(self, known: set[str] | None = None) -> Item:
        """Wait for an invoice that was not known to be posted, with CRM and PSA showing it."""
        def fresh() -> Item | None:
            found = [item for item in self.invoices if item["invoice"] not in (known or set())]
            return next((item for item in found if item["status"] != "submitted" and item.get("number")), None)
        invoice = self.wait(fresh, 60, "an invoice to be posted")
        self.wait(lambda: self.shown(invoice, "posted"), 30, "CRM and PSA to show the invoice")
        return self.invoice(invoice["invoice"])

    def paid(self, invoice: Item, amount: Decimal | None = None) -> dict[str, Any]:
        """The customer pays, in full unless said otherwise; returns Stripe's payment."""
        total = invoice["total"]
        return self._journey.stripe.pay(amount or Decimal(total["amount"]), total["currency"], invoice["number"])

    # What can be read.

    def items(self, kind: str | None = None) -> list[Item]:
        """The journal's items of this deal, oldest first."""
        found = read_partition(
            self._journey.dynamodb, self._journey.stack.table, f"tenant#{TENANT}#engagement#{self.engagement}",
        )
        found.sort(key=lambda item: str(item.get("recorded_at", "")))
        return [item for item in found if kind in (None, item.get("kind"))]

    @property
    def state(self) -> Item:
        """The engagement's state; empty before there is one."""
        return next(iter(self.items("state")), {})

    @property
    def status(self) -> str | None:
        """The engagement's status."""
        return self.state.get("status")

    @property
    def version(self) -> int:
        """The contract version in force; 0 before there is one."""
        return int(self.state.get("contract", {}).get("version", 0))

    @property
    def plan(self) -> dict[str, Decimal]:
        """The positions of its billing plan in the ERP, by the key in our reference."""
        (found,) = self._journey.erp.by_external_id(
            "project.work", self.engagement, "children.external_id", "children.list_price",
        )
        return {row["external_id"].split("/")[1]: row["list_price"] for row in found["children"]}

    @property
    def customer(self) -> str:
        """Our ID of its customer."""
        return self.state["customer"]

    @property
    def customer_id(self) -> str:
        """Our ID of the company that buys, known before anything is set up."""
        return f"cus_{uuid.uuid5(NAMESPACE, f'{TENANT}|{CRM}|company|{self.company}').hex}"

    @property
    def customer_item(self) -> Item:
        """The customer as it is kept; empty before there is one."""
        return next((item for item in self.customer_items() if item["kind"] == "customer"), {})

    def customer_items(self, kind: str | None = None) -> list[Item]:
        """The journal's items of its customer."""
        found = read_partition(
            self._journey.dynamodb, self._journey.stack.table, f"tenant#{TENANT}#subject#{self.customer_id}",
        )
        return [item for item in found if kind in (None, item.get("kind"))]

    @property
    def lines(self) -> list[Item]:
        """Its billable lines."""
        return self.items("line")

    @property
    def invoices(self) -> list[Item]:
        """Its invoices."""
        return self.items("invoice")

    def invoice(self, invoice: str) -> Item:
        """One of its invoices."""
        (found,) = [item for item in self.invoices if item["invoice"] == invoice]
        return found

    def exceptions(self, status: str | None = "open") -> list[Item]:
        """Its exceptions, the open ones unless said otherwise."""
        return [item for item in self.items("exception") if status in (None, item["status"])]

    def codes(self) -> list[str]:
        """The codes of its open exceptions."""
        return sorted(item["code"] for item in self.exceptions())

    def nothing_waits(self) -> None:
        """Wait for what was held to be settled, which comes after the run that was held has ended."""
        self.wait(lambda: self.codes() == [], 20, "nothing to wait for a person")

    @property
    def projects(self) -> list[dict[str, Any]]:
        """Its projects in the PSA; one, or something is wrong."""
        return self._journey.psa.projects(self.engagement)

    @property
    def project(self) -> dict[str, Any]:
        """Its project in the PSA."""
        (found,) = self.projects
        return found

    @property
    def in_crm(self) -> dict[str, Any]:
        """What the account team sees on the deal."""
        return self._journey.crm.properties("deals", self.number)

    def shown(self, invoice: Item, status: str) -> bool:
        """Whether CRM and PSA show an invoice in a status."""
        seen = self.in_crm
        references = [
            reference for project in self.projects for reference in project["external_references"]
            if reference["service_model"] == "invoice" and reference["service_model_ref"] == invoice["invoice"]
        ]
        return (
            (seen.get("q2c_invoice_number"), seen.get("q2c_invoice_status")) == (invoice["number"], status)
            and [status in (ref.get("status"), ref.get("external_status")) for ref in references] == [True]
        )

    def settled(self, invoice: Item, status: str = "paid") -> Item:
        """Wait until journal, ERP, CRM and PSA all hold an invoice in a status; returns it."""
        def everywhere() -> bool:
            now = self.invoice(invoice["invoice"])
            due = Decimal(now["total"]["amount"]) - Decimal(now["applied"]["amount"])
            if now.get("credited"):
                due -= Decimal(now["credited"]["set_off"]["amount"])
            in_erp = self._journey.erp.invoice(invoice["invoice"])["amount_to_pay"]
            return now["status"] == status and in_erp == due and self.shown(invoice, status)
        self.wait(everywhere, 40, f"the invoice to be {status} everywhere")
        return self.invoice(invoice["invoice"])

    def wait(self, condition: Callable[[], Any], timeout: float, what: str) -> Any:
        """Wait for a condition of this deal."""
        return self._journey.stack.wait_for(condition, timeout, what)


def entry(minutes: int, *, role: str = "consultant", user: str = "Ben Okafor", date: str | None = None,
          notes: str = "Workshop") -> dict[str, Any]:
    """A time entry as a consultant logs it, of today unless said otherwise."""
    day = date or datetime.date.today().isoformat()
    return {"user": user, "role": role, "minutes": minutes, "date": day, "notes": notes}


def money(value: dict[str, str]) -> Decimal:
    """An amount of the journal."""
    assert value["currency"] == "USD", value
    return Decimal(value["amount"])
