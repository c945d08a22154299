"""The API against its own OpenAPI document: requests made from it and against it, and what is signed and makes
no sense to anyone. Nothing but documented answers, and whatever is answered with 202 is kept or means nothing.

schemathesis makes the requests; the document is the one that is deployed, out of infra/template.yaml.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests
import schemathesis
from boto3.dynamodb.conditions import Key
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from samtranslator.yaml_helper import yaml_parse
from schemathesis import Case, GenerationMode
from schemathesis.checks import (
    content_type_conformance, response_headers_conformance, response_schema_conformance, status_code_conformance,
)

from local import connections, paths

from ..contract.senders import HubSpot, Sender, Standard, Stripe
from ..deployed.deployment import Deployment

ROUTE = "/v1/webhooks/{connection}"
SECONDS = 30
EXAMPLES = 200
CONFORMS = [
    status_code_conformance, content_type_conformance, response_schema_conformance, response_headers_conformance,
]
SIGNED = {"hubspot-main": HubSpot, "stripe-main": Stripe, "tryton-us": Standard}

bounded = settings(
    max_examples=EXAMPLES, deadline=None, phases=(Phase.explicit, Phase.generate), database=None,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def operation(stack: Deployment) -> schemathesis.APIOperation:
    """The only operation of the API, as the deployed template documents it."""
    template = yaml_parse(paths.TEMPLATE.read_text(encoding="utf-8"))
    document = template["Resources"]["Api"]["Properties"]["DefinitionBody"]
    document["info"]["title"] = stack.stack.name
    # Plain values: what the parser of templates makes keeps its order in types of its own.
    schema = schemathesis.openapi.from_dict(json.loads(json.dumps(document)))
    schema.config.update(base_url=stack.api_url)
    return schema[ROUTE]["POST"]


def conforms(case: Case, response: Any) -> None:
    """Only documented statuses, content types, headers and bodies; of faults only the one that says: again."""
    assert response.status_code < 500 or response.status_code == 503, response.text
    case.validate_response(response, checks=CONFORMS)


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_any_request_has_a_documented_answer(
    stack: Deployment, operation: schemathesis.APIOperation, mode: GenerationMode,
) -> None:
    """What the document allows and what it forbids, none of it signed."""
    answers: set[int] = set()

    @seed(20261121)
    @bounded
    @given(case=operation.as_strategy(generation_mode=mode), known=st.sampled_from([None, *SIGNED]))
    def sent(case: Case, known: str | None) -> None:
        if known:
            case.path_parameters = {"connection": known}
        response = case.call(base_url=stack.api_url, timeout=SECONDS)
        answers.add(response.status_code)
        conforms(case, response)

    sent()
    assert {401, 404} <= answers, f"not even the usual answers: {answers}"
    assert 202 not in answers, "accepted, and nobody signed it"


def senders(stack: Deployment) -> dict[str, Sender]:
    """Who signs for each connection."""
    return {
        name: kind(stack.webhook_url(name), configured_url(stack, name)) if kind is HubSpot
        else kind(stack.webhook_url(name))
        for name, kind in SIGNED.items()
    }


def configured_url(stack: Deployment, connection: str) -> str:
    """The address that HubSpot signs."""
    item = stack.dynamodb.Table(stack.table).get_item(Key={"pk": f"connection#{connection}", "sk": "config"})["Item"]
    return json.loads(item["body"])["webhook_url"]


def kept(stack: Deployment, connection: str) -> list[str]:
    """What is kept of a connection's deliveries, as they came."""
    subject = f"tenant#{connections.TENANT}#subject#connection_{connection}"
    table, found, start = stack.dynamodb.Table(stack.table), [], {}
    while True:
        page = table.query(
            KeyConditionExpression=Key("pk").eq(subject) & Key("sk").begins_with("exception#"), ConsistentRead=True,
            **start)
        found += [item["payload"] for item in page["Items"]]
        if "LastEvaluatedKey" not in page:
            return found
        start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}


def means_nothing(connection: str, body: Any) -> bool:
    """Whether a body has its product's form and tells nothing that we want to know."""
    if connection == "hubspot-main":
        kinds = [n.get("subscriptionType") if isinstance(n, dict) else None for n in body] \
            if isinstance(body, list) else [None]
        return all(isinstance(kind, str) and kind != "deal.propertyChange" for kind in kinds)
    if not isinstance(body, dict) or not isinstance(body.get("type"), str):
        return False
    if connection == "stripe-main":
        return body.get("object") == "event" and body["type"] != "payment_intent.succeeded"
    return body["type"] != "invoice.posted"


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
WORDS = st.sampled_from(["event", "payment_intent.succeeded", "invoice.posted", "deal.propertyChange", "other", ""])
NAMES = st.sampled_from(["object", "type", "data", "subscriptionType", "eventId", "created", "id"]) | st.text()
OBJECTS = st.dictionaries(NAMES, WORDS | SCALARS, max_size=6)
BODIES = OBJECTS | st.lists(OBJECTS, max_size=3) | st.recursive(SCALARS, st.lists, max_leaves=20)
"""JSON of no product's form, or nearly of one: a payment or an approval needs more than there can be in it."""


def test_what_is_signed_and_cannot_be_read_is_kept(stack: Deployment, operation: schemathesis.APIOperation) -> None:
    """Proves EXC-14 in part: the exceptions kept are exactly the deliveries that were authentic and could not be
    translated, byte for byte; each one however often it came."""
    signing, before = senders(stack), {name: set(kept(stack, name)) for name in SIGNED}
    expected: dict[str, set[str]] = {name: set() for name in SIGNED}

    @seed(20261121)
    @bounded
    @given(connection=st.sampled_from(list(SIGNED)), body=BODIES, twice=st.booleans())
    def sent(connection: str, body: Any, twice: bool) -> None:
        text = json.dumps(body, ensure_ascii=False)
        for _ in range(2 if twice else 1):
            delivery = signing[connection].sign(stack.secrets[connection]["signing_secrets"][0], text)
            response = delivery.post()
            case = operation.Case(path_parameters={"connection": connection}, headers=delivery.headers, body=body,
                                  media_type="application/json")
            conforms(case, response)
            assert response.status_code == 202, f"{connection}: {text}"
        if not means_nothing(connection, body):
            expected[connection].add(text)

    sent()
    for connection, wanted in expected.items():
        found = kept(stack, connection)
        assert len(found) == len(set(found)), "one exception however often it came"
        assert set(found) - before[connection] == wanted - before[connection]
        assert wanted, f"nothing untranslatable was sent to {connection}"


@pytest.mark.parametrize("path", [
    "stripe%2Dmain", "a" * 3_000, "%00", "..%2F..%2Fv1", "%F0%9F%92%A9", "stripe-main%23x",
], ids=lambda path: path[:20])
def test_an_address_of_any_form_is_answered_as_documented(stack: Deployment, path: str) -> None:
    """A connection's ID comes out of the address as it is; none of these is one that could be configured."""
    url = f"{stack.api_url}/v1/webhooks/{path}"
    answer = requests.post(url, data=b"{}", headers={"Content-Type": "application/json"}, timeout=SECONDS)
    assert answer.status_code in {401, 404}, f"{answer.status_code} {answer.text}"
