"""What `make run` calls agreement: books that agree pass, and one cent in one place is noticed."""

from __future__ import annotations

import copy
import datetime
from collections.abc import Iterator
from dataclasses import fields
from decimal import Decimal
from typing import Any

import pytest

from local import agreement, sold
from local.agreement import CASH, RECEIVABLE, REVENUE, TAX, Books
from local.sold import DELIVERY, MONTH, Bill

Path = tuple[str | int, ...]
NOUGHT = Decimal("0.00")
REST = DELIVERY.payable - sold.PART
CREDIT = Bill(DELIVERY.taken_off)


def money(amount: Decimal) -> dict[str, str]:
    return {"amount": f"{amount:.2f}", "currency": "USD"}


def earned() -> list[dict[str, Any]]:
    """The lines: of the month, of the milestone, of time and of expenses, in this order."""
    rows: list[tuple[Decimal, dict[str, Any]]] = [
        (sold.SERVICE_FEE, {"kind": "charge"}), (sold.MILESTONE_FEE, {"kind": "milestone"})]
    rows += [(sold.of_entry(age, role, minutes), {"kind": "time", "entry": {"minutes": str(minutes)}})
             for age, _, role, minutes, _ in sold.WORK]
    rows += [(sold.of_expense(cents), {"kind": "expense", "expense": {"cost": money(Decimal(cents) / 100)}})
             for _, _, _, cents, borne in sold.SPENT if borne]
    credited = 2 + sold.CREDITED
    return [{"kind": "line", "line": f"lin_{n}", "amount": money(amount), "evidence": evidence,
             "status": "credited" if n == credited else "invoiced"} for n, (amount, evidence) in enumerate(rows)]


