"""A quote that fails a check changes nothing anywhere, and says what to do; corrected, the same deal goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from local import paths

from .conftest import Journey
from .deal import Deal
from .waiting import run

Changes = dict[str, Any]
Lines = list[dict[str, Any]]

FEE = {
    "hs_sku": "IMPL", "name": "Design", "price": "20000.00", "quantity": "1", "amount": "20000.00",
    "q2c_billing_method": "fixed-fee", "q2c_milestone": "M1", "q2c_planned_date": "2027-01-29",
}
RATE = {
    "hs_sku": "ADVISORY", "name": "Consultant", "price": "180.00", "quantity": "1", "amount": "180.00",
    "q2c_billing_method": "time-and-materials", "q2c_role": "consultant", "q2c_effective_from": "2025-01-01",
}


@dataclass(frozen=True)
class Case:
    """What is wrong with a deal, what must be said of it, and how a person puts it right."""

    name: str
    code: str
    owner: str
    says: str
    sold: Changes = field(default_factory=dict)
    lines: Lines | None = None
    corrected: Changes = field(default_factory=dict)


CASES = (
    Case("a customer without an address", "Q2C-0102", "master-data", "city",
         {"company": {"city": None}}, corrected={"company": {"city": "Springfield"}}),
    Case("a legal entity that does not exist", "Q2C-0103", "master-data", "NW-XX",
         {"quote": {"q2c_legal_entity": "NW-XX"}}, corrected={"quote": {"q2c_legal_entity": "NW-US"}}),
    Case("a currency the entity does not sell in", "Q2C-0104", "finance-operations", "EUR",
         {"quote": {"hs_currency": "EUR"}}, corrected={"quote": {"hs_currency": "USD"}}),
    Case("no tax registration", "Q2C-0105", "tax", "no tax registration",
         {"company": {"q2c_tax_id": None}}, corrected={"company": {"q2c_tax_id": "12-0000001"}}),
    Case("a customer where the entity is not registered", "Q2C-0105", "tax", "DE",
         {"company": {"country": "DE"}}, corrected={"company": {"country": "US"}}),
    Case("payment terms nobody agreed", "Q2C-0106", "finance-operations", "net-999",
         {"quote": {"q2c_payment_terms": "net-999"}}, corrected={"quote": {"q2c_payment_terms": "net-60"}}),
    Case("a service the catalog does not have", "Q2C-0108", "contracts", "PIANO",
         lines=[FEE, {**RATE, "hs_sku": "PIANO"}], corrected={"line": {"hs_sku": "ADVISORY"}}),
    Case("a rate that is no price", "Q2C-0109", "sales-operations", "is no price",
         lines=[FEE, {**RATE, "price": "0.00", "amount": "0.00"}],
         corrected={"line": {"price": "120.00", "amount": "120.00"}}),
    Case("a project template that does not exist", "Q2C-0110", "contracts", "cathedral",
         {"quote": {"q2c_project_template": "cathedral"}},
         corrected={"quote": {"q2c_project_template": "implementation"}}),
    Case("a delivery owner nobody knows", "Q2C-0114", "contracts", "moonlighters",
         {"quote": {"q2c_delivery_owner": "moonlighters"}},
         corrected={"quote": {"q2c_delivery_owner": "advisory-practice"}}),
    Case("nobody answers for the delivery", "Q2C-0114", "contracts", "names nobody",
         {"quote": {"q2c_delivery_owner": None}}, corrected={"quote": {"q2c_delivery_owner": "erp-practice"}}),
    Case("a line that does not say how it is billed", "Q2C-0111", "contracts", "does not say how it is billed",
         lines=[FEE, {**RATE, "q2c_billing_method": None}],
         corrected={"line": {"q2c_billing_method": "time-and-materials"}}),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_failed_check_stops_before_the_first_write_and_is_resumed(journey: Journey, case: Case) -> None:
    """Proves WFA-04 in part, WFA-06, WFA-07, WFA-08, WFA-09, WFA-11, WFA-12, WFA-13, WFA-14, WFA-15, WFA-16, WFA-28, WFA-30,
    EXC-01, EXC-02, EXC-03, EXC-18 in part, EXC-22, SCN-07, SCN-08, SCN-09, SCN-10."""
    lines = [{name: value for name, value in line.items() if value} for line in case.lines or [FEE, RATE]]
    deal = journey.deal(**case.sold, line_items=lines)
    nothing_is_written(journey, deal, deal.approve)
    assert [(item["code"], item["owner"]) for item in deal.exceptions()] == [(case.code, case.owner)]
    assert case.says in deal.exceptions()[0]["detail"]
    assert f"Owner: {case.owner}" in (paths.ROOT / "docs" / "errors" / f"{case.code}.md").read_text(encoding="utf-8")
    correct(journey, deal, case.corrected)
    deal.activate()
    deal.nothing_waits()
    assert [item["status"] for item in deal.exceptions(None)] == ["resolved"]


def test_a_quote_that_is_not_approved_is_not_set_up(journey: Journey) -> None:
    """Proves WFA-03, WFA-02 in part: the notification says approved, the quote that is read back does not."""
    deal = journey.deal()
    nothing_is_written(journey, deal, lambda: journey.crm.claim_approved(deal.number))
    assert deal.codes() == ["Q2C-0101"]
    deal.activate()
    deal.nothing_waits()


def test_a_customer_over_its_credit_limit_is_not_set_up(journey: Journey) -> None:
    """Proves WFA-10, EXC-04, SCN-11: the ERP's limit halts the next deal of a customer until finance clears it."""
    first = journey.deal().activate()
    (party,) = journey.erp.parties(first.customer_record["q2c_tax_id"])
    journey.erp.limit_credit(party["id"], "1000.00")
    second = journey.deal(company=first.customer_record)
    assert second.company == first.company
    nothing_is_written(journey, second, second.approve)
    (held,) = second.exceptions()
    assert (held["code"], held["owner"]) == ("Q2C-0107", "finance-operations")
    assert held["at_stake"] == {"amount": "50000.00", "currency": "USD"}
    journey.erp.limit_credit(party["id"], None)
    second.activate()
    assert second.customer == first.customer
    assert len(journey.erp.parties(first.customer_record["q2c_tax_id"])) == 1


