"""A journey: the deployed stack, the products around it, and the deals that one test plays."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from local.systems import Stripe

from ..deployed.deployment import Deployment
from . import report
from .deal import Deal
from .erp import Erp, tax_registration
from .invariants import assert_invariants
from .sandboxes import Crm, Psa

_numbers = itertools.count(int(time.time()))


class Journey:
    """What one test works with."""

    def __init__(self, stack: Deployment, erp: Erp):
        self.stack = stack
        self.dynamodb = stack.client("dynamodb")
        self.crm = Crm(stack.instance.url("hubspot"))
        self.psa = Psa(stack.instance.url("kantata"))
        self.erp = erp
        self.stripe = Stripe(stack.instance)
        self.deals: list[Deal] = []

    def deal(self, **changes: Any) -> Deal:
        """A deal with a customer of its own; `changes` are laid over the sold package."""
        company = {**self.company(), **changes.pop("company", {})}
        deal = Deal(self, self.crm.post("/deals", company=company, **changes), company)
        self.deals.append(deal)
        return deal

    @staticmethod
    def company() -> dict[str, str]:
        """A company that nobody knows yet."""
        number = next(_numbers)
        return {
            "name": f"Globex {number} Inc", "domain": f"globex-{number}.example",
            "q2c_tax_id": tax_registration(number), "q2c_billing_email": f"payables@globex-{number}.example",
        }

    def announced(self, deal: Deal, event_type: str) -> list[dict[str, Any]]:
        """The events of a type that were put on the bus about a deal."""
        return [event for event in self.stack.recorder.about(deal.engagement) if event["type"] == event_type]

    def poll(self, failing: str = "") -> list[dict[str, Any]]:
        """Ask the products that do not push, now; returns what came of each connection.

        Where one is said to be failing, the run as a whole must fail and name that one alone."""
        answer = self.stack.client("lambda").invoke(FunctionName=self.stack.stack.function("poll"), Payload=b"{}")
        said = answer["Payload"].read().decode()
        if failing:
            assert "FunctionError" in answer, f"a run in which {failing} can't be read must fail: {said}"
            reasons = json.loads(said)["errorMessage"].split("; ")
            assert reasons[0].startswith(f"{failing}: ") and not [r for r in reasons[1:] if "-main: " in r], said
            return []
        assert "FunctionError" not in answer, said
        return json.loads(said)


@pytest.fixture(scope="session")
def erp(stack: Deployment) -> Erp:
    """The ERP, one for the session: it knows which of its processes runs."""
    return Erp(stack.instance)


@pytest.fixture
def journey(stack: Deployment, erp: Erp, request: pytest.FixtureRequest) -> Iterator[Journey]:
    """A journey; after it, whatever happened in it, the invariants hold for each of its deals."""
    made = Journey(stack, erp)
    for sandbox in (made.crm, made.psa):
        sandbox.clear_faults()
        sandbox.limit_rate(0)
    request.node.stash[report.JOURNEY] = made
    yield made
    for sandbox in (made.crm, made.psa):
        sandbox.clear_faults()
    if request.node.stash.get(report.PASSED, False):
        for deal in made.deals:
            assert_invariants(made, deal)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Beside a failure show what happened to the deals in it."""
    made = yield
    item.stash[report.PASSED] = made.passed
    if made.failed and (journey := item.stash.get(report.JOURNEY, None)):
        made.sections += report.sections(journey)
    return made
