"""What reference data must look like: codes that are listed once and used by other parts. Pure.

Entities, service lines, cost centres, tax codes, posting rules, the catalog, resources and transfer
prices stand in one file with one version, so that no part is changed without the others.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from invoicing_rules import check_dates

if TYPE_CHECKING:
    from config_rules import Part


def check_reference(tenant: Part) -> None:
    """Every code that is used is listed, and nothing is listed twice."""
    listed = {name: _codes(tenant, name) for name in ("service_lines", "cost_centres", "tax_codes")}
    for name in listed:
        for code in _optional(tenant, name):
            check_dates(code)
    entities = _codes(tenant, "legal_entities")
    services = _codes(tenant, "services")
    for entity in tenant.at("legal_entities").items():
        if listed["tax_codes"]:
            entity.at("tax_code").one_of(listed["tax_codes"], "tax code")
        for country in entity.value.get("tax_codes", {}):
            code = entity.at("tax_codes").at(country)
            code.one_of(listed["tax_codes"] or {code.text()}, "tax code")
    for service in tenant.at("services").items():
        if "service_line" in service.value:
            service.at("service_line").one_of(listed["service_lines"], "service line")
        if "accounting" in service.value:
            _check_accounting(service.at("accounting"), listed["cost_centres"])
        if "roles" in service.value:
            _check_roles(service.at("roles"))
    _codes(tenant, "posting_rules")
    for rules in _optional(tenant, "posting_rules"):
        rules.only("code", "services")
        rules.at("services").only(*sorted(services))
        for service in rules.at("services").value:
            _check_accounting(rules.at("services").at(service), listed["cost_centres"])
    _check_resources(tenant, entities)
    _check_transfer_prices(tenant, entities)
    if "unknown_resources" in tenant.value:
        tenant.at("unknown_resources").one_of(("allow", "hold"), "way to treat them")
    for status in _optional(tenant, "stopped_statuses"):
        status.text()


def _optional(tenant: Part, name: str) -> list[Part]:
    return tenant.at(name).items(at_least=0) if name in tenant.value else []


def _codes(tenant: Part, name: str) -> set[str]:
    """The codes of a list, each once; none where it is missing."""
    found: set[str] = set()
    for entry in _optional(tenant, name):
        code = entry.at("code").text()
        if code in found:
            raise entry.at("code").fail(f"{code!r} appears twice")
        found.add(code)
    return found


def _check_accounting(accounting: Part, cost_centres: set[str]) -> None:
    accounting.only("revenue_account", "cost_centre", "dimensions")
    accounting.at("cost_centre").one_of(cost_centres, "cost centre")
    if "revenue_account" in accounting.value:
        accounting.at("revenue_account").text()
    if "dimensions" in accounting.value:
        dimensions = accounting.at("dimensions")
        dimensions.only(*(dimensions.value if isinstance(dimensions.value, dict) else ()))
        for name in dimensions.value:
            dimensions.at(name).text()


def _check_resources(tenant: Part, entities: set[str]) -> None:
    seen = set()
    for resource in _optional(tenant, "resources"):
        resource.only("name", "person", "legal_entity", "employment", "cost_rate", "effective_from")
        if "person" in resource.value:
            resource.at("person").text()
        resource.at("legal_entity").one_of(entities, "legal entity")
        employment = resource.at("employment").one_of(("employee", "subcontractor"), "employment")
        if "cost_rate" in resource.value or employment == "subcontractor":
            resource.at("cost_rate").money()
        if "effective_from" in resource.value:
            resource.at("effective_from").day()
        key = (resource.at("name").text(), resource.value.get("effective_from"))
        if key in seen:
            raise resource.at("name").fail(f"{key[0]!r} appears twice for one day")
        seen.add(key)


def _check_roles(roles: Part) -> None:
    """Who delivers a service: each role once, with hours above nought where there are any."""
    seen = set()
    for role in roles.items():
        role.only("role", "hours")
        name = role.at("role").text()
        if name in seen:
            raise role.at("role").fail(f"{name!r} appears twice")
        seen.add(name)
        if "hours" in role.value:
            role.at("hours").decimal(above=True)


def _check_transfer_prices(tenant: Part, entities: set[str]) -> None:
    seen = set()
    for price in _optional(tenant, "transfer_prices"):
        price.only("from", "to", "basis", "effective_from")
        if "effective_from" in price.value:
            price.at("effective_from").day()
        begins = price.value.get("effective_from")
        pair = tuple(price.at(name).one_of(entities, "legal entity") for name in ("from", "to"))
        if (pair, begins) in seen:
            raise price.fail(f"{pair[0]} to {pair[1]} appears twice for one day")
        seen.add((pair, begins))
        basis = price.at("basis")
        basis.only("percent", "hourly")
        if len(basis.value) != 1:
            raise basis.fail("must be either percent or hourly")
        if "hourly" in basis.value:
            basis.at("hourly").money()
        else:
            basis.at("percent").decimal()
