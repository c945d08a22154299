"""No secret and no personal datum is ever in a log: each is planted where it belongs, and looked for in all that any
function wrote, on the way that succeeds and on the ways that fail."""

from __future__ import annotations

import datetime
import json
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from decimal import Decimal
from typing import Any

import pytest

from local import build, erp_base, paths
from local.calls import request_form, request_json
from local.connections import CRM, ERP, PAYMENTS, PSA, TENANT

from ..contract.senders import HubSpot, Standard, Stripe, compact, hubspot_body
from ..deployed.deployment import Deployment
from ..deployed.faulty import STATUSES, faulty
from .canaries import Planted, company, forms, found
from .conftest import Journey
from .deal import entry
from .report import JOURNEY
from .waiting import quiet

sys.path.insert(0, str(paths.ROOT / "tests" / "checks"))
from template import Template  # noqa: E402  (the checks are no package: they stand beside each other)

MAIN = {"crm": CRM, "psa": PSA, "erp": ERP}


def written(stack: Deployment) -> list[str]:
    """Every line that any function wrote, metrics included."""
    return [f"{name}: {line}" for name in build.functions() for line in stack.logs.text(name)]


# ------------------------------------------------------------------ the way that succeeds

def play(journey: Journey, planted: Planted) -> None:
    """A whole deal, from quote to cash."""
    planted.deal = deal = journey.deal(
        company=company(planted, "the customer"), deal={"dealname": planted.word("name of the deal")},
    ).activate()
    journey.psa.log_time(deal.project["id"], *(
        entry(60, user=planted.word(f"consultant {n}", "Ada {}"), notes=planted.word(f"note {n}", "met {} at lunch"))
        for n in (1, 2)))
    invoice = deal.billed()
    pay(journey, planted, invoice)
    deal.settled(invoice)


def pay(journey: Journey, planted: Planted, invoice: dict[str, Any]) -> None:
    """A card payment that tells who pays, with what a checkout page adds to it."""
    base, secret = f"{journey.stack.instance.url('stripe')}/v1", journey.stack.instance.secrets["stripe_api_key"]
    headers = {"authorization": f"Bearer {secret}"}
    method = request_form(f"{base}/payment_methods", {
        "type": "card", "card[number]": "4242424242424242", "card[exp_month]": "12", "card[cvc]": "123",
        "card[exp_year]": str(datetime.date.today().year + 3),
        "billing_details[name]": planted.word("name of the card's holder", "Ada {}"),
    }, headers)
    request_form(f"{base}/payment_intents", {
        "amount": str(int(Decimal(invoice["total"]["amount"]) * 100)), "currency": "usd", "confirm": "true",
        "payment_method": method["id"], "metadata[q2c_invoice_number]": invoice["number"],
        "metadata[payer]": planted.word("payer", "Ada {}"),
        "metadata[receipt_email]": planted.word("mailbox of the payer", "{}@pay.example"),
    }, headers)
    planted.passed.append(json.dumps(method))


# ------------------------------------------------------------------ the ways that fail

def forge(journey: Journey, planted: Planted) -> None:
    """Deliveries that are not authentic: a wrong secret, a signature that is none, a body that was changed."""
    url = journey.stack.webhook_url(CRM)
    sender = HubSpot(url, url)
    body = compact([{"objectId": planted.word("body of a forgery"), "subscriptionType": "deal.propertyChange"}])
    forged = sender.sign(planted.word("secret of a forger"), body)
    signed = sender.sign(journey.stack.secrets[CRM]["signing_secrets"][0], hubspot_body(1))
    stale = sender.sign(journey.stack.secrets[CRM]["signing_secrets"][0], body, -3600)
    garbled = {**signed.headers, "X-HubSpot-Signature-v3": planted.word("signature that is none")}
    for delivery in (forged, signed.with_body(body), stale, type(signed)(url, body, garbled)):
        assert delivery.post().status_code == 401
        planted.passed.append(json.dumps([delivery.body, delivery.headers]))
    planted.passed.append(planted.canaries["secret of a forger"])


