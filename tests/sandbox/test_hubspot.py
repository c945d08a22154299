"""HubSpot's rules: objects, properties, batches, and webhooks that its own SDK accepts."""

from __future__ import annotations

import datetime
import time

import pytest
from hubspot.exceptions import InvalidSignatureTimestampError
from hubspot.utils.signature import Signature

from .conftest import Client, Receiver

OBJECTS = "/crm/v3/objects"
SECRET = "a-client-secret"


@pytest.fixture
def subscribed(hubspot: Client, receiver: Receiver) -> Client:
    """A HubSpot that notifies the receiver, with quick retries."""
    hubspot.control("PUT", "/webhook", {"url": receiver.url, "client_secret": SECRET, "delay_ms": 1})
    return hubspot


def accepted(receiver: Receiver, index: int, version: str = "v3") -> bool:
    """Whether HubSpot's own utility accepts a received delivery."""
    headers, body = receiver.received[index]
    name = "x-hubspot-signature-v3" if version == "v3" else "x-hubspot-signature"
    return Signature.is_valid(headers[name], SECRET, body.decode(), receiver.url, "POST", version,
                              headers.get("x-hubspot-request-timestamp"))


def test_a_deal_is_read_with_its_quote_items_and_company(hubspot: Client) -> None:
    made = hubspot.control("POST", "/deals")
    deal = hubspot.call("GET", f"{OBJECTS}/deals/{made['deal_id']}?properties=dealname,amount,nonsense,quote_status"
                               "&associations=quotes,companies").get_json()
    assert deal["associations"]["quotes"]["results"] == [{"id": made["quote_id"], "type": "deal_to_quote"}]
    assert deal["associations"]["companies"]["results"] == [{"id": made["company_id"], "type": "deal_to_company"}]
    assert deal["properties"]["amount"] == "50000.00" and deal["properties"]["quote_status"] is None
    assert "nonsense" not in deal["properties"]
    quote = hubspot.call("GET", f"{OBJECTS}/quotes/{made['quote_id']}?associations=line_items").get_json()
    ids = [row["id"] for row in quote["associations"]["line items"]["results"]]
    lines = hubspot.call("POST", f"{OBJECTS}/line_items/batch/read", {
        "properties": ["q2c_milestone", "price", "q2c_role"], "inputs": [{"id": i} for i in ids]}).get_json()
    assert lines["status"] == "COMPLETE"
    assert [(row["properties"]["q2c_milestone"] or row["properties"]["q2c_role"], row["properties"]["price"])
            for row in lines["results"]] == [("M1", "20000.00"), ("M2", "30000.00"), ("consultant", "180.00"),
                                             ("principal", "260.00")]


def test_a_recurring_line_is_read_as_it_was_sold(hubspot: Client) -> None:
    sold = {"hs_sku": "SUPPORT", "name": "Managed support", "price": "2500.00", "quantity": "12",
            "q2c_billing_method": "recurring", "q2c_charge": "S1", "q2c_period": "monthly",
            "q2c_starts_on": "2027-01-01", "q2c_charge_timing": "advance", "q2c_charge_aligned": "true",
            "q2c_ends_on": "2027-06-30"}
    (item,) = hubspot.control("POST", "/deals", {"line_items": [sold]})["line_item_ids"]
    read = hubspot.call("GET", f"{OBJECTS}/line_items/{item}?properties={','.join(sold)}").get_json()["properties"]
    assert {name: read[name] for name in sold} == sold


def test_what_a_template_sells_has_never_begun(hubspot: Client) -> None:
    """Whenever it is played: a change order may still change it."""
    made = hubspot.control("POST", "/deals", {"template": "programme"})
    support = hubspot.call("GET", f"{OBJECTS}/line_items/{made['line_item_ids'][-1]}?properties=q2c_starts_on").get_json()
    begins = datetime.date.fromisoformat(support["properties"]["q2c_starts_on"])
    assert begins.day == 1 and 120 < (begins - datetime.date.today()).days < 160


