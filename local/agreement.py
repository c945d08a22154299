"""Whether the four systems and the journal say the same about one deal.

The expected amount comes from what was sold and worked, not from any of the
systems compared, so an error they share is found too.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

TAX_RATE = Decimal("0.10")
INVOICE_FIELDS = (
    "number", "state", "untaxed_amount", "tax_amount", "total_amount", "amount_to_pay",
    "move.number", "move.state", "move.lines.debit", "move.lines.credit",
)
CENT = Decimal("0.01")


@dataclass(frozen=True)
class Books:
    """What each system says about a deal."""

    expected: Decimal
    items: list[dict[str, Any]]
    posted: list[dict[str, Any]]
    deal: dict[str, Any]
    projects: list[dict[str, Any]]
    payment: dict[str, Any]

    def of_kind(self, kind: str) -> list[dict[str, Any]]:
        """The journal's items of one kind."""
        return [item for item in self.items if item.get("kind") == kind]


@dataclass(frozen=True)
class Check:
    """One statement about the books."""

    what: str
    seen: str
    holds: bool


def compare(books: Books) -> Iterator[Check]:
    """Every statement that must hold once a deal is paid in full."""
    yield from _one_of_each(books)
    if len(books.of_kind("invoice")) == 1 and len(books.posted) == 1 and len(books.of_kind("payment")) == 1:
        yield from _amounts(books)
        yield _balanced(books.posted[0])
        yield from _shown_paid(books)
    open_now = [item["code"] for item in books.of_kind("exception") if item.get("status") == "open"]
    yield Check("nothing waits for a person", ", ".join(open_now) or "no open exception", not open_now)


def invoice_references(projects: list[dict[str, Any]], invoice: str) -> list[dict[str, Any]]:
    """What the PSA's projects show about an invoice."""
    return [
        reference for project in projects for reference in project["external_references"]
        if reference["service_model"] == "invoice" and reference["service_model_ref"] == invoice
    ]


def says(reference: dict[str, Any], status: str) -> bool:
    """Whether a reference shows a status."""
    return status in (reference.get("status"), reference.get("external_status"))


def _one_of_each(books: Books) -> Iterator[Check]:
    for what, found in (
        ("one invoice in the journal", books.of_kind("invoice")),
        ("one invoice in Tryton", books.posted),
        ("one project in Kantata", books.projects),
        ("one payment in the journal", books.of_kind("payment")),
    ):
        yield Check(what, str(len(found)), len(found) == 1)


def _amounts(books: Books) -> Iterator[Check]:
    (invoice,), (posted,), (payment,) = books.of_kind("invoice"), books.posted, books.of_kind("payment")
    tax = (books.expected * TAX_RATE).quantize(CENT)
    total = books.expected + tax
    lines = sum((_amount(line["amount"]) for line in books.of_kind("line")), Decimal(0))
    yield _equal("before tax", books.expected, {
        "sold and worked": books.expected, "billable lines": lines, "journal": _amount(invoice["untaxed"]),
        "Tryton": posted["untaxed_amount"],
    })
    yield _equal("tax", tax, {
        "10 %": tax, "journal": _amount(invoice["tax"]), "Tryton": posted["tax_amount"],
        "HubSpot": _decimal(books.deal.get("q2c_tax_amount")),
    })
    yield _equal("total", total, {
        "journal": _amount(invoice["total"]), "Tryton": posted["total_amount"],
        "HubSpot": _decimal(books.deal.get("q2c_invoice_total")),
    })
    yield _equal("cash", total, {
        "Stripe": (Decimal(books.payment["amount"]) / 100).quantize(CENT), "received": _amount(payment["received"]),
        "applied": _amount(payment["applied"]), "on the invoice": _amount(invoice["applied"]),
        "HubSpot": _decimal(books.deal.get("q2c_paid_amount")),
    })
    yield _equal("still open in Tryton", Decimal(0), {"open": posted["amount_to_pay"]})


def _balanced(posted: dict[str, Any]) -> Check:
    lines = posted["move"]["lines"]
    debit, credit = (sum((line[side] for line in lines), Decimal(0)) for side in ("debit", "credit"))
    balanced = debit == credit == posted["total_amount"] and posted["move"]["state"] == "posted"
    return Check(f"move {posted['move']['number']} is posted and balances", f"debit {debit}, credit {credit}", balanced)


def _shown_paid(books: Books) -> Iterator[Check]:
    (invoice,), (posted,) = books.of_kind("invoice"), books.posted
    references = invoice_references(books.projects, invoice["invoice"])
    yield Check("Tryton shows it paid", posted["state"], posted["state"] == "paid")
    number, status = books.deal.get("q2c_invoice_number"), books.deal.get("q2c_invoice_status")
    shown = (number, status) == (posted["number"], "paid") and invoice["number"] == posted["number"]
    yield Check("HubSpot shows it paid", f"{number} {status}", shown)
    holds = len(references) == 1 and says(references[0], "paid") and posted["number"] in (
        references[0]["external_message"] or "")
    yield Check("Kantata shows it paid", "; ".join(str(ref["external_message"]) for ref in references), holds)


def _equal(what: str, expected: Decimal, found: dict[str, Decimal | None]) -> Check:
    seen = ", ".join(f"{name} {value}" for name, value in found.items())
    return Check(what, seen, all(value == expected for value in found.values()))


def _amount(value: dict[str, Any] | None) -> Decimal | None:
    return _decimal(value["amount"]) if value else None


def _decimal(value: Any) -> Decimal | None:
    return Decimal(str(value)) if value not in (None, "") else None
