"""Whether journal, ERP, CRM, PSA and payments say the same about one deal, to the cent.

What must be there comes from `sold`, so from what was sold, worked and paid, and not from any of the systems compared.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from . import sold
from .sold import Bill

Record = dict[str, Any]
INVOICE_FIELDS = (
    "external_id", "number", "state", "untaxed_amount", "tax_amount", "total_amount", "amount_to_pay", "currency.code",
    "origin_invoices.external_id", "move.number", "move.state", "move.lines.debit", "move.lines.credit",
)
STATEMENT_FIELDS = ("external_id", "state", "total_amount")
MOVE_FIELDS = ("number", "state", "lines.account.code", "lines.debit", "lines.credit")
CASH, RECEIVABLE, REVENUE, TAX = "1.1.1", "1.2.1", "4.1.1", "6.3.6"
"""The accounts that Tryton's set-up of the company books on."""
_SHOWN = re.compile(
    r"(?P<number>\S+) (?P<total>[\d.]+) USD \(tax (?P<tax>[\d.]+)\)(?:, paid (?P<paid>[\d.]+))?"
    r"(?:, credited (?P<credited>[\d.]+), open (?P<open>[\d.]+))?"
    r"(?:, (?P<written_off>[\d.]+) written off as a small difference)?"
)


@dataclass(frozen=True)
class Books:
    """What must be so of a deal, by the journal's IDs of its invoices, and what each system says.

    Of Tryton it is everything that was booked since the deal began, so that a document too many is seen as well.
    """

    expected: Mapping[str, Bill]
    latest: str
    items: list[Record]
    documents: list[Record]
    statements: list[Record]
    moves: list[Record]
    deal: Record
    projects: list[Record]
    payments: list[Record]

    def of_kind(self, kind: str) -> list[Record]:
        """The journal's items of one kind."""
        return [item for item in self.items if item.get("kind") == kind]

    def document(self, external_id: str) -> Record:
        """The invoice or credit note in Tryton that carries an ID of ours."""
        return next(row for row in self.documents if row["external_id"] == external_id)


@dataclass(frozen=True)
class Check:
    """One statement about the books."""

    what: str
    seen: str
    holds: bool


def compare(books: Books) -> Iterator[Check]:
    """Every statement that must hold once the deal is billed, credited and paid."""
    counted = list(_one_of_each(books))
    yield from counted
    if all(check.holds for check in counted):
        yield from _earned(books)
        for invoice, bill in books.expected.items():
            yield from _invoice(books, invoice, bill)
        yield from _credit_memo(books)
        yield from _cash(books)
        yield from _ledger(books)
        yield _contract(books)
    yield from _nothing_waits(books)


def invoice_references(projects: list[Record], invoice: str | None = None) -> list[Record]:
    """What the PSA's projects show about an invoice, or about all."""
    return [
        reference for project in projects for reference in project["external_references"]
        if reference["service_model"] == "invoice" and invoice in (None, reference["service_model_ref"])
    ]


def says(reference: Record, status: str) -> bool:
    """Whether a reference shows a status."""
    return status in (reference.get("status"), reference.get("external_status"))


def shown(reference: Record) -> dict[str, Any]:
    """The number and the amounts that a reference shows to people; empty where it says something else."""
    found = _SHOWN.fullmatch(reference.get("external_message") or "")
    if found is None:
        return {}
    said = {name: value for name, value in found.groupdict().items() if value is not None}
    return {name: value if name == "number" else Decimal(value) for name, value in said.items()}


def _one_of_each(books: Books) -> Iterator[Check]:
    """The same documents everywhere, each once, and none beside them."""
    memos, payments = books.of_kind("credit-memo"), books.of_kind("payment")
    credited = [memo["credit_memo"] for memo in memos]
    documents = [row["external_id"] for row in books.documents]
    statements = [row["external_id"] for row in books.statements if row["state"] == "posted"]
    yield Check("one project", f"Kantata {len(books.projects)}", len(books.projects) == 1)
    yield _each_once("invoices", len(books.expected), {
        "billed": [*books.expected], "journal": [item["invoice"] for item in books.of_kind("invoice")],
        "Tryton": [one for one in documents if one not in credited],
        "Kantata": [row["service_model_ref"] for row in invoice_references(books.projects)],
    })
    yield _each_once("credit memos", sum(bill.taken_off > 0 for bill in books.expected.values()), {
        "journal": credited, "Tryton": [one for one in documents if one in credited],
        "set off in Tryton": [one for one in statements if one in credited],
    })
    yield _each_once("payments", len(books.payments), {
        "Stripe": [row["id"] for row in books.payments if row["status"] == "succeeded"],
        "journal": [payment["record"] for payment in payments],
    })
    yield _each_once("payments booked", len(books.payments), {
        "journal": [payment["payment"] for payment in payments],
        "Tryton": [one for one in statements if one not in credited],
    })


