"""One deal from a signed notification to applied cash, with the books of every system compared."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from ..deployed.deployment import Deployment
from . import events, lineage
from .conftest import Journey
from .deal import CONSULTANT, M1, M2, PRINCIPAL, TAX, Deal, entry, money
from .invariants import assert_invariants
from .report import JOURNEY

UNTAXED = M1 + CONSULTANT * (450 + 390) / 60 + PRINCIPAL * 120 / 60
TOTAL = UNTAXED * (1 + TAX)


@dataclass
class Played:
    """A deal that went all the way, and what it left behind."""

    deal: Deal
    invoice: dict[str, Any]
    payment: dict[str, Any]


@pytest.fixture(scope="module")
def journey_of_module(stack: Deployment, erp: Any) -> Journey:
    """One journey for the module: its tests look at the same deal from different sides."""
    return Journey(stack, erp)


@pytest.fixture(scope="module")
def played(journey_of_module: Journey) -> Iterator[Played]:
    """The deal, played once."""
    journey = journey_of_module
    journey.crm.limit_rate(0)
    journey.psa.limit_rate(0)
    deal = journey.deal().activate()
    journey.psa.log_time(
        deal.project["id"], entry(450), entry(390, user="Cleo Martin"),
        entry(120, role="principal", user="Ada Lindqvist"),
    )
    journey.psa.log_time(deal.project["id"], entry(60, notes="not approved"), approve=False)
    invoice = deal.billed()
    deal.paid(invoice)
    invoice = deal.settled(invoice)
    (payment,) = deal.items("payment")
    yield Played(deal, invoice, payment)


@pytest.fixture
def journey(journey_of_module: Journey, request: pytest.FixtureRequest) -> Journey:
    """The module's journey, shown when a test fails."""
    request.node.stash[JOURNEY] = journey_of_module
    return journey_of_module


def test_the_erp_has_the_customer_and_its_billing_plan(journey: Journey, played: Played) -> None:
    """Proves WFA-17, WFA-22, WFA-23: the sold package is a customer account and a billing plan, nothing rekeyed."""
    deal = played.deal
    (party,) = journey.erp.parties(deal.customer_record["q2c_tax_id"])
    assert party["external_id"] == deal.customer
    assert party["name"] == deal.customer_record["name"]
    assert party["customer_payment_term"]["name"] == "Net 30 days"
    (plan,) = journey.erp.by_external_id(
        "project.work", deal.engagement, "party.external_id", "children.external_id", "children.list_price",
    )
    assert plan["party"]["external_id"] == deal.customer
    positions = {child["external_id"].rpartition("/")[2]: child["list_price"] for child in plan["children"]}
    assert positions == {"M1": M1, "M2": M2, "time": CONSULTANT}


def test_the_psa_has_the_project_with_what_delivery_needs(journey: Journey, played: Played) -> None:
    """Proves WFA-18, WFA-19, WFA-21 in part: tasks of the template and of the service sold, milestones with their amounts, the sold rates."""
    project = played.deal.project
    stories = {(story["story_type"], story["title"]) for story in project["stories"]}
    assert stories == {
        ("task", "Project management"), ("task", "Delivery"), ("task", "Configuration"), ("task", "Acceptance tests"),
        ("milestone", "M1 Design"), ("milestone", "M2 Go-live"),
    }
    amounts = {row["title"]: row["amount_in_cents"] for row in project["billing_milestones"]}
    assert amounts == {"M1 Design": int(M1 * 100), "M2 Go-live": int(M2 * 100)}
    assert sorted(rates_of(journey, project)) == [("consultant", CONSULTANT), ("principal", PRINCIPAL)]


def test_the_crm_shows_engagement_invoice_and_payment(played: Played) -> None:
    """Proves CON-03, WFC-10, WFD-03 in part: the account team sees where its deal stands."""
    deal, seen = played.deal, played.deal.in_crm
    assert seen["q2c_engagement_id"] == deal.engagement
    assert seen["q2c_engagement_status"] == "active"
    assert seen["q2c_customer_id"] == deal.customer
    assert seen["q2c_invoice_number"] == played.invoice["number"]
    assert seen["q2c_invoice_status"] == "paid"
    amounts = [Decimal(seen[name]) for name in ("q2c_invoice_total", "q2c_tax_amount", "q2c_paid_amount")]
    assert amounts == [TOTAL, UNTAXED * TAX, TOTAL]


def test_the_psa_shows_invoice_and_payment(played: Played) -> None:
    """Proves WFC-09, CON-07 in part: number, status and tax outcome stand on the project."""
    (reference,) = [
        ref for ref in played.deal.project["external_references"] if ref["service_model"] == "invoice"
    ]
    assert reference["service_model_ref"] == played.invoice["invoice"]
    assert reference["status"] == "paid"
    for said in (played.invoice["number"], f"{TOTAL:.2f}", f"{UNTAXED * TAX:.2f}"):
        assert said in reference["external_message"]