def test_lines_may_be_sold_beside_those_of_a_template(hubspot: Client) -> None:
    further = {"hs_sku": "SUPPORT", "name": "Service desk", "price": "1200.00", "q2c_starts_on": "+1 months"}
    alone = hubspot.control("POST", "/deals", {"template": "programme"})["line_item_ids"]
    made = hubspot.control("POST", "/deals", {"template": "programme", "add": [further]})["line_item_ids"]
    assert len(made) == len(alone) + 1
    added = hubspot.call("GET", f"{OBJECTS}/line_items/{made[-1]}?properties=name,q2c_starts_on").get_json()["properties"]
    assert added["name"] == "Service desk" and added["q2c_starts_on"].endswith("-01")


def test_an_unknown_property_is_refused_and_nothing_written(hubspot: Client) -> None:
    deal = hubspot.control("POST", "/deals")["deal_id"]
    answer = hubspot.call("PATCH", f"{OBJECTS}/deals/{deal}",
                          {"properties": {"q2c_paid_amount": "1.00", "colour": "red"}})
    assert answer.status_code == 400 and answer.get_json()["category"] == "VALIDATION_ERROR"
    assert "PROPERTY_DOESNT_EXIST" in answer.get_json()["message"]
    read = hubspot.call("GET", f"{OBJECTS}/deals/{deal}?properties=q2c_paid_amount").get_json()
    assert read["properties"]["q2c_paid_amount"] is None


@pytest.mark.parametrize(("kind", "properties"), [
    ("deals", ["q2c_engagement_id", "q2c_engagement_status", "q2c_invoice_number", "q2c_invoice_status",
               "q2c_invoice_total", "q2c_tax_amount", "q2c_paid_amount", "q2c_credited_amount", "q2c_customer_id",
               "q2c_contract_version", "q2c_contract_value", "q2c_collections_status", "q2c_collections_age",
               "q2c_collections_risk", "q2c_open_amount", "q2c_overdue_amount", "q2c_disputed_amount"]),
    ("companies", ["q2c_customer_id"]),
])
def test_the_properties_written_back_are_defined(hubspot: Client, kind: str, properties: list[str]) -> None:
    made = hubspot.control("POST", "/deals")
    key = made["deal_id" if kind == "deals" else "company_id"]
    answer = hubspot.call("PATCH", f"{OBJECTS}/{kind}/{key}", {"properties": dict.fromkeys(properties, "1")})
    assert answer.status_code == 200
    assert {name: answer.get_json()["properties"][name] for name in properties} == dict.fromkeys(properties, "1")


@pytest.mark.parametrize(("method", "path", "body", "status"), [
    ("GET", "/deals/1", None, 404), ("GET", "/spaceships/1", None, 404), ("PATCH", "/deals/1", {"properties": {}}, 404),
    ("POST", "/companies", {}, 400), ("POST", "/companies", {"properties": {"hs_object_id": "1"}}, 400),
    ("POST", "/quotes", {"properties": {"hs_title": "x"}}, 405),
    ("POST", "/line_items/batch/read", {"inputs": []}, 400),
    ("POST", "/line_items/batch/read", {"inputs": [{"id": "1"}] * 101}, 400),
])
def test_what_is_refused_has_an_error_body(hubspot: Client, method: str, path: str, body: object, status: int) -> None:
    answer = hubspot.call(method, OBJECTS + path, body)
    assert answer.status_code == status
    assert {"status", "message", "correlationId", "category"} <= set(answer.get_json())


def test_a_missing_input_of_a_batch_read_is_reported_beside_the_others(hubspot: Client) -> None:
    item = hubspot.control("POST", "/deals")["line_item_ids"][0]
    answer = hubspot.call("POST", f"{OBJECTS}/line_items/batch/read", {"inputs": [{"id": item}, {"id": "1"}]})
    assert answer.status_code == 207 and answer.get_json()["numErrors"] == 1
    assert [row["id"] for row in answer.get_json()["results"]] == [item]