def _earned(books: Books) -> Iterator[Check]:
    """What was earned is on lines, and the PSA has the work that earned it."""
    lines, (in_psa,) = books.of_kind("line"), books.projects
    kinds = {line["evidence"]["kind"] for line in lines}
    state = next(iter(books.of_kind("state")), {})
    besides = {
        "milestone": {"Kantata": _reached(in_psa)}, "expense": {"under the cap": _amount(state.get("expenses_billed"))}}
    for kind, amount in sold.EARNED.items():
        of_kind = _total(line["amount"] for line in lines if line["evidence"]["kind"] == kind)
        yield _equal(f"earned by {kind}", amount, {"sold and worked": amount, **besides.get(kind, {}), "journal": of_kind})
    yield Check("earned by nothing else", ", ".join(sorted(kinds - set(sold.EARNED))) or "nothing", kinds == set(sold.EARNED))
    entries = [line["evidence"]["entry"] for line in lines if line["evidence"]["kind"] == "time"]
    minutes = {
        "worked": sum(worked for _, _, _, worked, _ in sold.WORK),
        "Kantata": sum(row["time_in_minutes"] for row in in_psa["time_entries"] if row["approved"]),
        "journal": sum(int(entry["minutes"]) for entry in entries),
    }
    yield Check("minutes approved", _listed(minutes), len(set(minutes.values())) == 1)
    borne = [_cents(row["amount_in_cents"]) for row in in_psa["expenses"]
             if row["is_billable"] and row["currency"] == sold.CURRENCY]
    costs = [line["evidence"]["expense"]["cost"] for line in lines if line["evidence"]["kind"] == "expense"]
    spent = sum((_cents(cents) for _, _, _, cents, by_customer in sold.SPENT if by_customer), Decimal(0))
    yield _equal("spent for the customer", spent, {
        "spent": spent, "Kantata": sum(borne, Decimal(0)), "journal": _total(costs)})


def _reached(project: Record) -> Decimal:
    """What the milestones are worth that the PSA has as completed."""
    done = {story["id"] for story in project["stories"] if story["state"] == "completed"}
    worth = [row["amount_in_cents"] for row in project["billing_milestones"] if row["story_id"] in done]
    return sum(map(_cents, worth), Decimal(0))


def _invoice(books: Books, invoice: str, bill: Bill) -> Iterator[Check]:
    """One invoice: the same in journal, Tryton and Kantata, and in HubSpot if it is the latest; and what is open of it."""
    (ours,) = [item for item in books.of_kind("invoice") if item["invoice"] == invoice]
    (reference,) = invoice_references(books.projects, invoice)
    posted, number, in_psa = books.document(invoice), str(ours.get("number")), shown(reference)
    credited = _amount((ours.get("credited") or {}).get("set_off")) or Decimal("0.00")

    def seen(ours_to_see: Record | None, psa: str, crm: str) -> dict[str, Decimal | None]:
        in_crm = {"HubSpot": _decimal(books.deal.get(crm))} if invoice == books.latest else {}
        return {"journal": _amount(ours_to_see), "Kantata": in_psa.get(psa), **in_crm}

    yield _equal(f"{number} before tax", bill.untaxed, {
        "sold and worked": bill.untaxed, **_lines_of(books, invoice),
        "journal": _amount(ours["untaxed"]), "Tryton": posted["untaxed_amount"],
    })
    yield _equal(f"{number} tax", bill.tax, {
        "10 %": bill.tax, "Tryton": posted["tax_amount"], **seen(ours.get("tax"), "tax", "q2c_tax_amount")})
    yield _equal(f"{number} total", bill.total, {
        "Tryton": posted["total_amount"], **seen(ours.get("total"), "total", "q2c_invoice_total")})
    yield _equal(f"{number} paid", bill.payable, {
        "Stripe": sum((_charged(one) for one in books.payments if _names(one) == number), Decimal(0)),
        "received": _total(one["applied"] for one in books.of_kind("payment") if one["invoice"] == invoice),
        **seen(ours["applied"], "paid", "q2c_paid_amount"),
    })
    if bill.taken_off:
        noted = ours.get("credited") or {}
        yield _equal(f"{number} credited before tax", bill.taken_off, {"journal": _amount(noted.get("untaxed"))})
        yield _equal(f"{number} credited", bill.credited, seen(noted.get("set_off"), "credited", "q2c_credited_amount"))
    yield _equal(f"{number} open", Decimal(0), {
        "journal": (_amount(ours.get("total")) or Decimal(0)) - (_amount(ours["applied"]) or Decimal(0)) - credited,
        # Kantata shows what is open once something was credited.
        "Tryton": posted["amount_to_pay"], **({"Kantata": in_psa["open"]} if "open" in in_psa else {}),
    })
    yield _balanced(posted, bill.total)
    yield _paid(books, ours, posted, reference)


