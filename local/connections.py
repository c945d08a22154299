"""Connect a deployed stack with the products of its instance, in both directions.

Towards the products: configuration and credentials go into the stack with
infra/configure.py, the same step a real account takes. From the products: each
is told where to report, and with which secret to sign.
"""

from __future__ import annotations

import hashlib
import json
import sys
from typing import Any

from . import erp_base, paths
from .calls import request_json
from .stack import Stack

TENANT = "northwind"
CRM, PSA, ERP, PAYMENTS = "hubspot-main", "kantata-main", "tryton-us", "stripe-main"
# Nothing plays DocuSign here: whoever has its key may sign as it does.
SIGNATURE = "docusign-main"
SERVICE_OF = {CRM: "hubspot", PSA: "kantata", ERP: "tryton", PAYMENTS: "stripe"}
PORTAL = 62515
# The stand-ins answer at once or not at all, and show what they took at once.
SETTLES_WITHIN_SECONDS = 1
CALLERS = {"sales-app": "sales", "finance-app": "finance", "operations-app": "operations", "bot": "automation"}
"""Callers of the API, each with its role."""


def connect(stack: Stack) -> None:
    """Configure the stack, then the products' webhooks. Repeating it changes nothing."""
    configure = _configure_module()
    configure.configure(
        configure.Stack(stack.name, stack.table, stack.api_url, stack.instance.client),
        tenant(), connections(stack), credentials(stack), callers=callers(stack),
    )
    report_to(stack)


def tenant() -> dict[str, Any]:
    """The tenant's configuration: the one that is checked in."""
    return json.loads((paths.ROOT / "infra" / "config" / f"{TENANT}.json").read_text(encoding="utf-8"))


def connections(stack: Stack) -> list[dict[str, Any]]:
    """The connections of the local default, with the addresses and records of this instance."""
    return [
        _connection(stack, CRM, "crm", {
            "signature_versions": ["v3"],
            "triggers": [
                {"property": "dealstage", "value": "closedwon", "means": "opportunity-won"},
                {"property": "quote_status", "value": "APPROVED", "means": "quote-approved"},
                {"property": "contract_status", "value": "ACTIVATED", "means": "contract-activated"},
                {"property": "sow_status", "value": "APPROVED", "means": "sow-approved"},
                {"property": "q2c_approved_statements", "means": "sow-approved"},
            ],
            "portal_id": PORTAL,
            "settles_within_seconds": SETTLES_WITHIN_SECONDS,
        }),
        _connection(stack, PSA, "psa", {
            "service_name": "q2c",
            "acceptance_field": "Client acceptance",
            "acceptance_value": "Accepted",
            "overlap_minutes": 30,
            "settles_within_seconds": SETTLES_WITHIN_SECONDS,
            "resource_events": [f"workspace_resource:{what}" for what in ("created", "updated", "deleted")],
            "expense_events": ["expense:updated", "expense_report_submission:updated"],
        }),
        _connection(stack, ERP, "erp", _books(stack)),
        _connection(stack, PAYMENTS, "payments", {}),
        {
            "connection": SIGNATURE, "tenant": TENANT, "product": "docusign", "role": "signature",
            "base_url": "https://eu.docusign.net", "webhook_url": stack.webhook_url(SIGNATURE),
            "settings": {"crm_connection": CRM, "deal_field": "q2c_deal"},
        },
    ]


def credentials(stack: Stack) -> dict[str, dict[str, Any]]:
    """What each product signs with and lets us in with."""
    secrets = stack.instance.secrets
    key = erp_base.identifiers(stack.instance.books)["key"]
    return {
        CRM: {"signing_secrets": [secrets["hubspot_client_secret"]], "api_token": secrets["hubspot_token"]},
        PSA: {"signing_secrets": [], "api_token": secrets["kantata_token"]},
        ERP: {"signing_secrets": [secrets["tryton_webhook_secret"]], "api_token": key},
        PAYMENTS: {"signing_secrets": [secrets["stripe_webhook_secret"]], "api_token": secrets["stripe_api_key"]},
        SIGNATURE: {"signing_secrets": [secrets["docusign_connect_key"]]},
    }


def token(stack: Stack, name: str) -> str:
    """The token of a caller of the API. Derived, so that an instance keeps one secret for all of them; one that was
    made before there was an API has none and uses a secret that it has."""
    secrets = stack.instance.secrets
    seed = secrets.get("api_token_seed") or secrets["kantata_token"]
    secret = hashlib.sha256(f"api {name} {seed}".encode()).hexdigest()
    return f"q2c_{TENANT}.{name}.{secret}"


def callers(stack: Stack) -> list[dict[str, Any]]:
    """Who may call the API; of the tokens only the hashes."""
    return [
        {"name": name, "token_sha256": [hashlib.sha256(token(stack, name).encode()).hexdigest()], "roles": [role]}
        for name, role in CALLERS.items()
    ]


def report_to(stack: Stack) -> None:
    """Tell the products that push where to push, and with which secret."""
    instance = stack.instance
    request_json("PUT", f"{instance.url('hubspot')}/_sandbox/webhook", {
        "url": stack.webhook_url(CRM), "client_secret": instance.secrets["hubspot_client_secret"], "portal_id": PORTAL,
    })
    request_json("POST", f"{instance.url('stripe')}/_config/webhooks/{PAYMENTS}", {
        "url": stack.webhook_url(PAYMENTS), "secret": instance.secrets["stripe_webhook_secret"],
        "events": ["payment_intent.succeeded"],
    })
    # Tryton's module reads this file at each delivery.
    target = instance.books / "webhook.json"
    target.touch(mode=0o600)
    target.write_text(
        json.dumps({"url": stack.webhook_url(ERP), "secret": instance.secrets["tryton_webhook_secret"]}),
        encoding="utf-8",
    )


def _connection(stack: Stack, name: str, role: str, settings: dict[str, Any]) -> dict[str, Any]:
    product = SERVICE_OF[name]
    return {
        "connection": name, "tenant": TENANT, "product": product, "role": role,
        "base_url": stack.instance.url(product), "webhook_url": stack.webhook_url(name), "settings": settings,
    }


def _books(stack: Stack) -> dict[str, Any]:
    """The ERP's records by meaning, as its set-up created them."""
    ids = erp_base.identifiers(stack.instance.books)
    known = ("company", "receivable_account", "revenue_account", "journal", "statement_journal", "currencies", "taxes",
             "fixed_product", "fixed_unit", "hour_product", "hour_unit")
    terms = {term["code"]: ids["payment_terms"][term["name"]] for term in tenant()["payment_terms"]}
    return {
        "database": erp_base.DATABASE,
        **{name: ids[name] for name in known},
        "payment_terms": terms,
        "project_status_open": ids["project_statuses"]["open"],
        "overlap_minutes": 30,
    }


def _configure_module() -> Any:
    sys.path.insert(0, str(paths.ROOT / "infra"))
    try:
        import configure
    finally:
        sys.path.pop(0)
    return configure