def test_create_twice_makes_two_and_upsert_twice_makes_one(hubspot: Client) -> None:
    for _ in range(2):
        assert hubspot.call("POST", f"{OBJECTS}/companies", {"properties": {"name": "A"}}).status_code == 201
        hubspot.call("POST", f"{OBJECTS}/companies/batch/upsert", {"inputs": [
            {"id": "cus_1", "idProperty": "q2c_customer_id", "properties": {"name": "B"}}]})
    names = [row["properties"]["name"] for row in hubspot.control("GET", "/dump")["records"]["companies"].values()]
    assert sorted(names) == ["A", "A", "B"]
    found = hubspot.call("GET", f"{OBJECTS}/companies/cus_1?idProperty=q2c_customer_id&properties=name").get_json()
    assert found["properties"]["name"] == "B"


def test_search_and_paging(hubspot: Client) -> None:
    for number in range(12):
        hubspot.call("POST", f"{OBJECTS}/companies", {"properties": {"name": f"C{number}"}})
    first = hubspot.call("GET", f"{OBJECTS}/companies?properties=name").get_json()
    assert len(first["results"]) == 10
    rest = hubspot.call("GET", f"{OBJECTS}/companies?after={first['paging']['next']['after']}").get_json()
    assert len(rest["results"]) == 2 and "paging" not in rest
    found = hubspot.call("POST", f"{OBJECTS}/companies/search", {"filterGroups": [{"filters": [
        {"propertyName": "name", "operator": "EQ", "value": "C7"}]}], "properties": ["name"]}).get_json()
    assert (found["total"], found["results"][0]["properties"]["name"]) == (1, "C7")


def test_approval_notifies_and_the_sdk_accepts_the_signature(subscribed: Client, receiver: Receiver) -> None:
    made = subscribed.control("POST", "/deals")
    subscribed.control("POST", f"/deals/{made['deal_id']}/approve")
    ((item,),) = receiver.bodies()
    assert item["objectId"] == int(made["deal_id"]) and item["portalId"] == 62515
    assert (item["subscriptionType"], item["propertyName"], item["propertyValue"]) == (
        "deal.propertyChange", "quote_status", "APPROVED")
    assert accepted(receiver, 0, "v3") and accepted(receiver, 0, "v1")
    assert receiver.received[0][0]["x-hubspot-signature-version"] == "v1"
    quote = subscribed.call("GET", f"{OBJECTS}/quotes/{made['quote_id']}?properties=hs_status,q2c_approved_at")
    assert quote.get_json()["properties"]["hs_status"] == "APPROVED"


def test_a_won_deal_is_notified_each_time_and_its_quote_is_approved(subscribed: Client, receiver: Receiver) -> None:
    made = subscribed.control("POST", "/deals")
    for _ in range(2):
        subscribed.control("POST", f"/deals/{made['deal_id']}/win")
    bodies = receiver.bodies()
    told = [[(item["propertyName"], item["propertyValue"]) for item in body] for body in bodies]
    assert told == [[("dealstage", "closedwon")]] * 2, "the stage alone, and each time"
    assert bodies[0][0]["eventId"] != bodies[1][0]["eventId"]
    quote = subscribed.call("GET", f"{OBJECTS}/quotes/{made['quote_id']}?properties=hs_status").get_json()
    assert quote["properties"]["hs_status"] == "APPROVED"


def test_contract_and_statement_of_work_are_notified_by_an_edit(subscribed: Client, receiver: Receiver) -> None:
    deal = subscribed.control("POST", "/deals")["deal_id"]
    for name, value in (("contract_status", "ACTIVATED"), ("sow_status", "APPROVED"),
                        ("q2c_approved_statements", "SOW-1"), ("q2c_approved_statements", "SOW-1;SOW-2")):
        subscribed.control("PATCH", f"/objects/deals/{deal}", {"properties": {name: value}})
        (item,) = receiver.bodies()[-1]
        assert (item["propertyName"], item["propertyValue"], item["objectId"]) == (name, value, int(deal))