def garble(journey: Journey, planted: Planted) -> None:
    """Authentic deliveries that can't be translated: a person's data stands where something else belongs."""
    secrets, url = journey.stack.secrets, journey.stack.webhook_url
    hubspot, stripe, tryton = HubSpot(url(CRM), url(CRM)), Stripe(url(PAYMENTS)), Standard(url(ERP))
    word = planted.word
    deliveries = [
        hubspot.sign(secrets[CRM]["signing_secrets"][0], f"{word('text for JSON of the CRM')} is no JSON"),
        hubspot.sign(secrets[CRM]["signing_secrets"][-1], hubspot_body(1, objectId=word("person for a deal's number"))),
        stripe.sign(secrets[PAYMENTS]["signing_secrets"][0], compact({
            "object": "event", "type": "payment_intent.succeeded", "created": word("payer for a moment"), "data": {}})),
        stripe.sign(secrets[PAYMENTS]["signing_secrets"][-1], compact(
            {"object": word("payer for an object"), "type": "x"})),
        tryton.sign(secrets[ERP]["signing_secrets"][-1], compact(
            {"type": "invoice.posted", "timestamp": "now", "data": {"id": word("party for an invoice's number")}})),
    ]
    for delivery in (*deliveries, *deliveries):
        assert delivery.post().status_code == 202, "authentic, so kept; told again, known"


def poison(journey: Journey, planted: Planted) -> None:
    """A message that nobody can read, and an event that was given up on with its deal's data."""
    unreadable = {"detail": {"note": planted.word("note in a poisoned message")}}
    journey.stack.queues.send("time-approved", json.dumps(unreadable))
    assert planted.deal is not None
    event = journey.announced(planted.deal, "q2c.time.approved.v1")[0]
    event["data"]["user"] = planted.word("consultant in a dead letter")
    for _ in ("a letter", "and the same once more"):
        journey.stack.queues.send("time-approved-dead-letters", json.dumps({"detail": event}))


class Elsewhere:
    """A tenant of its own whose product in one role answers every call with an error full of canaries."""

    def __init__(self, journey: Journey, planted: Planted, role: str):
        self.journey, self.planted, self.role = journey, planted, role
        self.tenant = f"canary-{role}"
        self.table = journey.stack.dynamodb.Table(journey.stack.table)
        self.company = company(planted, f"the customer of the failing {role}")
        self.tokens = {"signing_secrets": [planted.word(f"signing secret beside the failing {role}")],
                       "api_token": planted.word(f"token of the failing {role}")}

    @property
    def words(self) -> str:
        """What the product says: all it knows, and the token that it was shown."""
        known = [self.company[name] for name in ("name", "address", "city", "q2c_tax_id", "q2c_billing_email")]
        return f"{self.tokens['api_token']} can't write {' '.join(known)}"

    def connection(self, role: str) -> str:
        """The tenant's connection in a role."""
        return f"{self.tenant}-{role}"

    def configure(self, url: str) -> None:
        """The main tenant's configuration under other names. Not in the list of connections: no poll reads it."""
        for role, main in MAIN.items():
            body = self._body(f"connection#{main}") | {"connection": self.connection(role), "tenant": self.tenant}
            body |= {"webhook_url": self.journey.stack.webhook_url(self.connection(role)),
                     "secret_id": f"{self.journey.stack.stack.name}/connection/{self.connection(role)}"}
            secret = dict(self.journey.stack.secrets[main])
            if role == self.role:
                body["base_url"], secret["api_token"] = url, self.tokens["api_token"]
            if role == "crm":
                secret["signing_secrets"] = self.tokens["signing_secrets"]
            self._put(f"connection#{self.connection(role)}", body)
            self._secret(body["secret_id"], json.dumps(secret))
        tenant = self._body(f"tenant#{TENANT}") | {"tenant": self.tenant}
        own = {role: self.connection(role) for role in MAIN}
        tenant["routing"] = [{**rule, "gives": own.get(rule["selects"], rule["gives"])} for rule in tenant["routing"]]
        self._put(f"tenant#{self.tenant}", tenant)

    def approve(self) -> None:
        """A deal whose approval this tenant's CRM reports."""
        made = self.journey.crm.post("/deals", company=self.company)
        self.journey.crm.edit("quotes", made["quote_id"], hs_status="APPROVED")
        url = self.journey.stack.webhook_url(self.connection("crm"))
        delivery = HubSpot(url, url).sign(self.tokens["signing_secrets"][0], hubspot_body(int(made["deal_id"])))
        assert delivery.post().status_code == 202
        # The secret itself goes nowhere: that the delivery was believed shows that it was read.
        self.planted.passed.append(self.tokens["signing_secrets"][0])

    def poll(self) -> None:
        """Ask the failing product what changed, as if it were listed: the run fails, and names it."""
        where = {"pk": f"connection#{self.connection(self.role)}", "sk": "config"}
        item = self.table.get_item(Key=where)["Item"]
        self.table.put_item(Item={**item, "status_key": "config#connection", "status_at": "0"})
        try:
            self.journey.poll(failing=self.connection(self.role))
        finally:
            self.table.put_item(Item=item)

    def _body(self, key: str) -> dict[str, Any]:
        return json.loads(self.table.get_item(Key={"pk": key, "sk": "config"})["Item"]["body"])

    def _put(self, key: str, body: dict[str, Any]) -> None:
        kept = {"kind": "config", "tenant": self.tenant, "version": 1, "body": json.dumps(body)}
        self.table.put_item(Item={"pk": key, "sk": "config", **kept})

    def _secret(self, name: str, text: str) -> None:
        self.journey.stack.client("secretsmanager").create_secret(Name=name, SecretString=text)


