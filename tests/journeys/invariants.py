"""The invariants of the design, computed from the table's items and from the products' books."""

from __future__ import annotations

import json
from collections import Counter
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from .deal import Deal, money

if TYPE_CHECKING:
    from .conftest import Journey

ZERO = Decimal(0)


def assert_invariants(journey: Journey, deal: Deal) -> None:
    """All of them, for one deal."""
    nothing_is_lost(journey, deal)
    nothing_is_billed_twice(journey, deal)
    one_of_each(journey, deal)
    money_adds_up(journey, deal)


def nothing_is_lost(journey: Journey, deal: Deal) -> None:
    """Every event that a product reported about the deal has exactly one fate: an entry, a line that is its entry,
    a place where it waits, or an exception that keeps it. What is told again under another name is its record's."""
    items = deal.items()
    billed = {source(item) for item in items if item["kind"] == "line"}
    again = {
        event["id"] for event in journey.stack.recorder.about(deal.engagement)
        if event["type"] == "q2c.expense.approved.v1" and ("expense", event["data"]["expense"]) in billed
    }
    invoices = {item["invoice"] for item in items if item["kind"] == "invoice"}
    reported = {
        event["id"] for event in journey.stack.recorder.about(deal.engagement) if "/connections/" in event["source"]
    } | {
        detail["id"] for detail in (event["detail"] for event in journey.stack.events)
        if detail["type"] == "q2c.invoice.posted.v1" and detail["data"]["invoice"] in invoices
    }
    entries = {item["event_id"] for item in items if "event_id" in item}
    parked = {item["id"] for item in items if item["kind"] == "parked"}
    payloads = [json.loads(item["payload"]) for item in items if item["kind"] == "exception"]
    held = {payload.get("detail", payload)["id"] for payload in payloads}
    assert not (lost := reported - entries - parked - held - again), f"reported, and nowhere: {lost}"
    assert not (both := entries & parked), f"applied, and still parked: {both}"


def nothing_is_billed_twice(journey: Journey, deal: Deal) -> None:
    """Each record of the PSA is one line at most, each line on one invoice at most, each invoice in the ERP once."""
    items = deal.items()
    lines = {item["line"]: item for item in items if item["kind"] == "line"}
    sources = Counter(source(line) for line in lines.values())
    assert set(sources.values()) <= {1}, f"a record became two lines: {sources}"
    pages = [item for item in items if item["kind"] == "invoice-page"]
    credited = released(items)
    owned = Counter(
        line["line"] for page in pages for line in page["lines"]
        if (line["line"], page["sk"].split("#")[1]) not in credited
    )
    assert set(owned.values()) <= {1}, f"a line is on two invoices: {owned}"
    invoiced = {line for line, item in lines.items() if item["status"] == "invoiced"}
    assert invoiced == set(owned), "a line says that it is invoiced exactly when an invoice owns it"
    for invoice in (item for item in items if item["kind"] == "invoice"):
        found = journey.erp.by_external_id("account.invoice", invoice["invoice"])
        assert len(found) <= 1, f"{invoice['invoice']} is in the ERP {len(found)} times"


def one_of_each(journey: Journey, deal: Deal) -> None:
    """One customer, one billing plan, one project at most, and no record of the project twice."""
    assert len(journey.erp.by_external_id("project.work", deal.engagement)) <= 1, "billing plans"
    registration = journey.crm.properties("companies", deal.company).get("q2c_tax_id")
    if registration:
        assert len(journey.erp.parties(registration)) <= 1, "customer accounts"
    assert len(deal.projects) <= 1, "projects"
    for project in deal.projects:
        titles = Counter(story["title"] for story in project["stories"])
        billing = Counter(milestone["title"] for milestone in project["billing_milestones"])
        assert set((titles | billing).values()) <= {1}, f"a record of the project is there twice: {titles | billing}"


def money_adds_up(journey: Journey, deal: Deal) -> None:
    """Billable = unbilled + invoiced; receivable = invoiced − applied, as the ERP has it, which knows nothing of what
    is written off as a small difference; received = applied + unapplied + kept + returned."""
    items = deal.items()
    lines = [item for item in items if item["kind"] == "line" and item["status"] != "withdrawn"]
    invoices = [item for item in items if item["kind"] == "invoice"]
    payments = [item for item in items if item["kind"] == "payment"]
    unbilled = total(line["amount"] for line in lines if line["status"] == "ready")
    billable = total(line["amount"] for line in lines)
    forgone = total(line["amount"] for line in lines if line["status"] in ("credited", "written-off"))
    billed = total(line["amount"] for line in lines if line["status"] == "invoiced")
    assert billable == unbilled + billed + forgone, "billable"
    if not released(items):
        assert billed == total(invoice["untaxed"] for invoice in invoices), "invoiced"
    for payment in payments:
        parts = [payment[name] for name in ("applied", "unapplied", "kept", "returned") if name in payment]
        assert money(payment["received"]) == total(parts), "received"
    applications = [application for payment in payments for application in payment["applications"]]
    for invoice in invoices:
        to_it = [one["applied"] for one in applications if one["invoice"] == invoice["invoice"]]
        assert money(invoice["applied"]) == total(to_it), "applied"
        if invoice.get("total"):
            booked = journey.erp.invoice(invoice["invoice"])
            due = money(invoice["total"]) - money(invoice["applied"]) - set_off(invoice)
            assert booked["amount_to_pay"] == due, "receivable"
            assert booked["untaxed_amount"] == money(invoice["untaxed"]), "posted as submitted"


def set_off(invoice: dict[str, Any]) -> Decimal:
    """What credit memos took off what was to be paid."""
    return money(invoice["credited"]["set_off"]) if invoice.get("credited") else ZERO


def released(items: list[dict[str, Any]]) -> set[tuple[str, str]]:
    """Lines that credit memos released, each with the invoice that had billed it."""
    posted = [item for item in items if item["kind"] == "credit-memo" and item["status"] in ("posted", "applied")]
    return {(part["line"], memo["invoice"]) for memo in posted for part in memo["parts"] if part["whole"]}


def source(line: dict[str, Any]) -> tuple[str, str]:
    """The record that earned a line: the PSA's, the contract's for a period of a charge, its own for a correction."""
    evidence = line["evidence"]
    if evidence["kind"] == "charge":
        return "charge", f"{evidence['charge']}/{int(evidence['period'])}"
    if evidence["kind"] in ("time", "overage"):
        return "time", evidence["entry"]["entry"]
    if evidence["kind"] == "expense":
        return "expense", evidence["expense"]["expense"]
    if evidence["kind"] == "usage":
        return "usage", evidence["record"]["record"]
    if evidence["kind"] == "deposit":
        return "deposit", evidence["deposit"]
    if evidence["kind"] in ("adjustment", "drawdown"):
        return evidence["kind"], line["line"]
    return "milestone", evidence["completion"]["record"]


def total(amounts: Any) -> Decimal:
    """The sum of amounts of the journal."""
    return sum((money(amount) for amount in amounts), ZERO)
