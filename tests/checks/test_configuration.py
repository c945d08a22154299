"""The committed configuration is sound, and what is not sound is refused with its place."""

from __future__ import annotations

import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from template import ROOT

sys.path.insert(0, str(ROOT / "infra"))

import new_token  # noqa: E402
from config_rules import ConfigError, check, check_callers  # noqa: E402
from json_lines import lines_of  # noqa: E402

Parts = dict[str, Any]


@pytest.fixture
def parts() -> Parts:
    """The committed tenant with the example's connections and credentials."""
    folder = ROOT / "infra" / "config"
    return copy.deepcopy({
        "tenant": json.loads((folder / "northwind.json").read_text()),
        "connections": json.loads((folder / "connections.example.json").read_text())["connections"],
        "secrets": json.loads((folder / "secrets.example.json").read_text()),
    })


def test_the_committed_configuration_is_sound(parts: Parts) -> None:
    check(**parts)


def owned() -> list[Parts]:
    """The ownership that counts where a tenant declares none."""
    return json.loads((ROOT / "infra" / "config" / "ownership.json").read_text())


def test_the_ownership_that_ships_is_sound_and_may_be_declared_otherwise(parts: Parts) -> None:
    """Proves OWN-01 in part and OWN-06 in part: declared per object, and invoices may be a billing platform's."""
    assert "ownership" not in parts["tenant"], "what ships counts where nothing is declared"
    check(**{**parts, "tenant": {**parts["tenant"], "ownership": owned()}})
    billed = [{**rule, "system_of_record": "billing"} if rule["object"] == "invoice" else rule for rule in owned()]
    check(**{**parts, "tenant": {**parts["tenant"], "ownership": billed}})


def test_delivery_owners_may_be_left_out(parts: Parts) -> None:
    for without in ({}, {"delivery_owners": []}):
        tenant = {name: value for name, value in parts["tenant"].items() if name != "delivery_owners"}
        check(**{**parts, "tenant": {**tenant, **without}})


def tolerate(parts: Parts, *tolerances: tuple[str, str, str]) -> None:
    """Tolerances of payments: amount, currency and percent of each."""
    parts["tenant"].update(payment_tolerances=[
        {"amount": {"amount": amount, "currency": currency}, "percent": percent}
        for amount, currency, percent in tolerances
    ])


def test_a_tolerance_of_payments_is_sound(parts: Parts) -> None:
    tolerate(parts, ("5.00", "USD", "0.5"))
    check(**parts)


