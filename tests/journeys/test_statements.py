"""Several statements of work of one quote, approved one by one: each comes into every system with its approval."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

from .conftest import Journey
from .deal import M1, M2, TAX, Deal, Item, money
from .test_api import call
from .test_change_orders import LINES, SUPPORT, billing, budget, planned, priced
from .test_triggers import accepted
from .waiting import quiet

APPROVED = "q2c_approved_statements"
HAND_OVER = {
    "hs_sku": "IMPL", "name": "Hand-over", "price": "5000.00", "quantity": "1", "amount": "5000.00",
    "q2c_billing_method": "fixed-fee", "q2c_milestone": "M3", "q2c_planned_date": "2027-05-31",
}
FIRST_PLAN = {"M1": M1}
BOTH_PLAN = {"M1": M1, "M2": M2, "S1": Decimal("1500")}


def test_a_second_statement_comes_in_after_the_first_was_billed(journey: Journey) -> None:
    """Proves WFB-02, EVT-04. Proves WFB-01 in part, CAN-07 in part: the project is there and its first
    milestone is billed when the second statement is approved: billing plan, project, budget and revenue schedule take it
    in, and what is completed in the PSA is billed as the statement's that sold it, with its tax."""
    deal = journey.deal(deal={APPROVED: "SOW-1"}, line_items=of_statements()).activate()
    assert (priced(deal), billing(deal), budget(deal)) == (FIRST_PLAN, {"M1 Design": 20000}, M1)
    assert statuses(deal) == {"SOW-1": "approved", "SOW-2": "drafted"}
    first = deal.billed(milestone="M1")
    accepted(journey.crm.announce(deal.number, **{APPROVED: "SOW-1;SOW-2"}))
    in_force(deal, 2)
    assert priced(deal) == BOTH_PLAN
    assert billing(deal) == {"M1 Design": 20000, "M2 Go-live": 30000}
    assert (budget(deal), deal.in_crm["q2c_contract_value"]) == (Decimal("68000.00"), "68000.00")
    schedules = {item["contract_version"]: item for item in deal.items("revenue-schedule")}
    assert planned(schedules[1]) == M1 and planned(schedules[2]) == Decimal("68000.00")
    assert statuses(deal) == {"SOW-1": "approved", "SOW-2": "approved"}
    assert deal.state["contract"]["quote_version"] == 1
    second = deal.billed(milestone="M2")
    assert second["invoice"] != first["invoice"]
    assert (money(second["untaxed"]), money(second["tax"])) == (M2, M2 * TAX)
    assert {line["statement"]: line["quote_line"] for line in deal.lines} == {
        "SOW-1": deal.quote_lines[0], "SOW-2": deal.quote_lines[1]}
    assert [(line["statement"], line["contract_version"]) for line in sold(deal)] == [("SOW-1", 1), ("SOW-2", 2)]
    status, shown = call(journey, "operations-app", "GET", f"/v1/engagements/{deal.engagement}")
    assert status == 200
    by_name = {one["statement"]: one for one in shown["statements_of_work"]}
    assert [one["key"] for one in by_name["SOW-2"]["milestones"]] == ["M2"]
    assert by_name["SOW-2"]["terms"]["tax_code"] == deal.state["contract"]["tax_code"]
    deal.nothing_waits()


def test_statements_that_are_approved_at_once_all_come_in(journey: Journey) -> None:
    """Proves WFB-01 in part, EVT-30 in part: two further statements approved at once, told out of order and again: the
    same billing plan, each milestone once, and nobody is asked for anything."""
    lines = [*of_statements(), {**HAND_OVER, "q2c_statement_of_work": "SOW-3"}]
    deal = journey.deal(deal={APPROVED: "SOW-1"}, line_items=lines).activate()
    told = journey.crm.announce(deal.number, **{APPROVED: "SOW-1;SOW-3"})
    with ThreadPoolExecutor(2) as pool:
        later = pool.submit(journey.crm.announce, deal.number, **{APPROVED: "SOW-1;SOW-2;SOW-3"})
        again = pool.submit(journey.crm.resend, told[0]["id"])
        accepted([*told, *later.result(), *again.result()])
    deal.wait(lambda: len(deal.state["contract"]["statements"]) == 3, 60, "all statements to be in force")
    quiet(journey)
    assert priced(deal) == {**BOTH_PLAN, "M3": Decimal("5000")}
    assert billing(deal) == {"M1 Design": 20000, "M2 Go-live": 30000, "M3 Hand-over": 5000}
    assert budget(deal) == Decimal("73000.00")
    assert set(statuses(deal).values()) == {"approved"}
    assert not deal.exceptions(None)


def of_statements() -> list[dict[str, Any]]:
    """Design and the consultant's hour are the first statement's, go-live and support the second's."""
    design, go_live, consultant = LINES
    named = [(design, "SOW-1"), (go_live, "SOW-2"), (consultant, "SOW-1"), (SUPPORT, "SOW-2")]
    return [{**line, "q2c_statement_of_work": statement} for line, statement in named]


def in_force(deal: Deal, version: int) -> None:
    """Wait until a version of the contract is in force and the CRM shows it."""
    deal.wait(lambda: deal.version == version, 60, f"contract version {version} to be in force")
    deal.wait(lambda: deal.in_crm.get("q2c_contract_version") == str(version), 30, "the CRM to show it")


def statuses(deal: Deal) -> dict[str, str]:
    """Where each statement of the deal stands."""
    return {item["statement"]: item["status"] for item in deal.items("statement-of-work")}


def sold(deal: Deal) -> list[Item]:
    """Its billable lines, by the statement that sold them."""
    return sorted(deal.lines, key=lambda line: line["statement"])