def misread(journey: Journey, planted: Planted) -> None:
    """Secrets that are not of the form that is expected: the parser's own words would quote them."""
    malformed = ("{}", '{{"signing_secrets": "{}", "api_token": 1}}', '{{"signing_secrets": [], "api_token": ["{}"]}}')
    for number, form in enumerate(malformed):
        name, table = f"canary-secret-{number}", journey.stack.dynamodb.Table(journey.stack.table)
        item = table.get_item(Key={"pk": f"connection#{CRM}", "sk": "config"})["Item"]
        secret = f"{journey.stack.stack.name}/connection/{name}"
        body = json.loads(item["body"]) | {"connection": name, "secret_id": secret}
        table.put_item(Item={"pk": f"connection#{name}", "sk": "config", "kind": "config", "body": json.dumps(body)})
        text = planted.word(f"malformed secret {number}", form)
        journey.stack.client("secretsmanager").create_secret(Name=secret, SecretString=text)
        url = journey.stack.webhook_url(name)
        assert HubSpot(url, url).sign("any", hubspot_body(1)).post().status_code == 503
        planted.passed.append(text)


@contextmanager
def talkative(stack: Deployment) -> Iterator[None]:
    """Every function is asked to log all there is, more than the template lets an operator ask for; afterwards as
    before."""
    level = "trace"
    assert Template.read().tree["Parameters"]["LogLevel"]["AllowedValues"] == ["error", "warn", "info", "debug"]
    client, before = stack.client("lambda"), {}
    for name in build.functions():
        known = client.get_function_configuration(FunctionName=stack.stack.function(name))["Environment"]["Variables"]
        before[name] = known
        client.update_function_configuration(
            FunctionName=stack.stack.function(name), Environment={"Variables": {**known, "LOG_LEVEL": level}})
    try:
        yield
    finally:
        for name, known in before.items():
            client.update_function_configuration(
                FunctionName=stack.stack.function(name), Environment={"Variables": known})


# ------------------------------------------------------------------ what came of it

@pytest.fixture(scope="module")
def journey_of_module(stack: Deployment, erp: Any) -> Journey:
    """One journey: everything is planted once and looked for from several sides."""
    return Journey(stack, erp)


@pytest.fixture
def journey(journey_of_module: Journey, request: pytest.FixtureRequest) -> Journey:
    """The module's journey, shown when a test fails."""
    request.node.stash[JOURNEY] = journey_of_module
    return journey_of_module


@pytest.fixture(scope="module")
def planted(journey_of_module: Journey) -> Iterator[Planted]:
    """Everything planted, played and gone wrong."""
    journey, planted = journey_of_module, Planted()
    for sandbox in (journey.crm, journey.psa):
        sandbox.clear_faults()
        sandbox.limit_rate(0)
    for connection, secret in journey.stack.secrets.items():
        if token := secret.get("api_token"):
            planted.whole(f"API token of {connection}", token)
        for number, text in enumerate(secret["signing_secrets"]):
            planted.whole(f"signing secret {number} of {connection}", text)
    with ExitStack() as products:
        products.enter_context(talkative(journey.stack))
        failing = []
        for role in MAIN:
            tenant = Elsewhere(journey, planted, role)
            planted.faulty[role] = products.enter_context(faulty(role, tenant.words))
            planted.passed.append(tenant.words)
            tenant.configure(planted.faulty[role].url)
            tenant.approve()
            failing.append(tenant)
        play(journey, planted)
        forge(journey, planted)
        garble(journey, planted)
        poison(journey, planted)
        misread(journey, planted)
        journey.stack.wait_for(
            lambda: all(len(product.said) >= len(STATUSES) for product in planted.faulty.values()), 90,
            "every failing product to be called until it refuses",
        )
        for tenant in failing:
            if tenant.role != "crm":  # pushes, so it is not asked
                tenant.poll()
        quiet(journey)
    planted.passed += places(journey, planted)
    time.sleep(1)  # a log line is in the log group a moment after it was written
    yield planted


