"""Tryton's books, read and corrected as an accountant would, and Tryton itself stopped and started."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from local import paths, processes, services
from local.calls import request_json
from local.instance import Instance
from local.systems import Tryton

Record = dict[str, Any]

INVOICE = (
    "number", "state", "untaxed_amount", "tax_amount", "total_amount", "amount_to_pay", "reference", "external_id",
    "move.number", "move.state", "move.lines.debit", "move.lines.credit", "lines.amount", "lines.quantity",
    "lines.unit_price", "party.external_id",
)
_BOOKS = ("party.party", "project.work", "account.invoice", "account.statement", "account.move")


class Erp(Tryton):
    """The ERP."""

    def __init__(self, instance: Instance):
        super().__init__(instance)
        self._instance = instance
        self._process = None

    def invoices(self, customer: str) -> list[Record]:
        """A customer's invoices, by our customer ID."""
        return self.find("account.invoice", [["party.external_id", "=", customer]], *INVOICE)

    def invoice(self, invoice: str) -> Record:
        """The one invoice that carries our ID."""
        (found,) = self.by_external_id("account.invoice", invoice, *INVOICE)
        return found

    def parties(self, registration: str) -> list[Record]:
        """The customer accounts with a tax registration."""
        domain = [["identifiers.code", "=", registration.replace("-", "")]]
        dashed = [["identifiers.code", "=", registration]]
        return self.find("party.party", ["OR", domain, dashed], "code", "name", "external_id", "addresses.city",
                         "identifiers.code", "customer_payment_term.name", "receivable", "parent_party.external_id")

    def add_party(self, name: str, street: str) -> int:
        """An account that somebody made by hand, without any ID or registration."""
        made = request_json("POST", f"{self._base}/party.party", {
            "name": name, "addresses": [["create", [{"street": street, "invoice": True}]]],
        }, self._headers)
        return made["id"]

    def edit_party(self, party: int, **fields: Any) -> None:
        """What an accountant corrects."""
        request_json("PUT", f"{self._base}/party.party/{party}", fields, self._headers)

    def limit_credit(self, party: int, amount: str | None) -> None:
        """Set a customer's credit limit; none means unlimited."""
        request_json("PUT", f"{self._base}/party.party/{party}", {"credit_limit_amount": amount}, self._headers)

    def credit_by_hand(self, invoice: str, amount: str) -> str:
        """A credit note that somebody in accounts issues for the first line of an invoice, and says nothing of.

        Returns its number.
        """
        fields = ("party.name", "invoice_address.street", "account.name", "journal.name", "currency.code",
                  "lines.product.name", "lines.unit.name", "lines.account.name", "lines.taxes.name")
        (found,) = self.by_external_id("account.invoice", invoice, *fields)
        line = found["lines"][0]
        made = request_json("POST", f"{self._base}/account.invoice", {
            "type": "out", "party": found["party"]["id"], "invoice_address": found["invoice_address"]["id"],
            "account": found["account"]["id"], "journal": found["journal"]["id"], "currency": found["currency"]["id"],
            "lines": [["create", [{
                "type": "line", "product": line["product"]["id"], "unit": line["unit"]["id"], "quantity": "-1",
                "unit_price": amount, "account": line["account"]["id"], "currency": found["currency"]["id"],
                "taxes": [["add", [tax["id"] for tax in line["taxes"]]]],
                "origin": f"account.invoice.line,{line['id']}",
            }]]],
        }, self._headers)
        path = f"{self._base}/account.invoice/{made['id']}/post?f=number"
        return request_json("POST", path, {}, self._headers)["number"]

    def counts(self) -> dict[str, int]:
        """How many records the books hold, by kind: equal before and after means that nothing was written."""
        return {model: len(self.find(model, [])) for model in _BOOKS}

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Stop Tryton, and start it again with the books it had."""
        instance, service = self._instance, services.BY_NAME["tryton"]
        running = self._process or processes.Process(instance.pid("tryton"), processes.started(instance.pid("tryton")))
        os.kill(running.pid, signal.SIGTERM)
        deadline = time.monotonic() + 15
        while running.alive():
            assert time.monotonic() < deadline, "Tryton does not stop"
            time.sleep(0.05)
        try:
            yield
        finally:
            shared = services.base_environment(instance.directory)
            self._process = processes.start(
                service.command(instance), tag=instance.tag, env={**shared, **service.environment(instance)},
                log=instance.log("tryton"), cwd=paths.ROOT,
            )

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Halt Tryton where it is: calls arrive and are answered only afterwards."""
        pid = self._process.pid if self._process else self._instance.pid("tryton")
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def ready(self) -> bool:
        """Whether Tryton answers."""
        return services.BY_NAME["tryton"].ready(self._instance)


def tax_registration(number: int) -> str:
    """A US registration that passes Tryton's check, another one for each number."""
    return f"12-{number % 10_000_000:07d}"