def test_an_account_that_looks_like_the_customer_is_for_a_person(journey: Journey) -> None:
    """Proves WFA-04, OWN-09 in part, OWN-10 in part, EXC-06 in part, EXC-13 in part: the account of an older system is
    named, nothing is written, and once it was given the customer's ID there it is the one that is used."""
    deal = journey.deal()
    known = journey.erp.add_party(deal.customer_record["name"].replace("Inc", "Incorporated"), "2 Side Street")
    nothing_is_written(journey, deal, deal.approve)
    (held,) = deal.exceptions()
    assert (held["code"], held["owner"]) == ("Q2C-0115", "master-data")
    assert f"account {known} " in held["detail"] and deal.customer_id in held["detail"]
    journey.erp.edit_party(known, external_id=deal.customer_id)
    deal.activate()
    deal.nothing_waits()
    assert deal.state["records"]["customer_account"] == str(known)
    assert len(journey.erp.by_external_id("party.party", deal.customer_id)) == 1


def test_one_firm_twice_in_the_crm_is_for_a_person(journey: Journey) -> None:
    """Proves OWN-10 in part, EXC-13 in part: a second company with the first one's registration is flagged, and nothing is
    written of it until the CRM says who it is."""
    first = journey.deal().activate()
    own = journey.company()
    second = journey.deal(company={**own, "q2c_tax_id": first.customer_record["q2c_tax_id"]})
    nothing_is_written(journey, second, second.approve)
    (held,) = second.exceptions()
    assert (held["code"], held["owner"]) == ("Q2C-0115", "master-data")
    assert first.customer_id in held["detail"], "whose account it is"
    correct(journey, second, {"company": {"q2c_tax_id": own["q2c_tax_id"]}})
    second.activate()
    assert second.customer != first.customer


def test_a_hierarchy_that_differs_from_the_erp_s_stops(journey: Journey) -> None:
    """Proves WFA-05, EXC-17 in part: the CRM names no parent, the ERP does; a person takes it back there."""
    first = journey.deal().activate()
    (party,) = journey.erp.parties(first.customer_record["q2c_tax_id"])
    journey.erp.edit_party(party["id"], parent_party=journey.erp.add_party("Initech Holdings", "3 Side Street"))
    second = journey.deal(company=first.customer_record)
    nothing_is_written(journey, second, second.approve)
    (held,) = second.exceptions()
    assert (held["code"], held["owner"]) == ("Q2C-0113", "master-data")
    journey.erp.edit_party(party["id"], parent_party=None)
    second.activate()
    second.nothing_waits()


