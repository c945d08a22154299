"""The way from a payment to the quote and back, walked by the identifiers alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .deal import Deal

if TYPE_CHECKING:
    from .conftest import Journey

Item = dict[str, Any]


@dataclass(frozen=True)
class Way:
    """One way through the records, from cash to what was sold."""

    payment: str
    invoice: str
    line: str
    record: str
    quote_line: str


def from_payment(journey: Journey, deal: Deal, payment: Item) -> list[Way]:
    """From a payment to every quote line it paid for; each step finds its record, or fails."""
    invoice = deal.invoice(payment["invoice"])
    assert journey.erp.invoice(invoice["invoice"])["number"] == invoice["number"]
    lines = {line["line"]: line for line in deal.lines}
    owned = [
        line["line"] for page in deal.items("invoice-page") if f"#{invoice['invoice']}#" in page["sk"]
        for line in page["lines"]
    ]
    return [
        Way(payment["payment"], invoice["invoice"], line, record_in_psa(deal, lines[line]),
            quote_line_in_crm(journey, deal, lines[line]))
        for line in owned
    ]


def from_quote_line(deal: Deal, quote_line: str) -> list[Way]:
    """From a sold line to every payment for it."""
    return [
        Way(payment["payment"], line["invoice"], line["line"], record_in_psa(deal, line), quote_line)
        for line in deal.lines if line["quote_line"] == quote_line and line["status"] == "invoiced"
        for payment in deal.items("payment") if payment["invoice"] == line["invoice"]
    ]


def record_in_psa(deal: Deal, line: Item) -> str:
    """The PSA's record that earned a line: an entry or expense of this project, or a milestone of it."""
    evidence = line["evidence"]
    while evidence["kind"] == "adjustment":
        evidence = evidence["by"]
    kind, record = {
        "time": lambda: ("time_entries", evidence["entry"]["entry"]),
        "expense": lambda: ("expenses", evidence["expense"]["expense"]),
        "milestone": lambda: ("stories", evidence["completion"]["record"]),
    }[evidence["kind"]]()
    (found,) = [row["id"] for row in deal.project[kind] if row["id"] == record]
    return found


def quote_line_in_crm(journey: Journey, deal: Deal, line: Item) -> str:
    """The CRM's line item that sold it, of the quote whose version is in force."""
    assert line["quote_line"] in deal.quote_lines
    properties = journey.crm.properties("line_items", line["quote_line"])
    assert properties["hs_sku"] == line["service"]
    assert line["contract_version"] == deal.state["contract"]["version"]
    return line["quote_line"]
