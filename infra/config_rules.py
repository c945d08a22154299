"""What a configuration must look like. Pure: knows neither files nor AWS."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from invoicing_rules import check_invoicing, check_tolerances
from mapping_rules import check_mapping
from reference_rules import check_reference
from routing_rules import check_routing
from shape_rules import CURRENCIES, check_shape

ROUTED = ("crm", "psa", "erp", "payments")
"""Roles that a tenant's routing names a connection for."""
LISTENED_TO = ("signature",)
"""Roles of products that only report: nothing is ever asked of them."""
ROLES = (*ROUTED, *LISTENED_TO)
PRODUCTS = {
    "hubspot": "crm", "kantata": "psa", "tryton": "erp", "stripe": "payments", "docusign": "signature",
}
CRM_SIGNALS = ("quote-approved", "opportunity-won", "contract-activated", "sow-approved")
SIGNATURE_SIGNAL = "signature-completed"
SIGNALS = (*CRM_SIGNALS, SIGNATURE_SIGNAL)
"""What may begin an activation."""
ANY_VALUE = "sow-approved"
"""What a property may announce whatever its value is."""
BILLING_METHODS = ("fixed-fee", "time-and-materials", "recurring", "pass-through-expense", "usage", "deposit")
REVENUE_TREATMENTS = ("as-delivered", "milestone", "straight-line", "as-billed")
OWNERS = ("sales-operations", "master-data", "tax", "contracts", "finance-operations", "integration")
APPROVABLE = ("price-below-policy", "credit-memo")
MOST_HOURS = 24 * 366
SYSTEMS = (*ROUTED, "billing")
"""Roles that may be declared a system of record; none of our products plays the last one yet."""
OBJECTS = ("customer", "contract", "project", "resource", "time", "billing", "invoice", "payment", "revenue")
"""What every declaration of ownership must cover."""
CALLER_ROLES = ("sales", "finance", "operations", "automation")
IDENTIFIER = re.compile(r"[a-z][a-z0-9-]{1,39}")
NAME = re.compile(r"[a-z][a-z_]{0,39}")
EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
SHA256 = re.compile(r"[0-9a-f]{64}")
CURRENCY = re.compile(r"[A-Z]{3}")
MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
DECIMAL = re.compile(r"\d{1,15}(\.\d{1,8})?")
LOCAL_ADDRESS = re.compile(r"http://(127\.0\.0\.1|localhost)(:\d+)?(/|$)")


class ConfigError(Exception):
    """A rule that a configuration breaks: in which file and line, at which path, and what to do."""

    def __init__(self, file: str, path: str, rule: str, line: int | None = None) -> None:
        place = f"{file}:{line}" if line else file
        super().__init__(": ".join(part for part in (place, path, rule) if part))


class Part:
    """A value inside one part of the configuration, which knows where it stands."""

    def __init__(self, file: str, value: Any, path: str = "", lines: dict[str, int] | None = None) -> None:
        self.file, self.value, self.path, self.lines = file, value, path, lines or {}

    @property
    def where(self) -> str:
        """Its line, for people; nothing where it comes from no file."""
        return f" (line {self.lines[self.path]})" if self.path in self.lines else ""

    def fail(self, rule: str) -> ConfigError:
        """The error of this place."""
        return ConfigError(self.file, self.path, rule, self.lines.get(self.path))

    def at(self, name: str) -> Part:
        """The member called `name`, which must exist."""
        if not isinstance(self.value, dict):
            raise self.fail("must be an object")
        below = f"{self.path}.{name}" if self.path else name
        if name not in self.value:
            raise ConfigError(self.file, below, "is missing", self.lines.get(self.path))
        return Part(self.file, self.value[name], below, self.lines)

    def only(self, *names: str) -> None:
        """Refuses misspelt members, which would otherwise be without effect."""
        if not isinstance(self.value, dict):
            raise self.fail("must be an object")
        for name in self.value:
            if name not in names:
                below = f"{self.path}.{name}" if self.path else name
                line = self.lines.get(below)
                raise ConfigError(self.file, self.path, f"has no {name!r}; possible: {', '.join(names)}", line)

    def items(self, at_least: int = 1) -> list[Part]:
        """The elements of a list."""
        if not isinstance(self.value, list) or len(self.value) < at_least:
            raise self.fail(f"must be a list of at least {at_least}")
        return [Part(self.file, v, f"{self.path}[{i}]", self.lines) for i, v in enumerate(self.value)]

    def optional(self, name: str, at_least: int = 1) -> list[Part]:
        """The elements of a list that may be left out."""
        return self.at(name).items(at_least) if name in self.value else []

    def text(self, pattern: re.Pattern[str] | None = None) -> str:
        """A text that is not empty and matches."""
        if not isinstance(self.value, str) or not self.value.strip():
            raise self.fail("must be a text that is not empty")
        if pattern and not pattern.fullmatch(self.value):
            raise self.fail(f"must match {pattern.pattern}")
        return self.value

    def one_of(self, allowed: Any, what: str) -> str:
        """A text out of a known set."""
        if self.text() not in allowed:
            known = ", ".join(sorted(allowed)) or "none"
            raise self.fail(f"{self.value!r} is not a known {what}; known: {known}")
        return str(self.value)

    def whole(self, at_least: int = 0) -> int:
        """A whole number."""
        if type(self.value) is not int or self.value < at_least:
            raise self.fail(f"must be a whole number, at least {at_least}")
        return self.value

    def day(self) -> None:
        """A day of the calendar."""
        try:
            sound = date.fromisoformat(self.text()).isoformat() == self.value
        except ValueError:
            sound = False
        if not sound:
            raise self.fail("must be a day, YYYY-MM-DD")

    def money(self) -> None:
        """An amount as decimal text and its currency; never a floating-point number."""
        self.only("amount", "currency")
        self.at("amount").decimal()
        self.at("currency").text(CURRENCY)
        self.at("currency").one_of(CURRENCIES, "currency of ISO 4217")

    def decimal(self, above: bool = False) -> None:
        """A decimal number as text, not negative; above nought where it must be."""
        text = self.value if isinstance(self.value, str) and DECIMAL.fullmatch(self.value) else None
        if text is None or (above and not Decimal(text)):
            raise self.fail(f"must be a decimal number in quotes, {'above nought' if above else 'not negative'}")