BROKEN: list[tuple[str, Callable[[Parts], Any]]] = [
    ("tenant: time_zone: 'Mars/Base' is not", lambda p: p["tenant"].update(time_zone="Mars/Base")),
    ("tenant: services: is missing", lambda p: p["tenant"].pop("services")),
    ("tenant: has no 'servces'", lambda p: p["tenant"].update(servces=[])),
    ("tenant: routing[1].gives: 'hubspot-main' is not", lambda p: p["tenant"]["routing"][1].update(gives="hubspot-main")),
    ("tenant: routing[1].selects: 'hr' is not", lambda p: p["tenant"]["routing"][1].update(selects="hr")),
    ("tenant: routing[3].when: has no 'entity'", lambda p: p["tenant"]["routing"][3].update(when={"entity": "NW-US"})),
    ("tenant: routing[3].when: no legal entity can",
     lambda p: p["tenant"]["routing"][3].update(when={"legal_entity": "NW-EU"})),
    ("tenant: routing[3].from: must be a day", lambda p: p["tenant"]["routing"][3].update({"from": "2027-13-01"})),
    ("tenant: routing[3].until: is before",
     lambda p: p["tenant"]["routing"][3].update({"from": "2027-01-02", "until": "2027-01-01"})),
    ("tenant: legal_entities[0]: no routing rule ever gives it a erp in USD for US",
     lambda p: p["tenant"]["routing"].pop(3)),
    ("tenant: services[0].service_line: 'sport' is not", lambda p: p["tenant"]["services"][0].update(service_line="sport")),
    ("tenant: services[0].accounting.cost_centre: '9' is not",
     lambda p: p["tenant"]["services"][0].update(accounting={"cost_centre": "9"})),
    ("tenant: legal_entities[0].tax_code: 'VAT' is not",
     lambda p: p["tenant"]["legal_entities"][0].update(tax_code="VAT")),
    ("tenant: cost_centres[1].code: '4100' appears twice", lambda p: p["tenant"]["cost_centres"][1].update(code="4100")),
    ("tenant: resources[0].cost_rate: is missing",
     lambda p: p["tenant"].update(resources=[{"name": "Ada", "legal_entity": "NW-US", "employment": "subcontractor"}])),
    ("tenant: transfer_prices[0].to: 'NW-EU' is not",
     lambda p: p["tenant"].update(transfer_prices=[{"from": "NW-US", "to": "NW-EU", "basis": {"percent": "80"}}])),
    ("tenant: transfer_prices[0].basis.percent: must be",
     lambda p: p["tenant"].update(transfer_prices=[{"from": "NW-US", "to": "NW-US", "basis": {"percent": 80}}])),
    ("tenant: transfer_prices[0].basis.percent: must be",
     lambda p: p["tenant"].update(transfer_prices=[{"from": "NW-US", "to": "NW-US", "basis": {"percent": "Infinity"}}])),
    ("tenant: service_lines[0]: 'name' is a required property", lambda p: p["tenant"]["service_lines"][0].pop("name")),
    ("tenant: services[0]: Additional properties are not allowed ('acounting' was unexpected)",
     lambda p: p["tenant"]["services"][0].update(acounting={})),
    ("tenant: price_policy.minimum_fixed_fee.amount: must be",
     lambda p: p["tenant"]["price_policy"]["minimum_fixed_fee"].update(amount="Infinity")),
    ("tenant: price_policy.minimum_fixed_fee.currency: 'ZZZ' is not",
     lambda p: p["tenant"]["price_policy"]["minimum_fixed_fee"].update(currency="ZZZ")),
    ("tenant: unknown_resources: 'ignore' is not", lambda p: p["tenant"].update(unknown_resources="ignore")),
    ("tenant: legal_entities[0].currencies[0]: must match",
     lambda p: p["tenant"]["legal_entities"][0].update(currencies=["usd"])),
    ("tenant: payment_terms[1].code: 'net-30' appears twice",
     lambda p: p["tenant"]["payment_terms"][1].update(code="net-30")),
    ("tenant: payment_terms[0].days: must be", lambda p: p["tenant"]["payment_terms"][0].update(days="30")),
    ("tenant: services[0].project_template: 'none' is not",
     lambda p: p["tenant"]["services"][0].update(project_template="none")),
    ("tenant: services[0].billing_methods[0]: 'free' is not",
     lambda p: p["tenant"]["services"][0].update(billing_methods=["free"])),
    ("tenant: price_policy.minimum_fixed_fee.amount: must be",
     lambda p: p["tenant"]["price_policy"]["minimum_fixed_fee"].update(amount=1000.0)),
    ("tenant: tax.registration_required: must be", lambda p: p["tenant"]["tax"].update(registration_required=1)),
    ("tenant: invoicing.policies[0].ask: 'weekly' is not",
     lambda p: p["tenant"].update(invoicing={"policies": [{"ask": "weekly"}]})),
    ("tenant: invoicing.policies[0].ask.monthly.on_day: a month has",
     lambda p: p["tenant"].update(invoicing={"policies": [{"ask": {"monthly": {"on_day": 32}}}]})),
    ("tenant: invoicing.policies[0].when.legal_entity: 'NW-XX' is not",
     lambda p: p["tenant"].update(invoicing={"policies": [{"ask": "manual", "when": {"legal_entity": "NW-XX"}}]})),
    ("tenant: invoicing.policies[0].minimum: needs its currency",
     lambda p: p["tenant"].update(invoicing={"policies": [
         {"ask": "manual", "minimum": {"amount": "10.00", "currency": "USD"}}]})),
    ("tenant: invoicing.policies[1]: contradicts",
     lambda p: p["tenant"].update(invoicing={"policies": [{"ask": "manual"}, {"ask": "at-once"}]})),
    ("tenant: invoicing.tell_after_minutes: must be a whole",
     lambda p: p["tenant"].update(invoicing={"tell_after_minutes": 0})),
    ("tenant: payment_tolerances[0].percent: must be at most 100", lambda p: tolerate(p, ("1.00", "USD", "100.01"))),
    ("tenant: payment_tolerances[0].percent: must be a decimal", lambda p: tolerate(p, ("1.00", "USD", "0"))),
    ("tenant: payment_tolerances[0].amount.amount: must be a decimal", lambda p: tolerate(p, ("0.00", "USD", "1"))),
    ("tenant: payment_tolerances[0].amount.currency: 'JPY' is not", lambda p: tolerate(p, ("1", "JPY", "1"))),
    ("tenant: payment_tolerances[1].amount.currency: 'USD' appears twice",
     lambda p: tolerate(p, ("1.00", "USD", "1"), ("2.00", "USD", "1"))),
    ("tenant: cost_centres[0].until: is before",
     lambda p: p["tenant"]["cost_centres"][0].update({"from": "2026-02-01", "until": "2026-01-31"})),
    ("tenant: approvals[0].what: 'everything' is not", lambda p: p["tenant"]["approvals"][0].update(what="everything")),
    ("tenant: approvals[1].what: 'price-below-policy' appears twice",
     lambda p: p["tenant"]["approvals"].append(dict(p["tenant"]["approvals"][0]))),
    ("tenant: approvals[0].asked_of: 'sales' is not", lambda p: p["tenant"]["approvals"][0].update(asked_of="sales")),
    ("tenant: approvals[0].remind_after_hours: must be a whole",
     lambda p: p["tenant"]["approvals"][0].update(remind_after_hours=0)),
    ("tenant: approvals[0].expires_after_hours: must be a whole",
     lambda p: p["tenant"]["approvals"][0].update(expires_after_hours=24.5)),
    ("tenant: approvals[0].remind_after_hours: must be less",
     lambda p: p["tenant"]["approvals"][0].update(remind_after_hours=168)),
    ("tenant: approvals[0]: has no 'by'", lambda p: p["tenant"]["approvals"][0].update(by="me")),
    ("tenant: delivery_owners[1].code: 'erp-practice' appears twice",
     lambda p: p["tenant"]["delivery_owners"][1].update(code="erp-practice")),
    ("tenant: delivery_owners[0].email: must match", lambda p: p["tenant"]["delivery_owners"][0].update(email="erp")),
    ("tenant: ownership[0].system_of_record: 'sap' is not",
     lambda p: p["tenant"].update(ownership=[{**owned()[0], "system_of_record": "sap"}])),
    ("tenant: ownership[0].governed_by: 'nobody' is not",
     lambda p: p["tenant"].update(ownership=[{**owned()[0], "governed_by": "nobody"}])),
    ("tenant: ownership[16].fields[0]: '*' of opportunity has an owner already",
     lambda p: p["tenant"].update(ownership=[*owned(), owned()[0]])),
    ("tenant: ownership: must say who owns all other fields (*) of invoice",
     lambda p: p["tenant"].update(ownership=[rule for rule in owned() if rule["object"] != "invoice"])),
    ("tenant: ownership: must be a list", lambda p: p["tenant"].update(ownership={})),
    ("connections: connections[3].base_url: must begin with https",
     lambda p: p["connections"][3].update(base_url="http://api.stripe.com")),
    ("connections: connections[0].base_url: must not end", lambda p: p["connections"][0].update(base_url="https://a/")),
    ("connections: connections[1].connection: 'hubspot-main' appears twice",
     lambda p: p["connections"][1].update(connection="hubspot-main")),
    ("connections: connections[0].role: hubspot serves", lambda p: p["connections"][0].update(role="psa")),
    ("connections: connections[0].tenant: is not 'northwind'", lambda p: p["connections"][0].update(tenant="other")),
    ("connections: connections[0].settings.settles_within_seconds: is missing",
     lambda p: p["connections"][0]["settings"].pop("settles_within_seconds")),
    ("connections: connections[1].settings.settles_within_seconds: must be a whole number, at least 1",
     lambda p: p["connections"][1]["settings"].update(settles_within_seconds=0)),
    ("connections: connections[0].settings.triggers: is missing",
     lambda p: p["connections"][0]["settings"].pop("triggers")),
    ("connections: connections[0].settings.triggers: must be a list of at least 1",
     lambda p: p["connections"][0]["settings"].update(triggers=[])),
    ("connections: connections[0].settings.triggers[0].means: 'won' is not a known meaning",
     lambda p: p["connections"][0]["settings"]["triggers"][0].update(means="won")),
    ("connections: connections[0].settings.triggers[0].means: 'signature-completed' is not a known meaning",
     lambda p: p["connections"][0]["settings"]["triggers"][0].update(means="signature-completed")),
    ("connections: connections[0].settings.triggers[0]: has no 'mean'",
     lambda p: p["connections"][0]["settings"]["triggers"][0].update(mean="x")),
    ("connections: connections[0].settings.triggers[1].value: is missing",
     lambda p: p["connections"][0]["settings"]["triggers"][1].pop("value")),
    ("connections: connections[0].settings.triggers[3].value: must be a text",
     lambda p: p["connections"][0]["settings"]["triggers"][3].update(value="")),
    ("connections: connections[0].settings.triggers[5]: appears twice",
     lambda p: p["connections"][0]["settings"]["triggers"].append(p["connections"][0]["settings"]["triggers"][1])),
    ("connections: connections[4].settings.crm_connection: 'stripe-main' is not a known crm connection",
     lambda p: p["connections"][4]["settings"].update(crm_connection="stripe-main")),
    ("connections: connections[4].settings.deal_field: is missing",
     lambda p: p["connections"][4]["settings"].pop("deal_field")),
    ("connections: connections[4].settings: has no 'field'", lambda p: p["connections"][4]["settings"].update(field=1)),
    ("tenant: routing[0].selects: 'signature' is not a known selection",
     lambda p: p["tenant"]["routing"][0].update(selects="signature", gives="docusign-main")),
    ("tenant: activation: has no 'trigger'", lambda p: p["tenant"]["activation"].update(trigger=[])),
    ("tenant: activation.triggers: must be a list of at least 1",
     lambda p: p["tenant"]["activation"].update(triggers=[])),
    ("tenant: activation.triggers: names a signal twice",
     lambda p: p["tenant"]["activation"].update(triggers=["quote-approved"] * 2)),
    ("tenant: activation.requires[0]: 'deal-won' is not a known signal",
     lambda p: p["tenant"]["activation"].update(requires=["deal-won"])),
    ("tenant: activation.requires[0]: 'signature-completed' is announced by no connection",
     lambda p: (p["tenant"]["activation"].update(requires=["signature-completed"]), p["connections"].pop(4),
                p["secrets"].pop("docusign-main"))),
    ("tenant: activation.requires[1]: 'sow-approved' is announced by no connection",
     lambda p: (p["tenant"]["activation"].update(requires=["signature-completed", "sow-approved"]),
                p["connections"][0]["settings"]["triggers"].pop(3), p["connections"][0]["settings"]["triggers"].pop(3))),
    ("secrets: docusign-main.signing_secrets: must be a list of at least 1",
     lambda p: p["secrets"]["docusign-main"].update(signing_secrets=[])),
    ("secrets: stripe-main.api_token: is missing", lambda p: p["secrets"]["stripe-main"].pop("api_token")),
    ("secrets: has no 'unknown'", lambda p: p["secrets"].update(unknown={})),
    ("secrets: hubspot-main.api_token: must be", lambda p: p["secrets"]["hubspot-main"].update(api_token="")),
    ("secrets: stripe-main.signing_secrets: holds at most two",
     lambda p: p["secrets"]["stripe-main"].update(signing_secrets=["a", "b", "c"])),
]


