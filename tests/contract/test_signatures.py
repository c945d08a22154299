"""Signatures made by the vendors' own SDKs, posted to the deployed webhook.

Each test sends bodies of its own, so that they neither depend on order nor disturb one another. The deals,
invoices and payments they name do not exist anywhere; what later becomes of the events is not looked at here.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
import requests

from .conftest import ACCEPTED, BODIES, CONNECTIONS, Ingress, unique
from .senders import Delivery, HubSpot, Standard

LIMIT = 256 * 1024
SIGNATURE_HEADERS = {
    "hubspot": ["X-HubSpot-Signature-v3", "X-HubSpot-Request-Timestamp"],
    "stripe": ["Stripe-Signature"],
    "standard-webhooks": ["webhook-id", "webhook-timestamp", "webhook-signature"],
    "docusign": ["X-DocuSign-Signature-1"],
}


def signed(ingress: Ingress, scheme: str, body: str | None = None, offset: int = 0,
           secret: str | None = None) -> Delivery:
    """A delivery of the scheme; proper in all that is not said otherwise."""
    secret = secret or ingress.secrets(CONNECTIONS[scheme])[0]
    return ingress.sender(scheme).sign(secret, body or BODIES[scheme](unique()), offset)


def refused(ingress: Ingress, answer: requests.Response) -> None:
    """401, and the answer does not say what was wrong with the signature."""
    assert answer.status_code == 401, answer.text
    assert "timestamp" not in answer.text.lower() and "secret" not in answer.text.lower()


def test_what_the_sdk_signs_is_accepted(ingress: Ingress, scheme: str) -> None:
    assert signed(ingress, scheme).post().status_code == 202


def test_text_outside_ascii_is_verified_over_its_bytes(ingress: Ingress) -> None:
    body = BODIES["hubspot"](unique()).replace("userId:99", "Müller 株式会社 😀")
    assert signed(ingress, "hubspot", body).post().status_code == 202


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_every_hubspot_version_that_the_connection_allows(ingress: Ingress, version: str) -> None:
    name = ingress.add_connection("hubspot-main", signature_versions=[version])
    secret = ingress.secrets("hubspot-main")[0]
    for sent in ("v1", "v2", "v3"):
        sender = HubSpot(ingress.url(name), ingress.url(name), sent)
        answer = sender.sign(secret, BODIES["hubspot"](unique())).post()
        assert answer.status_code == (202 if sent == version else 401), f"{sent} where {version} is allowed"


def test_hubspot_main_allows_v3_alone_but_ignores_v1_beside_it(ingress: Ingress) -> None:
    url, signed_url = ingress.url("hubspot-main"), ingress.config("hubspot-main")["webhook_url"]
    secret, body = ingress.secrets("hubspot-main")[0], BODIES["hubspot"](unique())
    third, first = (HubSpot(url, signed_url, version).sign(secret, body) for version in ("v3", "v1"))
    assert Delivery(url, body, {**first.headers, **third.headers}).post().status_code == 202
    refused(ingress, first.post())
    wrong = HubSpot(url, signed_url).sign("wrong", body)
    refused(ingress, Delivery(url, body, {**first.headers, **wrong.headers}).post())


def test_a_wrong_secret_is_refused(ingress: Ingress, scheme: str) -> None:
    refused(ingress, signed(ingress, scheme, secret="whsec_d3Jvbmctd3Jvbmctd3Jvbmctd3Jvbmc=").post())


def test_another_connections_secret_is_refused(ingress: Ingress) -> None:
    refused(ingress, signed(ingress, "stripe", secret=ingress.secrets("tryton-us")[0]).post())


@pytest.mark.parametrize("change", ["longer", "shorter", "spaced"])
def test_a_changed_body_is_refused(ingress: Ingress, scheme: str, change: str) -> None:
    delivery = signed(ingress, scheme)
    body = delivery.body
    other = {"longer": body + " ", "shorter": body[:-1], "spaced": json.dumps(json.loads(body), indent=1)}[change]
    refused(ingress, delivery.with_body(other).post())


@pytest.mark.parametrize("offset", [-301, 301 + 30])
def test_a_timestamp_over_five_minutes_off_is_refused(ingress: Ingress, timed_scheme: str, offset: int) -> None:
    """Ahead of the clock by half a minute more than the limit, because the clock moves while the request travels;
    301 s exactly, both ways, is a vector of the unit tests."""
    refused(ingress, signed(ingress, timed_scheme, offset=offset).post())


@pytest.mark.parametrize("offset", [-270, 270])
def test_a_timestamp_within_five_minutes_is_accepted(ingress: Ingress, timed_scheme: str, offset: int) -> None:
    assert signed(ingress, timed_scheme, offset=offset).post().status_code == 202


def test_a_missing_header_is_refused(ingress: Ingress, scheme: str) -> None:
    delivery = signed(ingress, scheme)
    for name in SIGNATURE_HEADERS[scheme]:
        refused(ingress, delivery.without(name).post())
    refused(ingress, delivery.without(*SIGNATURE_HEADERS[scheme]).post())


def test_an_unknown_connection_is_404(ingress: Ingress) -> None:
    delivery = signed(ingress, "stripe")
    answer = Delivery(ingress.url("no-such-connection"), delivery.body, delivery.headers).post()
    assert answer.status_code == 404


def padded(scheme: str, size: int) -> str:
    """A body of exactly ``size`` bytes, made so by a field that nobody reads."""
    value = json.loads(BODIES[scheme](unique()))
    holder = value[0] if isinstance(value, list) else value
    holder["padding"] = ""
    holder["padding"] = "x" * (size - len(json.dumps(value, separators=(",", ":"))))
    return json.dumps(value, separators=(",", ":"))


def test_a_body_over_the_limit_is_413_and_at_the_limit_is_not(ingress: Ingress, scheme: str) -> None:
    assert signed(ingress, scheme, padded(scheme, LIMIT)).post().status_code == 202
    assert signed(ingress, scheme, padded(scheme, LIMIT + 1)).post().status_code == 413


def text_of(value: Any) -> list[str]:
    """Every string within an item."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for item in value.values() for text in text_of(item)]
    return [text for item in value for text in text_of(item)] if isinstance(value, list) else []