def test_the_invoice_is_in_the_ledger(journey: Journey, played: Played) -> None:
    """Proves WFC-08, BIL-01, BIL-03, BIL-10, BIL-25, and ARC-04 in part: one invoice of a milestone and of time at the
    rates in force, posted as a balanced move with the tax of the ERP, and paid."""
    (posted,) = journey.erp.invoices(played.deal.customer)
    assert (posted["external_id"], posted["number"]) == (played.invoice["invoice"], played.invoice["number"])
    assert (posted["untaxed_amount"], posted["tax_amount"], posted["total_amount"]) == (UNTAXED, UNTAXED * TAX, TOTAL)
    assert (posted["state"], posted["amount_to_pay"]) == ("paid", 0)
    assert posted["reference"] == "PO-4711"
    sides = posted["move"]["lines"]
    debit, credit = (sum(line[side] for line in sides) for side in ("debit", "credit"))
    assert posted["move"]["state"] == "posted" and debit == credit == TOTAL
    assert sorted(line["amount"] for line in posted["lines"]) == sorted(
        [M1, CONSULTANT * (450 + 390) / 60, PRINCIPAL * 2])


def test_invoice_and_payment_are_held_whole(played: Played) -> None:
    """Proves CAN-19: number, record, status and tax of the ERP, and each line with what earned it. Proves CAN-20, CAN-16
    and CAN-12 in part: the payment with its application; an entry with person, project and rate; a milestone with its
    completion, acceptance and amount."""
    invoice, deal = played.invoice, played.deal
    (posted,) = [row for row in [invoice] if row["record"] and row["number"] and row["invoiced_on"]]
    assert (posted["status"], money(posted["untaxed"]), money(posted["tax"])) == ("paid", UNTAXED, UNTAXED * TAX)
    owned = {line["line"] for page in deal.items("invoice-page") for line in page["lines"]}
    assert owned == {line["line"] for line in deal.lines if line["invoice"] == invoice["invoice"]}
    assert len(owned) == invoice["line_count"] == 4
    for line in deal.lines:
        assert (line["contract_version"], line["quote_line"] in deal.quote_lines) == (1, True)
        evidence = line["evidence"]
        if evidence["kind"] == "time":
            entry_of = evidence["entry"]
            assert entry_of["person"] and entry_of["project"] == deal.project["id"]
            assert money(line["amount"]) == money(evidence["hourly"]) * entry_of["minutes"] / 60
        else:
            assert deal.state["completed_milestones"] == {"M1": evidence["completion"]["record"]}
    (milestone,) = [one for one in deal.state["contract"]["milestones"] if one["key"] == "M1"]
    assert milestone["planned_on"] and money(milestone["amount"]) == M1
    assert (played.payment["invoice"], played.payment["connection"]) == (invoice["invoice"], "stripe-main")


def test_only_approved_work_is_billed(journey: Journey, played: Played) -> None:
    """Proves WFC-02 in part, EVT-09, EVT-08: four approved records are four lines; the entry that nobody approved
    is none."""
    assert len(played.deal.lines) == 4
    assert sum(money(line["amount"]) for line in played.deal.lines) == UNTAXED
    entries = {row["id"]: row["approved"] for row in played.deal.project["time_entries"]}
    billed = {line["evidence"]["entry"]["entry"] for line in played.deal.lines if line["evidence"]["kind"] == "time"}
    assert billed == {record for record, approved in entries.items() if approved}


def test_every_step_from_posted_to_paid_is_recorded(played: Played) -> None:
    """Proves WFD-01, PAY-03 in part: the invoice's way to applied cash, and the amounts at its end."""
    told = {"q2c.revenue-schedule.updated.v1", "q2c.invoice.lines-fixed.v1", "q2c.invoice.confirmed.v1"}
    journal = [(item["event_type"], item["outcome"]) for item in played.deal.items("journal")]
    assert {event for event, _ in journal if event in told} == told, "revenue is told beside, of lines that are fixed"
    outcomes = [entry for entry in journal if entry[0] not in told]
    # A fast ERP tells of its posting before we have noted that we asked for it.
    asked_and_posted = {("q2c.invoice.requested.v1", "applied"), ("q2c.invoice.posted.v1", "applied")}
    assert len(outcomes) == 5 and set(outcomes[2:4]) == asked_and_posted
    assert (outcomes[:2], outcomes[4:]) == (
        [("q2c.quote.approved.v1", "applied"), ("q2c.milestone.completed.v1", "applied")],
        [("q2c.payment.received.v1", "applied")],
    )
    assert played.invoice["status"] == "paid"
    assert money(played.payment["received"]) == money(played.payment["applied"]) == TOTAL
    assert money(played.payment["unapplied"]) == 0
    assert not played.deal.exceptions(None)