def test_triggers_may_be_left_out_and_signals_required(parts: Parts) -> None:
    """Without a word of it an approved quote begins an activation, as the functions read it."""
    parts["tenant"].pop("activation")
    check(**parts)
    parts["tenant"]["activation"] = {"requires": ["signature-completed", "quote-approved", "opportunity-won"]}
    check(**parts)


@pytest.mark.parametrize(("message", "mutate"), BROKEN, ids=[message for message, _ in BROKEN])
def test_a_broken_configuration_is_refused(
    parts: Parts, message: str, mutate: Callable[[Parts], Any]
) -> None:
    mutate(parts)
    with pytest.raises(ConfigError) as refusal:
        check(**parts)
    assert str(refusal.value).startswith(message)


def test_a_configuration_without_approvals_stays_sound(parts: Parts) -> None:
    parts["tenant"].pop("approvals")
    check(**parts)


def second_erp(parts: Parts) -> None:
    """A second ERP beside the first."""
    parts["connections"].append({**parts["connections"][2], "connection": "tryton-new"})


def erp_rule(gives: str, days: dict[str, str], **when: str) -> dict[str, Any]:
    return {"selects": "erp", "gives": gives, "when": when, **days}


BEFORE, AFTER = {"until": "2026-12-31"}, {"from": "2027-01-01"}
US = {"legal_entity": "NW-US"}