@pytest.mark.parametrize("form", ["not json", "another shape"])
def test_authentic_but_untranslatable_is_accepted_and_kept_whole(ingress: Ingress, scheme: str, form: str) -> None:
    marker = f"contract-{unique()}"
    body = f"plain text, {marker}" if form == "not json" else json.dumps({"shape": "unknown", "marker": marker})
    assert signed(ingress, scheme, body).post().status_code in ACCEPTED

    def kept() -> list[dict[str, Any]]:
        return [item for item in ingress.items("exception") if any(body in text for text in text_of(item))]

    (exception,) = ingress.wait_for(kept)
    assert exception["tenant"] == "northwind"
    assert signed(ingress, scheme, body).post().status_code in ACCEPTED


def test_authentic_and_of_no_interest_is_accepted_without_an_event(ingress: Ingress) -> None:
    number = unique()
    body = BODIES["hubspot"](number).replace("quote_status", "dealstage")
    assert signed(ingress, "hubspot", body).post().status_code in ACCEPTED
    # What follows it on the same path has arrived, so it would have, too.
    later = unique()
    assert signed(ingress, "hubspot", BODIES["hubspot"](later)).post().status_code == 202
    ingress.wait_for(lambda: ingress.events(str(later)))
    assert ingress.events(str(number)) == []


def test_a_redelivery_is_accepted_and_is_the_same_event(ingress: Ingress) -> None:
    number = unique()
    body = BODIES["hubspot"](number)
    retried = body.replace('"attemptNumber":0', '"attemptNumber":1')
    for sent in (body, body, retried):
        assert signed(ingress, "hubspot", sent).post().status_code == 202

    def reported() -> list[dict[str, Any]]:
        return [e for e in ingress.events(f'"{number}"') if e["type"] == "q2c.quote.approved.v1"]

    (first, *others) = ingress.wait_for(reported)
    assert {event["id"] for event in others} <= {first["id"]}
    # The deal does not exist in the CRM, so its one effect is the exception that says so.
    raised = ingress.wait_for(lambda: [item for item in ingress.items("exception") if first["id"] in item["payload"]])
    assert len(raised) == 1
    caused = [e["type"] for e in ingress.events(first["id"]) if e.get("causationid") == first["id"]]
    assert len(caused) == len(set(caused)), "nothing it caused happened twice"


def test_a_standard_webhook_keeps_its_id_across_redeliveries(ingress: Ingress) -> None:
    sender = ingress.sender("standard-webhooks")
    assert isinstance(sender, Standard)
    number = unique()
    body = BODIES["standard-webhooks"](number)
    for _ in range(2):
        assert sender.sign(ingress.secrets("tryton-us")[0], body).post().status_code == 202
    reference = json.loads(body)["data"]["external_id"]
    events = ingress.wait_for(lambda: [e for e in ingress.events(reference) if e["type"] == "q2c.invoice.posted.v1"])
    assert len({event["id"] for event in events}) == 1


def test_an_envelope_played_again_is_the_same_event(ingress: Ingress) -> None:
    """Connect signs no moment: a recorded delivery stays authentic, and never is a second fact."""
    number = unique()
    delivery = signed(ingress, "docusign", BODIES["docusign"](number))
    retried = signed(ingress, "docusign", delivery.body.replace('"retryCount":0', '"retryCount":3'))
    for sent in (delivery, delivery, retried):
        assert sent.post().status_code == 202
    events = ingress.wait_for(
        lambda: [e for e in ingress.events(f'"e-{number}"') if e["type"] == "q2c.signature.completed.v1"])
    assert len({event["id"] for event in events}) == 1
    assert events[0]["data"] == {"connection": "hubspot-main", "deal": str(number),
                                 "signature_connection": "docusign-main", "envelope": f"e-{number}"}


def test_both_secrets_are_accepted_while_one_is_being_retired(ingress: Ingress, scheme: str) -> None:
    secrets = ingress.secrets(CONNECTIONS[scheme])
    assert len(secrets) == 2, "the stack of the tests has a current and a previous secret on every connection"
    for secret in secrets:
        assert signed(ingress, scheme, secret=secret).post().status_code == 202


def test_the_second_of_two_signatures_may_be_the_one_that_matches(ingress: Ingress) -> None:
    number = unique()
    good = signed(ingress, "stripe", BODIES["stripe"](number))
    stamp, digest = good.headers["Stripe-Signature"].split(",")
    header = f"{stamp},v1={'0' * 64},{digest}"
    assert Delivery(good.url, good.body, {"Stripe-Signature": header}).post().status_code == 202
    good = signed(ingress, "standard-webhooks")
    both = f"v1,{'A' * 43}= {good.headers['webhook-signature']}"
    assert Delivery(good.url, good.body, {**good.headers, "webhook-signature": both}).post().status_code == 202