def _paid(books: Books, ours: Record, posted: Record, reference: Record) -> Check:
    """That everybody sees the invoice as paid, under its number."""
    number, status, in_psa = str(ours.get("number")), ours["status"], shown(reference).get("number")
    found = {"journal": (number, status), "Tryton": (posted["number"], posted["state"]),
             "Kantata": (in_psa, "paid" if says(reference, "paid") else str(reference.get("status")))}
    if ours["invoice"] == books.latest:
        found["HubSpot"] = (books.deal.get("q2c_invoice_number"), str(books.deal.get("q2c_invoice_status")))
    text = ", ".join(f"{system} {what}" for system, (_, what) in found.items())
    return Check(f"{number} is shown as paid", text, set(found.values()) == {(number, "paid")})


def _credit_memo(books: Books) -> Iterator[Check]:
    """The credit memo: a credit note in Tryton, of the same amounts below nought, set off against its invoice."""
    for memo in books.of_kind("credit-memo"):
        bill, note = books.expected.get(memo["invoice"], Bill(Decimal(0))), books.document(memo["credit_memo"])
        number = str(memo.get("number"))
        yield _equal(f"{number} before tax", bill.taken_off, {
            "journal": _amount(memo["untaxed"]), "parts": _total(part["amount"] for part in memo["parts"]),
            "Tryton": -note["untaxed_amount"],
        })
        yield _equal(f"{number} tax", sold.tax(bill.taken_off), {
            "journal": _amount(memo.get("tax")), "Tryton": -note["tax_amount"]})
        yield _equal(f"{number} total", bill.credited, {
            "journal": _amount(memo.get("total")), "Tryton": -note["total_amount"],
            "set off": _amount(memo.get("set_off"))})
        yield _equal(f"{number} open", Decimal(0), {"Tryton": note["amount_to_pay"]})
        yield _balanced(note, bill.credited)
        of = [row["external_id"] for row in note["origin_invoices"]]
        holds = number == note["number"] and note["state"] == "paid" and memo["status"] == "applied" and of == [memo["invoice"]]
        yield Check(f"{number} is set off against its invoice", f"journal {memo['status']}, Tryton {note['state']}", holds)
        released = [line for line in books.of_kind("line") if line["status"] == "credited"]
        yield _equal("credited lines", bill.taken_off, {"journal": _total(line["amount"] for line in released)})


def _cash(books: Books) -> Iterator[Check]:
    """Each payment, and all of them."""
    charged = {payment["id"]: _charged(payment) for payment in books.payments}
    for payment in books.of_kind("payment"):
        (booked,) = [row for row in books.statements if row["external_id"] == payment["payment"]]
        yield _equal(f"payment {payment['record']}", charged[payment["record"]], {
            "Stripe": charged[payment["record"]], "received": _amount(payment["received"]),
            "applied": _amount(payment["applied"]), "Tryton": booked["total_amount"],
        })
    yield _equal("cash", sum((bill.payable for bill in books.expected.values()), Decimal(0)), {
        "Stripe": sum(charged.values(), Decimal(0)),
        "journal": _total(payment["received"] for payment in books.of_kind("payment")),
        "Tryton": _booked(books, CASH),
    })
    yield _equal("unapplied cash", Decimal(0), {
        "journal": _total(payment["unapplied"] for payment in books.of_kind("payment"))})


def _ledger(books: Books) -> Iterator[Check]:
    """Everything that the deal left in Tryton's general ledger."""
    bills = books.expected.values()
    unposted = [str(move["number"]) for move in books.moves if move["state"] != "posted" or not _is_balanced(move)]
    numbers = ", ".join(str(move["number"]) for move in books.moves)
    yield Check("all moves are posted and balance", ", ".join(unposted) or numbers, not unposted and bool(books.moves))
    revenue = sum((bill.untaxed - bill.taken_off for bill in bills), Decimal(0))
    taxed = sum((bill.tax - sold.tax(bill.taken_off) for bill in bills), Decimal(0))
    invoices, memos = books.of_kind("invoice"), books.of_kind("credit-memo")
    yield _equal("revenue", revenue, {
        "sold and worked": revenue, "Tryton's ledger": -_booked(books, REVENUE),
        "journal": _total(item["untaxed"] for item in invoices) - _total(item["untaxed"] for item in memos),
    })
    yield _equal("tax owed", taxed, {
        "Tryton's ledger": -_booked(books, TAX),
        "journal": _total(item["tax"] for item in invoices) - _total(item["tax"] for item in memos),
    })
    yield _equal("receivable", Decimal(0), {"Tryton's ledger": _booked(books, RECEIVABLE)})
    known = {CASH, RECEIVABLE, REVENUE, TAX}
    other = sorted({line["account"]["code"] for move in books.moves for line in move["lines"]} - known)
    yield Check("no other account is booked on", ", ".join(other) or "none", not other)