@pytest.mark.parametrize(("one", "other"), [
    (erp_rule("tryton-us", {}, **US), erp_rule("tryton-new", AFTER, **US)),
    (erp_rule("tryton-us", {}, **US), erp_rule("tryton-new", {}, currency="USD")),
    (erp_rule("tryton-us", {}, region="americas"), erp_rule("tryton-new", {}, tax_jurisdiction="US")),
    (erp_rule("tryton-us", {"until": "2027-01-01"}, **US), erp_rule("tryton-new", AFTER, **US)),
])
def test_equally_specific_rules_that_differ_are_refused(parts: Parts, one: Any, other: Any) -> None:
    second_erp(parts)
    parts["tenant"]["routing"][3:] = [one, other]
    with pytest.raises(ConfigError, match=r"routing\[4\]: contradicts routing\[3\]: both are equally specific"):
        check(**parts)


@pytest.mark.parametrize(("one", "other"), [
    (erp_rule("tryton-us", BEFORE, **US), erp_rule("tryton-new", AFTER, **US)),
    (erp_rule("tryton-us", {}, **US), erp_rule("tryton-new", {}, **US, service_line="consulting")),
    (erp_rule("tryton-us", {}, **US), erp_rule("tryton-us", AFTER, currency="USD")),
])
def test_rules_of_which_one_counts_are_sound(parts: Parts, one: Any, other: Any) -> None:
    second_erp(parts)
    parts["tenant"]["routing"][3:] = [one, other]
    check(**parts)