def page(invoice: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
    taken = [{"line": line["line"], "amount": dict(line["amount"])} for line in lines]
    return {"kind": "invoice-page", "sk": f"invoice-page#{invoice}#0", "lines": taken}


def invoice(name: str, number: str, bill: Bill) -> dict[str, Any]:
    made = {"kind": "invoice", "invoice": name, "number": number, "status": "paid", "untaxed": money(bill.untaxed),
            "tax": money(bill.tax), "total": money(bill.total), "applied": money(bill.payable)}
    credited = {"untaxed": money(bill.taken_off), "set_off": money(bill.credited)}
    return {**made, "credited": credited} if bill.taken_off else made


def journal() -> list[dict[str, Any]]:
    lines = earned()
    month, delivery = "inv_month", "inv_delivery"
    paid = ((month, MONTH.payable), (delivery, sold.PART), (delivery, REST))
    expenses = sold.EARNED["expense"]
    return [
        {"kind": "state", "expenses_billed": money(expenses)}, *lines,
        page(month, lines[:1]), page(delivery, lines[1:]),
        invoice(month, "INV1", MONTH), invoice(delivery, "INV2", DELIVERY),
        {"kind": "credit-memo", "credit_memo": "crm_1", "invoice": delivery, "number": "CN1", "status": "applied",
         "untaxed": money(CREDIT.untaxed), "tax": money(CREDIT.tax), "total": money(CREDIT.total),
         "set_off": money(CREDIT.total), "parts": [{"amount": money(CREDIT.untaxed)}]},
        *({"kind": "payment", "payment": f"pay_{n}", "record": f"pi_{n}", "invoice": of, "received": money(amount),
           "applied": money(amount), "unapplied": money(NOUGHT)} for n, (of, amount) in enumerate(paid)),
    ]


def move(*booked: tuple[str, Decimal]) -> dict[str, Any]:
    """A move with a line for each account, debit above nought."""
    lines = [{"account": {"code": account}, "debit": max(amount, NOUGHT), "credit": max(-amount, NOUGHT)}
             for account, amount in booked]
    return {"number": "M", "state": "posted", "lines": lines}


def billed(bill: Bill, sign: int = 1) -> dict[str, Any]:
    return move((RECEIVABLE, sign * bill.total), (REVENUE, -sign * bill.untaxed), (TAX, -sign * bill.tax))


def document(name: str, number: str, bill: Bill, sign: int = 1) -> dict[str, Any]:
    lines = [{"debit": row["debit"], "credit": row["credit"]} for row in billed(bill, sign)["lines"]]
    return {
        "external_id": name, "number": number, "state": "paid", "untaxed_amount": sign * bill.untaxed,
        "tax_amount": sign * bill.tax, "total_amount": sign * bill.total, "amount_to_pay": NOUGHT,
        "currency": {"code": "USD"}, "move": {"number": "M", "state": "posted", "lines": lines},
        "origin_invoices": [] if sign > 0 else [{"external_id": "inv_delivery"}],
    }


def reference(name: str, message: str) -> dict[str, Any]:
    return {"service_model": "invoice", "service_model_ref": name, "status": "paid", "external_message": message}


def project() -> dict[str, Any]:
    shown = f"INV2 {DELIVERY.total} USD (tax {DELIVERY.tax}), paid {DELIVERY.payable}, credited {DELIVERY.credited}, open 0.00"
    return {
        "price": f"{sold.VALUE}", "stories": [{"id": "s1", "state": "completed"}],
        "billing_milestones": [{"story_id": "s1", "amount_in_cents": int(sold.MILESTONE_FEE * 100)}],
        "time_entries": [{"time_in_minutes": minutes, "approved": True} for _, _, _, minutes, _ in sold.WORK],
        "expenses": [{"amount_in_cents": cents, "currency": "USD", "is_billable": True}
                     for _, _, _, cents, borne in sold.SPENT if borne],
        "external_references": [
            reference("inv_month", f"INV1 {MONTH.total} USD (tax {MONTH.tax}), paid {MONTH.payable}"),
            reference("inv_delivery", shown),
        ],
    }


def agreeing() -> Books:
    """The books of a deal that was played to its end."""
    paid = (("INV1", MONTH.payable), ("INV2", sold.PART), ("INV2", REST))
    return Books(
        expected={"inv_month": MONTH, "inv_delivery": DELIVERY},
        latest="inv_delivery",
        items=journal(),
        documents=[document("inv_month", "INV1", MONTH), document("inv_delivery", "INV2", DELIVERY),
                   document("crm_1", "CN1", CREDIT, -1)],
        statements=[*({"external_id": f"pay_{n}", "state": "posted", "total_amount": amount}
                      for n, (_, amount) in enumerate(paid)),
                    {"external_id": "crm_1", "state": "posted"}],
        moves=[billed(MONTH), billed(DELIVERY), billed(CREDIT, -1),
               *(move((CASH, amount), (RECEIVABLE, -amount)) for _, amount in paid)],
        deal={"q2c_invoice_number": "INV2", "q2c_invoice_status": "paid", "q2c_invoice_total": f"{DELIVERY.total}",
              "q2c_tax_amount": f"{DELIVERY.tax}", "q2c_paid_amount": f"{DELIVERY.payable}",
              "q2c_credited_amount": f"{DELIVERY.credited}", "q2c_contract_value": f"{sold.VALUE}"},
        projects=[project()],
        payments=[{"id": f"pi_{n}", "status": "succeeded", "metadata": {"q2c_invoice_number": number},
                   "latest_charge": {"amount": int(amount * 100), "amount_refunded": 0, "paid": True, "currency": "usd"}}
                  for n, (number, amount) in enumerate(paid)],
    )


def leaves(value: Any, path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Every value of books, with the way to it."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else None
    if inner is None:
        yield path, value
        return
    for name, part in inner:
        yield from leaves(part, (*path, name))


def other(value: Any) -> Any:
    """Another value of the same form: one cent more, where it is an amount."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, Decimal):
        return value + sold.CENT
    try:
        return f"{Decimal(value) + sold.CENT}" if "." in value else f"{int(value) + 1}"
    except (ArithmeticError, ValueError):
        return f"{value[:-1]}?"


def changed(path: Path, change: Any) -> Books:
    """The agreeing books with one place changed."""
    books = agreeing()
    place = getattr(books, str(path[0]))
    for name in path[1:-1]:
        place = place[name]
    place[path[-1]] = change(place[path[-1]])
    return books


def failed(books: Books) -> list[str]:
    return [check.what for check in agreement.compare(books) if not check.holds]


SYSTEMS = [field.name for field in fields(Books) if field.name not in ("expected", "latest")]
PLACES = [(system, *path) for system in SYSTEMS for path, _ in leaves(getattr(agreeing(), system))]
# A move's own number is only printed, and of a page's key only the invoice in it is read.
FIGURES = [place for place in PLACES
           if place[-1] != "sk" and not (place[-1] == "number" and {"move", "moves"} & set(place))]


def test_books_that_agree_pass() -> None:
    assert failed(agreeing()) == []


def test_a_difference_in_any_one_figure_is_noticed() -> None:
    """Each amount, number, status and currency that any of the systems holds, one at a time."""
    assert len(FIGURES) > 200
    unnoticed = [place for place in FIGURES if not failed(changed(place, other))]
    assert unnoticed == []


@pytest.mark.parametrize("system", ["documents", "statements", "moves", "payments", "items", "projects"])
def test_a_record_that_is_missing_or_there_twice_is_noticed(system: str) -> None:
    for number in range(len(getattr(agreeing(), system))):
        short, double = agreeing(), agreeing()
        if getattr(short, system)[number].get("kind") == "state":
            continue
        removed = getattr(short, system).pop(number)
        assert failed(short), f"{removed} is missing"
        getattr(double, system).append(copy.deepcopy(getattr(double, system)[number]))
        assert failed(double), f"{removed} is there twice"


def test_a_document_that_nobody_asked_for_is_noticed() -> None:
    books = agreeing()
    books.documents.append({**document("x", "INV3", MONTH), "external_id": None})
    assert failed(books) == ["invoices"]
    books = agreeing()
    books.statements.append({"external_id": None, "state": "posted", "total_amount": Decimal("1.00")})
    assert failed(books) == ["payments booked"]


def test_an_error_that_all_systems_share_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """They all agree, and it is not what was worked."""
    books = agreeing()
    monkeypatch.setitem(sold.EARNED, "time", sold.EARNED["time"] + sold.CENT)
    assert failed(books) == ["earned by time"]


def test_what_waits_for_a_person_or_to_be_billed_is_noticed() -> None:
    books = agreeing()
    books.items.append({"kind": "exception", "code": "Q2C-0502", "status": "open"})
    books.items.append({"kind": "parked", "sk": "parked#active#1"})
    assert failed(books) == ["nothing waits for a person", "nothing waits to be billed"]


def test_what_the_deal_comes_to() -> None:
    """In plain figures: 20,000.00 + 5,670.00 + (258.00 + 47.62) and its tax of 2,597.562, less 390.00 and its tax."""
    assert (sold.EARNED["time"], sold.EARNED["expense"]) == (Decimal("5670.00"), Decimal("305.62"))
    assert (DELIVERY.untaxed, DELIVERY.tax, DELIVERY.total) == (
        Decimal("25975.62"), Decimal("2597.56"), Decimal("28573.18"))
    assert (DELIVERY.credited, DELIVERY.payable) == (Decimal("429.00"), Decimal("28144.18"))
    assert (MONTH.total, MONTH.payable) == (Decimal("1320.00"), Decimal("1320.00"))


@pytest.mark.parametrize(("today", "begins"), [
    ("2026-11-21", "2026-10-01"), ("2027-01-01", "2026-12-01"), ("2028-02-29", "2028-01-01"), ("2027-03-31", "2027-02-01"),
])
def test_exactly_one_month_of_the_service_is_over(today: str, begins: str) -> None:
    """Whenever it is played: the first month ended before today or with yesterday, the second has not."""
    service, _ = sold.beside_the_template(datetime.date.fromisoformat(today))
    assert service["q2c_starts_on"] == begins
