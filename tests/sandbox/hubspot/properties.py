"""The properties this portal defines, per object.

HubSpot refuses to write a property that is not defined [GK: message and error name] and ignores one that is
asked for and not defined [C: CRM object specs, parameter ``properties``]. Names beginning with ``q2c_`` are
the custom properties a firm creates when it connects the product.
"""

from __future__ import annotations

SYSTEM = ("hs_object_id", "createdate", "hs_lastmodifieddate")
"""Set by HubSpot, always part of a read, never writable."""

DEFINED: dict[str, frozenset[str]] = {
    "companies": frozenset({
        "name", "domain", "address", "address2", "city", "state", "zip", "country", "phone",
        "q2c_tax_id", "q2c_billing_email", "q2c_customer_id", "hs_parent_company_id",
    }),
    "deals": frozenset({
        "dealname", "dealstage", "pipeline", "amount", "closedate", "quote_status", "contract_status",
        "sow_status",
        "q2c_engagement_id", "q2c_engagement_status", "q2c_invoice_number", "q2c_invoice_status",
        "q2c_invoice_total", "q2c_tax_amount", "q2c_paid_amount", "q2c_credited_amount", "q2c_customer_id",
        "q2c_contract_version", "q2c_contract_value", "q2c_approved_statements",
        "q2c_collections_status", "q2c_collections_age", "q2c_collections_risk",
        "q2c_open_amount", "q2c_overdue_amount", "q2c_disputed_amount",
    }),
    "quotes": frozenset({
        "hs_title", "hs_status", "hs_currency", "hs_quote_number", "hs_expiration_date",
        "q2c_version", "q2c_legal_entity", "q2c_payment_terms", "q2c_project_template", "q2c_purchase_order",
        "q2c_approved_at", "q2c_tm_ceiling", "q2c_delivery_owner",
    }),
    "line_items": frozenset({
        "hs_sku", "name", "price", "quantity", "amount",
        "q2c_billing_method", "q2c_milestone", "q2c_planned_date", "q2c_role", "q2c_person",
        "q2c_effective_from", "q2c_schedule", "q2c_holdback",
        "q2c_charge", "q2c_period", "q2c_starts_on", "q2c_charge_timing", "q2c_charge_aligned",
        "q2c_ends_on", "q2c_statement_of_work",
        "q2c_retainer_hours", "q2c_overage_rate", "q2c_retainer_amount", "q2c_retainer_roles",
        "q2c_rollover_periods", "q2c_rollover_most",
        "q2c_usage", "q2c_meter", "q2c_usage_tiers", "q2c_usage_allowance",
        "q2c_deposit", "q2c_deposit_drawn_when", "q2c_deposit_share",
        "q2c_markup_percent", "q2c_expense_cap", "q2c_expense_categories",
    }),
}

DEFAULT_READ: dict[str, tuple[str, ...]] = {
    "companies": ("name", "domain"),
    "deals": ("dealname", "dealstage", "pipeline", "amount", "closedate"),
    "quotes": (),
    "line_items": (),
}
"""What a read returns when it names no properties [GK]."""

WRITABLE = frozenset({"companies", "deals", "line_items"})
"""The published quote spec has reads only [C: hubspot.crm.quote openapi], so a quote is written by people."""


def shown(kind: str, stored: dict[str, str | None], wanted: list[str]) -> dict[str, str | None]:
    """The properties of a read: the system's, then those asked for; defined but empty ones are null [GK]."""
    names = [name for name in wanted or DEFAULT_READ[kind] if name in DEFINED[kind]]
    return {name: stored.get(name) for name in (*SYSTEM, *names)}