def items(journey: Journey) -> list[dict[str, Any]]:
    """Everything in the table."""
    pages = journey.dynamodb.get_paginator("scan").paginate(TableName=journey.stack.table)
    return [item for page in pages for item in page["Items"]]


def places(journey: Journey, planted: Planted) -> list[str]:
    """All that the products hold and were told, and all that the table holds."""
    stack, scanned = journey.stack, [json.dumps(item, default=str) for item in items(journey)]
    stripe = request_json("GET", f"{stack.instance.url('stripe')}/v1/events?limit=100", headers={
        "authorization": f"Bearer {stack.instance.secrets['stripe_api_key']}"})
    parties = journey.erp.find("party.party", [], "name", "addresses.street", "addresses.city", "identifiers.code",
                               "contact_mechanisms.value")
    return [
        json.dumps(journey.crm.get("/dump")), json.dumps(journey.psa.get("/dump")), json.dumps(stripe), *scanned,
        json.dumps(parties, default=str), *(text for product in planted.faulty.values() for text in product.heard),
        # A product that was let in was shown its token; a delivery that was believed was signed by its secret.
        json.dumps(stack.secrets), erp_base.identifiers(stack.instance.books)["key"],
    ]


def test_no_secret_and_no_personal_datum_is_in_any_log(journey: Journey, planted: Planted) -> None:
    """Proves GOV-15 in part: nothing that was planted is in any line or metric of any function."""
    lines = written(journey.stack)
    hits = found(planted.canaries, lines)
    assert hits == {}, "\n".join(f"{what}: {line}" for what, seen in hits.items() for line in seen)


def test_no_credential_of_ours_is_in_an_exception_or_on_the_bus(journey: Journey, planted: Planted) -> None:
    """What a product says of a refusal is kept for a person and told on the bus, without the token that it quotes."""
    tokens = {what: text for what, text in planted.canaries.items() if what.startswith("token of")}
    assert len(tokens) == len(MAIN)
    kept = [json.dumps(item) for item in items(journey) if item["kind"]["S"] == "exception"]
    told = [json.dumps(event) for event in journey.stack.events if event["detail-type"] == "q2c.exception.raised.v1"]
    for texts in (kept, told):
        quoted = " ".join(text for text in texts if "<credential> can't write" in text)
        assert {role for role in MAIN if f"canary-{role}-{role}: " in quoted} == set(MAIN)
        assert found(tokens, texts) == {}


def test_the_search_finds_what_is_there(journey: Journey, planted: Planted) -> None:
    """The same search over the same lines finds the deal's correlation ID in all functions that worked on it, and
    metrics; and finds a canary wherever it is written."""
    assert planted.deal is not None
    lines = written(journey.stack)
    told = found({"correlation": planted.deal.engagement}, lines)
    assert told
    by_function = {line.partition(": ")[0] for line in lines if planted.deal.engagement in line}
    assert {"quote-approved", "time-approved", "milestone-completed", "invoice-requested"} <= by_function
    assert len([line for line in lines if '"_aws"' in line]) > 10, "metric lines are among those searched"
    for what, text in planted.canaries.items():
        for form in forms(text):
            assert found(planted.canaries, [f'{{"reason":"before {form.upper()} after"}}'])[what]


def test_every_canary_was_really_there(planted: Planted) -> None:
    """What is missing in the logs was not missing in the work: products, table or deliveries held each canary."""
    missing = set(planted.canaries) - set(found(planted.canaries, planted.passed))
    assert missing == set()


def test_every_failure_really_happened(journey: Journey, planted: Planted) -> None:
    """Each way of failing left its line in the logs: refused, not readable, repeated and held. They were written at
    the level that was asked for."""
    lines = [line for name in build.functions() for line in journey.stack.logs.lines(name)]
    said = [str(line.get("message")) for line in lines]
    assert {"DEBUG"} <= {line.get("level") for line in lines} <= {"ERROR", "WARN", "INFO", "DEBUG", None}
    assert sum(line.get("message") == "not authentic" for line in lines) >= 4
    assert said.count("connection can't be read") >= 3
    assert {"unreadable message", "dead letter", "failed, will be repeated", "not polled"} <= set(said)
    for role, product in planted.faulty.items():
        assert set(product.said) >= set(STATUSES), (role, product.said)
        repeated = [line for line in lines if line.get("message") == "failed, will be repeated"]
        reasons = " ".join(str(line.get("reason")) for line in repeated)
        assert f"canary-{role}-{role}: " in reasons, f"the failing {role} is named where its failures are told"