def test_v2_can_be_asked_for(subscribed: Client, receiver: Receiver) -> None:
    deal = subscribed.control("POST", "/deals")["deal_id"]
    subscribed.control("POST", f"/deals/{deal}/approve", {"versions": ["v2"]})
    assert accepted(receiver, 0, "v2") and "x-hubspot-signature-v3" not in receiver.received[0][0]


def test_a_bad_signature_and_a_stale_timestamp_are_refused_by_the_sdk(subscribed: Client, receiver: Receiver) -> None:
    deal = subscribed.control("POST", "/deals")["deal_id"]
    subscribed.control("POST", f"/deals/{deal}/approve", {"bad_signature": True})
    assert not accepted(receiver, 0)
    subscribed.control("POST", f"/deals/{deal}/approve", {"timestamp_offset_seconds": -301})
    with pytest.raises(InvalidSignatureTimestampError):
        accepted(receiver, 1)


def test_resending_repeats_the_notification(subscribed: Client, receiver: Receiver) -> None:
    deal = subscribed.control("POST", "/deals")["deal_id"]
    sent = subscribed.control("POST", f"/deals/{deal}/approve", {"repeat": 2})
    subscribed.control("POST", f"/deliveries/{sent['deliveries'][0]['id']}/resend")
    bodies = receiver.bodies()
    assert len(bodies) == 3 and bodies[0] == bodies[1] == bodies[2]


def test_one_delivery_can_hold_several_notifications(subscribed: Client, receiver: Receiver) -> None:
    deals = [subscribed.control("POST", "/deals")["deal_id"] for _ in range(3)]
    for deal in deals:
        subscribed.control("POST", f"/deals/{deal}/approve", {"notify": False})
    subscribed.control("POST", "/deliveries", {"deals": deals, "notifications": [{"eventId": 1}]})
    (batch,) = receiver.bodies()
    assert [item.get("objectId") for item in batch] == [None, *map(int, deals)]
    assert accepted(receiver, 0)


def test_it_retries_until_a_2xx_and_keeps_the_answers(subscribed: Client, receiver: Receiver) -> None:
    receiver.answers = [503, 401, 202]
    deal = subscribed.control("POST", "/deals")["deal_id"]
    (sent,) = subscribed.control("POST", f"/deals/{deal}/approve")["deliveries"]
    assert [answer["status"] for answer in sent["answers"]] == [503, 401, 202]
    assert [body[0]["attemptNumber"] for body in receiver.bodies()] == [0, 1, 2]
    assert all(accepted(receiver, index) for index in range(3))


def test_it_gives_up_after_its_attempts(subscribed: Client, receiver: Receiver) -> None:
    receiver.answers = [500] * 9
    deal = subscribed.control("POST", "/deals")["deal_id"]
    (sent,) = subscribed.control("POST", f"/deals/{deal}/approve", {"attempts": 2})["deliveries"]
    assert len(sent["answers"]) == 2


def test_only_subscribed_properties_are_notified(subscribed: Client, receiver: Receiver) -> None:
    deal = subscribed.control("POST", "/deals")["deal_id"]
    subscribed.call("PATCH", f"{OBJECTS}/deals/{deal}", {"properties": {"q2c_paid_amount": "1.00"}})
    subscribed.call("PATCH", f"{OBJECTS}/deals/{deal}", {"properties": {"quote_status": "APPROVED"}})
    deadline = time.monotonic() + 5
    while not receiver.received and time.monotonic() < deadline:
        time.sleep(0.01)
    ((item,),) = receiver.bodies()
    assert (item["propertyName"], item["changeSource"]) == ("quote_status", "INTEGRATION")