def check(
    tenant: Any,
    connections: Any,
    secrets: Any,
    files: dict[str, str] | None = None,
    lines: dict[str, dict[str, int]] | None = None,
) -> None:
    """Raises ConfigError at the first rule that one part, or the parts together, break.

    `files` are the names of the parts' files, `lines` the line of each of their values by its path.
    """
    files, lines = files or {}, lines or {}

    def part(name: str, value: Any, path: str = "") -> Part:
        return Part(files.get(name, name), value, path, lines.get(name))

    connected = part("connections", connections, "connections")
    roles = check_connections(connected)
    check_tenant(part("tenant", tenant), roles)
    check_requirements(part("tenant", tenant), connected, roles)
    check_secrets(part("secrets", secrets), roles)
    for connection in connected.items():
        owner = connection.at("tenant")
        if owner.value != tenant["tenant"]:
            raise owner.fail(f"is not {tenant['tenant']!r}, the tenant being configured")


def check_connections(connections: Part) -> dict[str, str]:
    """Each connection by itself; returns the role of each."""
    roles: dict[str, str] = {}
    for connection in connections.items():
        connection.only(
            *("connection", "tenant", "product", "role", "base_url"),
            *("webhook_url", "secret_id", "settings"),
        )
        identifier = connection.at("connection").text(IDENTIFIER)
        if identifier in roles:
            raise connection.at("connection").fail(f"{identifier!r} appears twice")
        connection.at("tenant").text(IDENTIFIER)
        product = connection.at("product").one_of(PRODUCTS, "product")
        role = connection.at("role").one_of(ROLES, "role")
        if role != PRODUCTS[product]:
            raise connection.at("role").fail(f"{product} serves the role {PRODUCTS[product]}")
        check_address(connection.at("base_url"))
        if "webhook_url" in connection.value:
            check_address(connection.at("webhook_url"))
        if not isinstance(connection.at("settings").value, dict):
            raise connection.at("settings").fail("must be an object, {} for none")
        roles[identifier] = role
    for connection in connections.items():
        check_settings(connection.value["product"], connection.at("settings"), roles)
    return roles


def check_settings(product: str, settings: Part, roles: dict[str, str]) -> None:
    """Settings whose absence or misspelling would be noticed only when work is waiting."""
    if product in ("hubspot", "kantata"):
        settings.at("settles_within_seconds").whole(at_least=1)
    if product == "hubspot":
        check_triggers(settings.at("triggers"))
    if product == "docusign":
        settings.only("crm_connection", "deal_field", "account_id")
        serves = {name for name, role in roles.items() if role == "crm"}
        settings.at("crm_connection").one_of(serves, "crm connection")
        settings.at("deal_field").text()
        if "account_id" in settings.value:
            settings.at("account_id").text()


def check_triggers(triggers: Part) -> None:
    """Changes of a deal, each saying what it announces, none twice."""
    found: list[dict[str, str]] = []
    for trigger in triggers.items():
        trigger.only("property", "value", "means")
        trigger.at("property").text()
        # A list of approved statements of work announces with any value; nothing else may do so by mistake.
        if trigger.at("means").one_of(CRM_SIGNALS, "meaning") != ANY_VALUE or "value" in trigger.value:
            trigger.at("value").text()
        if trigger.value in found:
            raise trigger.fail("appears twice")
        found.append(trigger.value)