def test_all_findings_are_reported_at_once(journey: Journey) -> None:
    """Proves WFA-29, EXC-05 and SCN-06 in part, EXC-06: each to its owner, listed for it, with the event to go on from."""
    deal = journey.deal(
        company={"q2c_tax_id": None, "city": None}, quote={"q2c_payment_terms": "net-999", "q2c_legal_entity": "XX"},
    )
    delivery = deal.approve()
    wait_for_codes(deal, "Q2C-0102", "Q2C-0103", "Q2C-0105", "Q2C-0106")
    for item in deal.exceptions():
        assert item in listed(journey, item["owner"])
        assert str(delivery["notifications"][0]["objectId"]) in item["payload"]
    (announced,) = deal.wait(lambda: journey.announced(deal, "q2c.engagement.held.v1"), 15, "the announcement")
    assert sorted(problem["code"] for problem in announced["data"]["problems"]) == deal.codes()
    correct(journey, deal, {"company": {"q2c_tax_id": "12-0000002", "city": "Springfield"},
                            "quote": {"q2c_payment_terms": "net-30", "q2c_legal_entity": "NW-US"}})
    deal.activate()
    deal.nothing_waits()
    assert not [item for owner in ("master-data", "tax", "finance-operations") for item in listed(journey, owner)
                if item["pk"].endswith(deal.engagement)]


def test_a_partial_correction_leaves_what_is_still_wrong(journey: Journey) -> None:
    """Proves EXC-22 in part: what was corrected is off the list, what was not is on it once."""
    deal = journey.deal(company={"city": None}, quote={"q2c_payment_terms": "net-999"})
    deal.approve()
    wait_for_codes(deal, "Q2C-0102", "Q2C-0106")
    correct(journey, deal, {"company": {"city": "Springfield"}})
    deal.approve()
    wait_for_codes(deal, "Q2C-0106")


def test_two_findings_of_one_kind_are_both_reported(journey: Journey) -> None:
    """Proves WFA-29 in part: a second line below the policy is not hidden by the first. (Alone, the two would be a
    question and no exception.)"""
    cheap = [{**RATE, "price": price, "amount": price, "q2c_role": role}
             for role, price in (("consultant", "90.00"), ("principal", "91.00"))]
    deal = journey.deal(company={"q2c_tax_id": None}, line_items=cheap)
    deal.approve()
    wait_for_codes(deal, "Q2C-0105", "Q2C-0109")
    said = " ".join(item["detail"] for item in deal.exceptions())
    assert "90.00" in said and "91.00" in said


def nothing_is_written(journey: Journey, deal: Deal, begin: Callable[[], Any]) -> None:
    """Begin the activation and see it held, with the books of all three systems as they were."""
    books, crm, psa = journey.erp.counts(), journey.crm.last_call(), journey.psa.last_call()
    begin()
    deal.wait(deal.codes, 30, "the activation to be held")
    deal.wait(lambda: run(deal, "activation") == "held", 10, "the run to end")
    assert journey.erp.counts() == books, "the ERP's books changed"
    assert journey.psa.writes(psa) == [], "the PSA was written to"
    written = [call for call in journey.crm.writes(crm) if deal.number in call["path"]]
    assert written == [], "the CRM was written to"
    assert deal.status is None, "there is no engagement yet"


def correct(journey: Journey, deal: Deal, changes: Changes) -> None:
    """A person corrects the records in the CRM."""
    records = {"company": ("companies", deal.company), "quote": ("quotes", deal.quote),
               "line": ("line_items", deal.quote_lines[-1])}
    for part, properties in changes.items():
        journey.crm.edit(*records[part], **properties)


def wait_for_codes(deal: Deal, *codes: str) -> None:
    """Wait until exactly these exceptions are open."""
    deal.wait(lambda: deal.codes() == sorted(codes), 30, f"{codes}; there are {deal.codes()}")


def listed(journey: Journey, owner: str) -> list[dict[str, Any]]:
    """An owner's work queue."""
    table = journey.stack.dynamodb.Table(journey.stack.table)
    return table.query(
        IndexName="by-status", KeyConditionExpression="status_key = :key",
        ExpressionAttributeValues={":key": f"tenant#northwind#exception#open#{owner}"},
    )["Items"]
