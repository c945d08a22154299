"""What invoicing policies, and tolerances of what is paid, must look like. Pure."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from config_rules import Part

ASKS = ("at-once", "per-milestone", "manual")
"""What asks for an invoice, beside a day of the month."""
RELEASES = ("automatic", "manual")
CONDITIONS = ("legal_entity", "currency", "service_line", "customer")
LAST_DAY = 31
WHOLE = 100
"""Percent of an invoice: no tolerance is more than that."""


def check_tolerances(tenant: Part) -> None:
    """One tolerance a currency that somebody sells in, each above nought and of no more than the invoice."""
    sold = {code for entity in tenant.at("legal_entities").value for code in entity["currencies"]}
    found: set[str] = set()
    for tolerance in tenant.at("payment_tolerances").items(at_least=0):
        tolerance.only("amount", "percent")
        amount = tolerance.at("amount")
        amount.money()
        amount.at("amount").decimal(above=True)
        currency = amount.at("currency").one_of(sold, "currency of a legal entity")
        if currency in found:
            raise amount.at("currency").fail(f"{currency!r} appears twice")
        found.add(currency)
        tolerance.at("percent").decimal(above=True)
        if Decimal(tolerance.at("percent").text()) > WHOLE:
            raise tolerance.at("percent").fail("must be at most 100")


def check_invoicing(invoicing: Part, tenant: Part) -> None:
    """Every policy by itself, and no two that are equally specific and may meet."""
    invoicing.only("policies", "tell_after_minutes")
    if "tell_after_minutes" in invoicing.value:
        invoicing.at("tell_after_minutes").whole(at_least=1)
    before: list[dict[str, Any]] = []
    for policy in invoicing.optional("policies", at_least=0):
        when = _check_policy(policy, tenant)
        for other in before:
            if len(other) == len(when) and all(other[name] == when[name] for name in other.keys() & when.keys()):
                raise policy.fail("contradicts an earlier policy: both are equally specific")
        before.append(when)


def _check_policy(policy: Part, tenant: Part) -> dict[str, Any]:
    """One policy; gives its conditions."""
    policy.only("when", "ask", "minimum", "release")
    when = policy.value.get("when", {})
    if "when" in policy.value:
        conditions = policy.at("when")
        conditions.only(*CONDITIONS)
        for name in conditions.value:
            conditions.at(name).text()
        listed = {"legal_entity": "legal_entities", "service_line": "service_lines"}
        for name in conditions.value.keys() & listed.keys():
            known = {entry.at("code").text() for entry in tenant.optional(listed[name], at_least=0)}
            conditions.at(name).one_of(known, name.replace("_", " "))
    ask = policy.at("ask")
    if isinstance(ask.value, dict):
        ask.only("monthly")
        ask.at("monthly").only("on_day")
        if ask.at("monthly").at("on_day").whole(at_least=1) > LAST_DAY:
            raise ask.at("monthly").at("on_day").fail("a month has days 1 to 31")
    else:
        ask.one_of(ASKS, "way to ask")
    if "release" in policy.value:
        policy.at("release").one_of(RELEASES, "way to release")
    if "minimum" in policy.value:
        minimum = policy.at("minimum")
        minimum.money()
        minimum.at("amount").decimal(above=True)
        if when.get("currency") != minimum.value["currency"]:
            raise minimum.fail("needs its currency as a condition of the policy")
    return dict(when)


def check_dates(code: Part) -> None:
    """The days between which a reference code may be used."""
    for name in ("from", "until"):
        if name in code.value:
            code.at(name).day()
    if "from" in code.value and code.value.get("until", code.value["from"]) < code.value["from"]:
        raise code.at("until").fail("is before `from`")