def check_address(address: Part) -> None:
    """Credentials and customers' data leave only encrypted, except to this very machine."""
    text = address.text()
    if not text.startswith("https://") and not LOCAL_ADDRESS.match(text):
        raise address.fail("must begin with https://")
    if text.endswith("/"):
        raise address.fail("must not end with a slash")


def check_tenant(tenant: Part, roles: dict[str, str]) -> None:
    """The tenant, and that it refers only to what exists."""
    tenant.only(
        *("tenant", "version", "time_zone", "routing", "legal_entities", "payment_terms"),
        *("service_lines", "cost_centres", "tax_codes", "posting_rules"),
        *("services", "project_templates", "price_policy", "tax", "activation", "approvals"),
        *("delivery_owners", "ownership", "resources", "transfer_prices", "unknown_resources", "stopped_statuses"),
        *("invoicing", "payment_tolerances"),
        *("accounting_periods", "revenue_mapping"),
    )
    tenant.at("tenant").text(IDENTIFIER)
    check_time_zone(tenant.at("time_zone"))
    check_entities(tenant.at("legal_entities"))
    codes(tenant.at("payment_terms"))
    for term in tenant.at("payment_terms").items():
        term.at("days").whole()
    templates = codes(tenant.at("project_templates"))
    for template in tenant.at("project_templates").items():
        for task in template.at("tasks").items():
            task.text()
    codes(tenant.at("services"))
    for service in tenant.at("services").items():
        service.at("name").text()
        service.at("project_template").one_of(templates, "project template")
        for method in service.at("billing_methods").items():
            method.one_of(BILLING_METHODS, "billing method")
        for element in service.optional("work", at_least=0):
            element.text()
        if "revenue" in service.value:
            service.at("revenue").one_of(REVENUE_TREATMENTS, "revenue treatment")
    check_price_policy(tenant.at("price_policy"))
    if not isinstance(tenant.at("tax").at("registration_required").value, bool):
        raise tenant.at("tax").at("registration_required").fail("must be true or false")
    if "activation" in tenant.value:
        check_activation(tenant.at("activation"))
    if "approvals" in tenant.value:
        check_approvals(tenant.at("approvals"))
    if "delivery_owners" in tenant.value:
        check_delivery_owners(tenant.at("delivery_owners"))
    if "ownership" in tenant.value:
        check_ownership(tenant.at("ownership"))
    check_periods(tenant)
    check_reference(tenant)
    if "invoicing" in tenant.value:
        check_invoicing(tenant.at("invoicing"), tenant)
    if "payment_tolerances" in tenant.value:
        check_tolerances(tenant)
    check_routing(tenant, roles)
    check_mapping(tenant)
    check_shape(tenant)


def check_periods(tenant: Part) -> None:
    """Up to which month the books of each legal entity are closed, each once."""
    entities = {entity["code"] for entity in tenant.at("legal_entities").value}
    found: set[str] = set()
    for closed in tenant.optional("accounting_periods", at_least=0):
        closed.only("legal_entity", "closed_until")
        entity = closed.at("legal_entity").one_of(entities, "legal entity")
        if entity in found:
            raise closed.at("legal_entity").fail(f"{entity!r} appears twice")
        found.add(entity)
        closed.at("closed_until").text(MONTH)


def check_activation(activation: Part) -> None:
    """What begins an activation; without a word of it, an approved quote does."""
    activation.only("triggers", "requires")
    for name, at_least in (("triggers", 1), ("requires", 0)):
        if name in activation.value:
            signals = [s.one_of(SIGNALS, "signal") for s in activation.at(name).items(at_least)]
            if len(signals) != len(set(signals)):
                raise activation.at(name).fail("names a signal twice")


def check_requirements(tenant: Part, connections: Part, roles: dict[str, str]) -> None:
    """What is required must be announced by somebody: else no activation would ever begin."""
    announced = {
        trigger["means"]
        for connection in connections.value if connection["product"] == "hubspot"
        for trigger in connection["settings"]["triggers"]
    }
    if "signature" in roles.values():
        announced.add(SIGNATURE_SIGNAL)
    required = tenant.value.get("activation", {}).get("requires", [])
    for number, signal in enumerate(required):
        if signal not in announced:
            place = Part(tenant.file, signal, f"activation.requires[{number}]", tenant.lines)
            raise place.fail(f"{signal!r} is announced by no connection")


def check_delivery_owners(owners: Part) -> None:
    """Who may answer for the delivery; an empty list means that quotes need not say."""
    if not owners.items(at_least=0):
        return
    codes(owners)
    for owner in owners.items():
        owner.only("code", "name", "email")
        owner.at("name").text()
        if "email" in owner.value:
            owner.at("email").text(EMAIL)


