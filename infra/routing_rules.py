"""What routing rules must look like, alone and together. Pure: knows neither files nor AWS.

The same is checked by the functions when they read a configuration (shared/domain/src/consistency.rs).
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from config_rules import Part

CONNECTIONS = ("crm", "psa", "erp", "payments")
CODES = ("tax-engine", "posting-rules", "invoice-format", "project-template", "revenue-engine")
CONDITIONS = ("legal_entity", "currency", "tax_jurisdiction", "region", "service_line")

Facts = dict[str, Any]


def check_routing(tenant: Part, roles: dict[str, str]) -> None:
    """Each rule by itself, no two contradict each other, and each legal entity reaches every system."""
    sales = list(everything_sold(tenant))
    rules = tenant.at("routing").items()
    for rule in rules:
        _check_rule(rule, tenant, roles, sales)
    for one, other in itertools.combinations(rules, 2):
        if _contradict(one.value, other.value, sales):
            raise other.fail(f"contradicts {one.path}{one.where}: both are equally specific and in force")
    for entity in tenant.at("legal_entities").items():
        _check_reaches(entity, [rule.value for rule in rules], sales)


def everything_sold(tenant: Part) -> Iterator[Facts]:
    """Everything that may be sold, as routing sees it."""
    lines = {service.get("service_line") for service in tenant.at("services").value}
    for entity in tenant.at("legal_entities").value:
        combined = itertools.product(entity["currencies"], entity["tax_jurisdictions"], sorted(lines, key=str))
        for currency, country, line in combined:
            yield {"legal_entity": entity["code"], "region": entity.get("region"), "currency": currency,
                   "tax_jurisdiction": country, "service_line": line}


def _check_rule(rule: Part, tenant: Part, roles: dict[str, str], sales: list[Facts]) -> None:
    rule.only("selects", "gives", "when", "from", "until")
    selects = rule.at("selects").one_of((*CONNECTIONS, *CODES), "selection")
    gives = rule.at("gives")
    gives.text()
    if selects in CONNECTIONS:
        gives.one_of({name for name, role in roles.items() if role == selects}, f"{selects} connection")
    if listed := {"posting-rules": "posting_rules", "project-template": "project_templates"}.get(selects):
        gives.one_of({entry["code"] for entry in tenant.value.get(listed, [])}, selects.replace("-", " "))
    if "when" in rule.value:
        rule.at("when").only(*CONDITIONS)
        for name in rule.at("when").value:
            rule.at("when").at(name).text()
    for name in ("from", "until"):
        if name in rule.value:
            rule.at(name).day()
    if not _before_or_on(rule.value.get("from"), rule.value.get("until")):
        raise rule.at("until").fail("is before `from`")
    if not any(_holds(rule.value, facts) for facts in sales):
        raise rule.at("when").fail("no legal entity can meet it")


def _before_or_on(one: str | None, other: str | None) -> bool:
    """Whether a day is not after another; no day is before and after all."""
    return one is None or other is None or one <= other


def _holds(rule: Facts, facts: Facts) -> bool:
    return all(facts[name] == wanted for name, wanted in rule.get("when", {}).items())


def _contradict(one: Facts, other: Facts, sales: list[Facts]) -> bool:
    return (
        one["selects"] == other["selects"]
        and one["gives"] != other["gives"]
        and len(one.get("when", {})) == len(other.get("when", {}))
        and _before_or_on(one.get("from"), other.get("until"))
        and _before_or_on(other.get("from"), one.get("until"))
        and any(_holds(one, facts) and _holds(other, facts) for facts in sales)
    )


def _check_reaches(entity: Part, rules: list[Facts], sales: list[Facts]) -> None:
    """Each connection is given by some rule, at some time, to all that an entity may sell."""
    for selects in CONNECTIONS:
        able = [rule for rule in rules if rule["selects"] == selects]
        for facts in sales:
            if facts["legal_entity"] == entity.value["code"] and not any(_holds(r, facts) for r in able):
                sold = f"in {facts['currency']} for {facts['tax_jurisdiction']}"
                raise entity.fail(f"no routing rule ever gives it a {selects} {sold}")