def test_an_error_names_file_line_and_rule(parts: Parts, tmp_path: Path) -> None:
    """What a person must correct is found without counting: the line is that of the value."""
    folder = ROOT / "infra" / "config"
    text = (folder / "northwind.json").read_text()
    tenant = tmp_path / "tenant.json"
    tenant.write_text(text.replace('"gives": "kantata-main"', '"gives": "kantata-west"'))
    line = next(n for n, read in enumerate(tenant.read_text().splitlines(), 1) if "kantata-west" in read)
    refused = configure_check(tenant, folder / "connections.example.json")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"{tenant}:{line}: routing[1].gives: 'kantata-west' is not a known psa connection")
    tenant.write_text(text)
    assert configure_check(tenant, folder / "connections.example.json").returncode == 0


def configure_check(tenant: Path, connections: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "infra" / "configure.py"), "--check",
               "--tenant", str(tenant), "--connections", str(connections)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_the_line_of_each_value_is_known() -> None:
    text = '{\n "a": {"b": [1,\n  "x,]}\\"", {"c": null}]},\n "d": [], "e":\n {}\n}'
    assert lines_of(text) == {
        "": 1, "a": 2, "a.b": 2, "a.b[0]": 2, "a.b[1]": 3, "a.b[2]": 3, "a.b[2].c": 3, "d": 4, "e": 4,
    }


def test_credentials_are_not_committed() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "infra/config"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    ).stdout.split()
    assert [file for file in listed if "secrets." in file] == ["infra/config/secrets.example.json"]


CALLER = {"name": "finance-app", "token_sha256": ["a" * 64], "roles": ["finance"]}


@pytest.mark.parametrize(("message", "callers"), [
    ("callers: callers: must be a list", {}),
    ("callers: callers[0].name: must match", [{**CALLER, "name": "Finance App"}]),
    ("callers: callers[1].name: 'finance-app' appears twice", [CALLER, {**CALLER, "token_sha256": ["b" * 64]}]),
    ("callers: callers[0].token_sha256[0]: must match", [{**CALLER, "token_sha256": ["q2c_northwind.finance-app.x"]}]),
    ("callers: callers[0].token_sha256: holds at most two", [{**CALLER, "token_sha256": [c * 64 for c in "abc"]}]),
    ("callers: callers[1].token_sha256[0]: is the hash", [CALLER, {**CALLER, "name": "other"}]),
    ("callers: callers[0].roles[0]: 'admin' is not", [{**CALLER, "roles": ["admin"]}]),
    ("callers: callers[0].roles: must be a list of at least 1", [{**CALLER, "roles": []}]),
    ("callers: callers[0]: has no 'token'", [{**CALLER, "token": "x"}]),
])
def test_callers_that_are_not_sound_are_refused(message: str, callers: Any) -> None:
    with pytest.raises(ConfigError) as refusal:
        check_callers(callers)
    assert str(refusal.value).startswith(message)


def test_a_new_token_names_its_caller_and_only_its_hash_is_stored() -> None:
    token = new_token.new_token("northwind", "finance-app")
    entry = new_token.caller("finance-app", token, "finance")
    check_callers([entry])
    assert re.fullmatch(r"q2c_northwind\.finance-app\.[0-9a-f]{64}", token)
    assert token not in json.dumps(entry) and token != new_token.new_token("northwind", "finance-app")


def test_the_example_of_callers_is_sound() -> None:
    check_callers(json.loads((ROOT / "infra" / "config" / "callers.example.json").read_text())["callers"])