def check_ownership(rules: Part) -> None:
    """Each field of each object belongs to one system, and every object that must be is covered."""
    owned: set[tuple[str, str]] = set()
    for rule in rules.items():
        rule.only("object", "fields", "system_of_record", "governed_by")
        name = rule.at("object").text(NAME)
        rule.at("system_of_record").one_of(SYSTEMS, "role")
        rule.at("governed_by").one_of(OWNERS, "owner")
        for field in rule.at("fields").items():
            if field.text() != "*":
                field.text(NAME)
            if (name, field.value) in owned:
                raise field.fail(f"{field.value!r} of {name} has an owner already")
            owned.add((name, field.value))
    if missing := [name for name in OBJECTS if (name, "*") not in owned]:
        raise rules.fail(f"must say who owns all other fields (*) of {', '.join(missing)}")


def check_time_zone(zone: Part) -> None:
    """A name of the time zone database: dates of billing depend on it."""
    try:
        ZoneInfo(zone.text())
    except (ZoneInfoNotFoundError, ValueError):
        raise zone.fail(f"{zone.value!r} is not a time zone") from None


def check_entities(entities: Part) -> None:
    """The legal entities."""
    codes(entities)
    for entity in entities.items():
        entity.only("code", "name", "region", "currencies", "tax_jurisdictions", "tax_code", "tax_codes")
        if "region" in entity.value:
            entity.at("region").text()
        entity.at("name").text()
        entity.at("tax_code").text()
        for currency in entity.at("currencies").items():
            currency.text(CURRENCY)
        for jurisdiction in entity.at("tax_jurisdictions").items():
            jurisdiction.text()


def check_price_policy(policy: Part) -> None:
    """Floors below which a quote is not activated."""
    policy.only("minimum_rates", "minimum_fixed_fee")
    for rate in policy.at("minimum_rates").items(at_least=0):
        rate.only("role", "rate")
        rate.at("role").text()
        rate.at("rate").money()
    policy.at("minimum_fixed_fee").money()


def check_approvals(approvals: Part) -> None:
    """Who approves what, each kind once, and that a reminder comes before the time is over."""
    found: set[str] = set()
    for rule in approvals.items(at_least=0):
        rule.only("what", "asked_of", "remind_after_hours", "expires_after_hours")
        what = rule.at("what").one_of(APPROVABLE, "kind of approval")
        if what in found:
            raise rule.at("what").fail(f"{what!r} appears twice")
        found.add(what)
        rule.at("asked_of").one_of(OWNERS, "owner")
        for hours in (rule.at("remind_after_hours"), rule.at("expires_after_hours")):
            if type(hours.value) is not int or not 1 <= hours.value <= MOST_HOURS:
                raise hours.fail(f"must be a whole number of hours from 1 to {MOST_HOURS}")
        if rule.at("remind_after_hours").value >= rule.at("expires_after_hours").value:
            raise rule.at("remind_after_hours").fail("must be less than expires_after_hours")


def codes(entries: Part) -> set[str]:
    """The codes of a list, each once."""
    found: set[str] = set()
    for entry in entries.items():
        code = entry.at("code").text()
        if code in found:
            raise entry.at("code").fail(f"{code!r} appears twice")
        found.add(code)
    return found


def check_secrets(secrets: Part, roles: dict[str, str]) -> None:
    """Credentials belong to a connection; at most the current and the previous signing secret."""
    secrets.only(*roles)
    for connection in roles.keys() & secrets.value.keys():
        entry = secrets.at(connection)
        entry.only("signing_secrets", "api_token")
        listened_to = roles[connection] in LISTENED_TO
        if "api_token" in entry.value or not listened_to:
            entry.at("api_token").text()
        signing = entry.at("signing_secrets")
        if len(signing.items(at_least=1 if listened_to else 0)) > 2:
            raise signing.fail("holds at most two: the current one and the previous one")
        for secret in signing.items(at_least=0):
            secret.text()


def check_callers(callers: Any, file: str = "callers", lines: dict[str, int] | None = None) -> None:
    """Who may call the API: a name, the hash of its token (two while it is changed), its roles."""
    seen: set[str] = set()
    hashes: set[str] = set()
    for caller in Part(file, callers, "callers", lines).items(at_least=0):
        caller.only("name", "token_sha256", "roles")
        name = caller.at("name").text(IDENTIFIER)
        if name in seen:
            raise caller.at("name").fail(f"{name!r} appears twice")
        seen.add(name)
        tokens = caller.at("token_sha256")
        if len(tokens.items()) > 2:
            raise tokens.fail("holds at most two: the current one and the previous one")
        for token in tokens.items():
            if token.text(SHA256) in hashes:
                raise token.fail("is the hash of another token too")
            hashes.add(token.value)
        for role in caller.at("roles").items():
            role.one_of(CALLER_ROLES, "role")