def test_a_payment_leads_to_the_quote_and_back(journey: Journey, played: Played) -> None:
    """Proves OWN-19 in part, OBS-03, SCN-24 in part: lineage is walkable both ways, without a gap."""
    down = lineage.from_payment(journey, played.deal, played.payment)
    assert len(down) == 4
    up = [way for line in played.deal.quote_lines for way in lineage.from_quote_line(played.deal, line)]
    assert sorted(up, key=str) == sorted(down, key=str)
    assert {way.quote_line for way in down} == {
        played.deal.quote_lines[0], played.deal.quote_lines[2], played.deal.quote_lines[3]}


def test_identifiers_are_linked_both_ways(journey: Journey, played: Played) -> None:
    """Proves OWN-08, and CAN-08 in part: from each of our IDs to every product's, and back."""
    table = journey.stack.dynamodb.Table(journey.stack.table)
    records = played.deal.state["records"]
    for ours, connection, kind, theirs in (
        (played.deal.engagement, "hubspot-main", "deal", played.deal.number),
        (played.deal.engagement, "kantata-main", "project", played.deal.project["id"]),
        (played.deal.engagement, "tryton-us", "billing-plan", records["billing_plan"]),
        (played.deal.customer, "tryton-us", "customer", records["customer_account"]),
        (played.invoice["invoice"], "tryton-us", "invoice", played.invoice["record"]),
        (played.invoice["invoice"], "tryton-us", "invoice-number", played.invoice["number"]),
    ):
        there = {"pk": f"tenant#northwind#id#{ours}", "sk": f"crosswalk#{connection}#{kind}"}
        back = {"pk": f"tenant#northwind#crosswalk#{connection}#{kind}#{theirs}", "sk": "crosswalk"}
        assert table.get_item(Key=there)["Item"]["local_id"] == theirs, there
        assert table.get_item(Key=back)["Item"]["global_id"] == ours, back


def test_one_correlation_links_the_deal(journey: Journey, played: Played) -> None:
    """Proves OBS-01, OBS-02 in part: every entry, and every event we concluded, names the same deal."""
    deal = played.deal
    named = {item["correlation_id"] for item in deal.items() if "correlation_id" in item}
    assert named == {deal.engagement}
    concluded = [event for event in journey.stack.recorder.about(deal.engagement) if "/functions/" in event["source"]]
    assert {event["correlationid"] for event in concluded} == {deal.engagement}
    known = {event["detail"]["id"] for event in journey.stack.events}
    assert all(event["causationid"] in known for event in concluded), "each conclusion names an event that was"


def test_every_stage_is_announced(journey: Journey, played: Played) -> None:
    """Proves WFA-27, EVT-06, EVT-11, EVT-20, EVT-22 in part, WFA-26 in part: reporting consumers see each stage, once."""
    announced = [event["type"] for event in journey.stack.recorder.about(played.deal.engagement)
                 if "/functions/" in event["source"]]
    assert sorted(announced) == sorted([
        "q2c.customer.created.v1", "q2c.project.created.v1", "q2c.engagement.activated.v1",
        "q2c.readiness.confirmed.v1", "q2c.revenue-schedule.updated.v1", "q2c.staffing.changed.v1",
        *["q2c.billing.ready.v1"] * 4, "q2c.invoice.requested.v1", "q2c.invoice.generated.v1",
        "q2c.invoice.submitted.v1", "q2c.invoice.confirmed.v1", "q2c.payment.applied.v1",
        *[told for told in announced if told == "q2c.revenue.earned.v1"],
    ])
    assert announced.count("q2c.revenue.earned.v1") == 4, "of each line"


def test_every_event_is_a_cloudevent_of_its_schema(journey: Journey, played: Played) -> None:
    """Proves EVT-26, EVT-27: named by the convention, with every attribute, valid by the committed schema."""
    assert played.deal
    for event in journey.stack.events:
        events.assert_valid(event)


def test_the_invariants_hold(journey: Journey, played: Played) -> None:
    """Proves RES-17 in part, BIL-14: nothing lost, nothing twice, and every sum agrees in every system."""
    assert_invariants(journey, played.deal)


def rates_of(journey: Journey, project: dict[str, Any]) -> list[tuple[str, Decimal]]:
    """The rates of a project's rate card in the PSA."""
    cards = journey.psa.records("rate_cards")
    versions = {key for key, row in journey.psa.records("rate_card_versions").items()
                if row["rate_card_id"] == project["rate_card_id"] and project["rate_card_id"] in cards}
    roles = journey.psa.records("roles")
    return [(roles[row["role_id"]]["name"], Decimal(row["rate"]) / 100)
            for row in journey.psa.records("rate_card_roles").values() if row["rate_card_version_id"] in versions]