def _contract(books: Books) -> Check:
    (project,) = books.projects
    return _equal("contract value", sold.VALUE, {
        "sold": sold.VALUE, "HubSpot": _decimal(books.deal.get("q2c_contract_value")), "Kantata": _decimal(project["price"]),
    })


def _nothing_waits(books: Books) -> Iterator[Check]:
    """Neither a person nor a message, nor work that is not billed."""
    unsettled = [item["code"] for item in books.of_kind("exception") if item.get("status") == "open"]
    yield Check("nothing waits for a person", ", ".join(unsettled) or "no open exception", not unsettled)
    ready = [line["line"] for line in books.of_kind("line") if line["status"] not in ("invoiced", "credited")]
    left = ready + [item["sk"] for item in books.of_kind("parked")]
    yield Check("nothing waits to be billed", ", ".join(left) or "no ready line, no parked event", not left)


def _charged(payment: Record) -> Decimal:
    """What Stripe has taken for a payment and not given back."""
    charge = payment["latest_charge"]
    taken = charge["paid"] and charge["currency"] == sold.CURRENCY.lower()
    return _cents(charge["amount"] - charge["amount_refunded"]) if taken else Decimal("0.00")


def _names(payment: Record) -> str | None:
    """The invoice that a payment names."""
    return payment["metadata"].get("q2c_invoice_number")


def _lines_of(books: Books, invoice: str) -> dict[str, Decimal | None]:
    """The lines that an invoice took, whatever became of them since: as they are, and as it keeps them."""
    amounts = {line["line"]: line["amount"] for line in books.of_kind("line")}
    pages = [page for page in books.of_kind("invoice-page") if page["sk"].split("#")[1] == invoice]
    taken = [line for page in pages for line in page["lines"]]
    return {"lines": _total(amounts.get(line["line"]) for line in taken), "pages": _total(line["amount"] for line in taken)}


def _booked(books: Books, account: str) -> Decimal:
    """Debit less credit of an account."""
    lines = [line for move in books.moves for line in move["lines"] if line["account"]["code"] == account]
    return sum((line["debit"] - line["credit"] for line in lines), Decimal(0))


def _is_balanced(move: Record) -> bool:
    return sum(line["debit"] - line["credit"] for line in move["lines"]) == 0


def _balanced(posted: Record, total: Decimal) -> Check:
    move = posted["move"] or {"number": None, "state": "not there", "lines": []}
    debit, credit = (sum((line[side] for line in move["lines"]), Decimal(0)) for side in ("debit", "credit"))
    holds = debit == credit == total and move["state"] == "posted" and posted["currency"]["code"] == sold.CURRENCY
    return Check(f"move {move['number']} of {posted['number']} is posted and balances", f"debit {debit}, credit {credit}", holds)


def _each_once(what: str, wanted: int, found: Mapping[str, list[str]]) -> Check:
    """That all list the same, as many as there must be, and nothing twice."""
    # A document that carries no ID of ours is listed too, as None.
    listed = [sorted(map(str, ids)) for ids in found.values()]
    holds = len(set(listed[0])) == len(listed[0]) == wanted and all(ids == listed[0] for ids in listed)
    seen = _listed({name: len(ids) for name, ids in found.items()})
    return Check(what, seen if holds else f"{seen}; they must be {wanted}: {dict(found)}", holds)


def _equal(what: str, expected: Decimal, found: Mapping[str, Decimal | None]) -> Check:
    holds = all(value == expected for value in found.values())
    seen = _listed({name: _text(value) for name, value in found.items()})
    return Check(what, seen if holds else f"{seen}; it must be {_text(expected)}", holds)


def _listed(found: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in found.items())


def _text(value: Decimal | None) -> str:
    """An amount for people. With all its places, where it has more than cents."""
    if value is None:
        return "–"
    if value.is_nan():
        return "in another currency"
    return f"{value:.2f}" if value == sold.rounded(value) else str(value)


def _total(amounts: Iterable[Record | None]) -> Decimal:
    return sum((_amount(amount) or Decimal(0) for amount in amounts), Decimal(0))


def _cents(cents: int) -> Decimal:
    return (Decimal(cents) / 100).quantize(sold.CENT)


def _amount(value: Record | None) -> Decimal | None:
    """An amount of the journal; none where there is none. In another currency it is no number, which equals nothing."""
    if not value:
        return None
    return _decimal(value["amount"]) if value["currency"] == sold.CURRENCY else Decimal("NaN")


def _decimal(value: Any) -> Decimal | None:
    return Decimal(str(value)) if value not in (None, "") else None
