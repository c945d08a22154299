"""How revenue is recognised and posted: the tenant's revenue mapping, and that every change of it is approved.

The mapping is each service's treatment and posting, and the posting rules. An approval names its hash, so it is of
exactly this mapping. What a contract has is copied when it is activated: a change is for what is sold from then on.
"""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from config_rules import Part

SHA256 = re.compile(r"[0-9a-f]{64}")
MAPPED = ("revenue", "accounting")
"""What of a service belongs to the mapping."""


def mapping_of(tenant: dict[str, Any]) -> dict[str, Any]:
    """The revenue mapping of a configuration, whatever the order in which it is written."""
    services = {
        service["code"]: {name: service[name] for name in MAPPED if name in service} for service in tenant["services"]
    }
    rules = {rule["code"]: rule["services"] for rule in tenant.get("posting_rules", [])}
    return {"services": {code: mapped for code, mapped in services.items() if mapped}, "posting_rules": rules}


def fingerprint(tenant: dict[str, Any]) -> str:
    """The hash that an approval names."""
    text = json.dumps(mapping_of(tenant), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def check_mapping(tenant: Part) -> None:
    """An approval that is there is of the mapping beside it."""
    if "revenue_mapping" not in tenant.value:
        return
    approval = tenant.at("revenue_mapping")
    approval.only("approved_by", "approved_on", "sha256")
    approval.at("approved_by").text()
    approval.at("approved_on").day()
    if approval.at("sha256").text(SHA256) != fingerprint(tenant.value):
        raise approval.at("sha256").fail(f"is not the mapping's, which is {fingerprint(tenant.value)}")


def check_change(tenant: Part, stored: dict[str, Any] | None) -> None:
    """A mapping that differs from the stored one needs an approval; the first one that a tenant has does not."""
    if stored is None or mapping_of(stored) == mapping_of(tenant.value) or "revenue_mapping" in tenant.value:
        return
    changed = sorted(
        code
        for kind in ("services", "posting_rules")
        for code in mapping_of(stored)[kind].keys() | mapping_of(tenant.value)[kind].keys()
        if mapping_of(stored)[kind].get(code) != mapping_of(tenant.value)[kind].get(code)
    )
    raise tenant.fail(
        f"changes how {', '.join(changed)} is recognised or posted; finance approves it as "
        f'"revenue_mapping": {{"approved_by": …, "approved_on": …, "sha256": "{fingerprint(tenant.value)}"}}'
    )
