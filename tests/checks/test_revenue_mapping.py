"""A change of how revenue is recognised or posted is not configured without an approval of exactly that change."""

from __future__ import annotations

import copy
import json
import sys
from typing import Any

import pytest
from template import ROOT

sys.path.insert(0, str(ROOT / "infra"))

import configure  # noqa: E402
from config_rules import ConfigError, check  # noqa: E402
from mapping_rules import fingerprint, mapping_of  # noqa: E402

Config = dict[str, Any]


class Table:
    """What configuring reads and writes of the table and the secrets."""

    class exceptions:  # noqa: N801
        class ConditionalCheckFailedException(Exception):  # noqa: N818
            """Never raised: nobody else configures."""

    def __init__(self) -> None:
        self.items: dict[str, Config] = {}

    def get_item(self, Key: Config, **_: Any) -> Config:  # noqa: N803
        found = self.items.get(Key["pk"]["S"])
        return {"Item": found} if found else {}

    def put_item(self, Item: Config, **_: Any) -> None:  # noqa: N803
        self.items[Item["pk"]["S"]] = Item

    def stored(self) -> Config:
        return json.loads(self.items["tenant#northwind"]["body"]["S"])


@pytest.fixture
def table() -> Table:
    return Table()


@pytest.fixture
def tenant() -> Config:
    return json.loads((ROOT / "infra" / "config" / "northwind.json").read_text())


def connections() -> list[Config]:
    return json.loads((ROOT / "infra" / "config" / "connections.example.json").read_text())["connections"]


def configured(table: Table, tenant: Config) -> None:
    stack = configure.Stack("q2c", "table", "https://api.example", lambda _service: table)
    configure.configure(stack, tenant, connections(), {})


def approved(tenant: Config, of: Config) -> Config:
    approval = {"approved_by": "finance-director", "approved_on": "2026-11-20", "sha256": fingerprint(of)}
    return {**tenant, "revenue_mapping": approval}


def other_treatment(tenant: Config) -> Config:
    changed = copy.deepcopy(tenant)
    changed["services"][0]["revenue"] = "straight-line"
    return changed


def other_account(tenant: Config) -> Config:
    changed = copy.deepcopy(tenant)
    changed["services"][1]["accounting"]["revenue_account"] = "4000"
    return changed


def further_service(tenant: Config) -> Config:
    changed = copy.deepcopy(tenant)
    changed["services"].append({**changed["services"][0], "code": "TRAINING", "revenue": "as-billed"})
    return changed


def posting_rules(tenant: Config) -> Config:
    changed = copy.deepcopy(tenant)
    changed["posting_rules"] = [{"code": "west", "services": {"IMPL": {"cost_centre": "4200"}}}]
    return changed


@pytest.mark.parametrize("change", [other_treatment, other_account, further_service, posting_rules])
def test_a_changed_mapping_needs_an_approval(table: Table, tenant: Config, change: Any) -> None:
    """Proves REV-10: without an approval of exactly this mapping nothing is written, with it the mapping is."""
    configured(table, tenant)
    before = copy.deepcopy(table.items)
    changed = change(tenant)
    for refused in (changed, approved(changed, tenant)):
        with pytest.raises(ConfigError) as refusal:
            configured(table, refused)
        assert fingerprint(changed) in str(refusal.value), "names what is to be approved"
        assert table.items == before, "nothing is written"
    configured(table, approved(changed, changed))
    assert mapping_of(table.stored()) == mapping_of(changed) != mapping_of(tenant)


def test_what_is_no_mapping_needs_none(table: Table, tenant: Config) -> None:
    configured(table, tenant)
    for other in (
        {**tenant, "payment_terms": [*tenant["payment_terms"], {"code": "net-7", "name": "A week", "days": 7}]},
        {**tenant, "services": tenant["services"][::-1]},
        {**tenant, "accounting_periods": [{"legal_entity": "NW-US", "closed_until": "2026-10"}]},
    ):
        configured(table, other)


def test_an_approval_stays_while_its_mapping_does(table: Table, tenant: Config) -> None:
    configured(table, tenant)
    changed = approved(other_treatment(tenant), other_treatment(tenant))
    configured(table, changed)
    configured(table, changed)
    # The way back is a change too: the approval is of the other mapping.
    with pytest.raises(ConfigError):
        configured(table, tenant)


@pytest.mark.parametrize(("message", "broken"), [
    ("tenant: revenue_mapping.sha256: must match", {"sha256": "x"}),
    ("tenant: revenue_mapping.sha256: is not the mapping's", {"sha256": "0" * 64}),
    ("tenant: revenue_mapping.approved_on: must be a day", {"approved_on": "yesterday"}),
    ("tenant: revenue_mapping.approved_by: must be a text", {"approved_by": " "}),
    ("tenant: revenue_mapping: has no 'by'", {"by": "me"}),
])
def test_an_approval_that_is_not_sound_is_refused(tenant: Config, message: str, broken: Config) -> None:
    """Refused by `--check` too, before there is a stack."""
    approval = {"approved_by": "finance", "approved_on": "2026-11-20", "sha256": fingerprint(tenant), **broken}
    with pytest.raises(ConfigError) as refusal:
        check({**tenant, "revenue_mapping": approval}, connections(), {})
    assert message in str(refusal.value)


@pytest.mark.parametrize(("message", "periods"), [
    ("tenant: accounting_periods[0].legal_entity: 'NW-EU' is not", [{"legal_entity": "NW-EU", "closed_until": "2026-10"}]),
    ("tenant: accounting_periods[0].closed_until: must match", [{"legal_entity": "NW-US", "closed_until": "2026-13"}]),
    ("tenant: accounting_periods[0].closed_until: is missing", [{"legal_entity": "NW-US"}]),
    ("tenant: accounting_periods[1].legal_entity: 'NW-US' appears twice",
     [{"legal_entity": "NW-US", "closed_until": "2026-10"}] * 2),
])
def test_closed_periods_that_are_not_sound_are_refused(tenant: Config, message: str, periods: list[Config]) -> None:
    with pytest.raises(ConfigError) as refusal:
        check({**tenant, "accounting_periods": periods}, connections(), {})
    assert message in str(refusal.value)