def test_a_second_deal_of_a_customer_shares_the_company(hubspot: Client) -> None:
    first, second = hubspot.control("POST", "/deals"), hubspot.control("POST", "/deals", {"deal": {"dealname": "B"}})
    other = hubspot.control("POST", "/deals", {"company": {"name": "Initech", "domain": "initech.example"}})
    assert first["company_id"] == second["company_id"] != other["company_id"]
    assert first["deal_id"] != second["deal_id"]


def test_a_company_belongs_to_another(hubspot: Client) -> None:
    """The property that HubSpot fills from the association, and one parent for all that belong to it."""
    above = {"name": "Globex Holdings", "domain": "holdings.example"}
    first = hubspot.control("POST", "/deals", {"parent": above})
    other = {"name": "Initech", "domain": "initech.example"}
    second = hubspot.control("POST", "/deals", {"company": other, "parent": above})
    parents = set()
    for made in (first, second):
        path = f"{OBJECTS}/companies/{made['company_id']}?properties=hs_parent_company_id"
        parents.add(hubspot.call("GET", path).get_json()["properties"]["hs_parent_company_id"])
    (parent,) = parents
    read = hubspot.call("GET", f"{OBJECTS}/companies/{parent}?properties=name").get_json()
    assert read["properties"]["name"] == "Globex Holdings"


def test_a_company_s_change_is_notified_as_one_of_a_company(subscribed: Client, receiver: Receiver) -> None:
    company = subscribed.control("POST", "/deals")["company_id"]
    subscribed.call("PATCH", f"{OBJECTS}/companies/{company}", {"properties": {"q2c_customer_id": "cus_1"}})
    body = {"properties": {"q2c_tax_id": "12-0000009"}}
    subscribed.flask.patch(f"/_sandbox/objects/companies/{company}", json=body)
    ((item,),) = receiver.bodies()
    assert (item["subscriptionType"], item["propertyName"]) == ("company.propertyChange", "q2c_tax_id")
    assert (item["objectId"], item["propertyValue"]) == (int(company), "12-0000009")


def test_a_deal_can_be_varied_and_a_wrong_request_is_explained(hubspot: Client) -> None:
    made = hubspot.control("POST", "/deals", {"quote": {"q2c_payment_terms": None, "hs_currency": "EUR"},
                                              "line_items": []})
    quote = hubspot.call("GET", f"{OBJECTS}/quotes/{made['quote_id']}?properties=hs_currency,q2c_payment_terms")
    assert quote.get_json()["properties"]["hs_currency"] == "EUR"
    assert quote.get_json()["properties"]["q2c_payment_terms"] is None
    for wrong in ({"template": "../globex"}, {"tempalte": "globex"}, {"deal": {"colour": "red"}}):
        answer = hubspot.flask.post("/_sandbox/deals", json=wrong)
        assert answer.status_code == 400 and answer.get_json()["error"]
    assert hubspot.flask.post(f"/_sandbox/deals/{made['deal_id']}/approve").status_code == 400


def test_a_quote_is_revised_as_its_next_version(hubspot: Client) -> None:
    deal = hubspot.control("POST", "/deals")["deal_id"]
    extra = {"hs_sku": "IMPL", "name": "Data migration", "price": "8000.00", "quantity": "1", "q2c_milestone": "M3"}
    made = hubspot.control("POST", f"/deals/{deal}/revise",
                           {"lines": {"M2": {"price": "36000.00"}, "principal": None}, "add": [extra]})
    assert made["version"] == 2
    records = hubspot.control("GET", "/dump")["records"]
    assert records["deals"][deal]["associations"]["quotes"][-1] == made["quote_id"]
    assert records["quotes"][made["quote_id"]]["properties"]["hs_status"] == "DRAFT"
    lines = [records["line_items"][key]["properties"] for key in made["line_item_ids"]]
    assert [(line.get("q2c_milestone") or line.get("q2c_role"), line["price"]) for line in lines] == [
        ("M1", "20000.00"), ("M2", "36000.00"), ("consultant", "180.00"), ("M3", "8000.00")]
