"""A second legal entity joins a running stack by configuration: an ERP connection of its own, and people who are
lent to the first."""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from local import connections, paths
from local.connections import ERP

from ..deployed.deployment import credentials
from .conftest import Journey
from .deal import Deal, entry, money
from .test_api import call

WEST, WEST_ERP = "NW-WEST", "tryton-west"
LENT = "Grace Hopper"
BELIEVED = 61
"""Seconds after which no function believes the configuration that was replaced."""


@pytest.fixture
def two_entities(journey: Journey) -> Iterator[None]:
    """The tenant with the second entity, whose books are kept under another connection to the same ERP."""
    tenant, known = connections.tenant(), connections.connections(journey.stack.stack)
    secrets = credentials(journey.stack.stack)
    configure(journey, *with_west(tenant, known, secrets))
    # Nothing polls the second connection: the first tells of every posting in these books.
    where = {"pk": {"S": f"connection#{WEST_ERP}"}, "sk": {"S": "config"}}
    journey.dynamodb.update_item(
        TableName=journey.stack.table, Key=where, UpdateExpression="REMOVE status_key, status_at",
    )
    time.sleep(BELIEVED)
    yield
    configure(journey, tenant, known, secrets)


def with_west(
    tenant: dict[str, Any], known: list[dict[str, Any]], secrets: dict[str, Any]
) -> tuple[dict[str, Any], list[dict[str, Any]], dict[str, Any]]:
    """The configuration with the second entity, its connection and its people."""
    tenant, known, secrets = copy.deepcopy((tenant, known, secrets))
    tenant["legal_entities"].append({
        "code": WEST, "name": "Northwind West LLC", "region": "americas", "currencies": ["USD"],
        "tax_jurisdictions": ["US"], "tax_code": "SALES-10",
    })
    tenant["routing"].append({"selects": "erp", "gives": WEST_ERP, "when": {"legal_entity": WEST}})
    tenant["resources"].append({"name": LENT, "legal_entity": WEST, "employment": "employee"})
    tenant["transfer_prices"].append({"from": WEST, "to": "NW-US", "basis": {"percent": "80"}})
    books = next(connection for connection in known if connection["connection"] == ERP)
    known.append({**books, "connection": WEST_ERP})
    secrets[WEST_ERP] = secrets[ERP]
    return tenant, known, secrets


def configure(journey: Journey, tenant: dict[str, Any], known: list[dict[str, Any]], secrets: dict[str, Any]) -> None:
    """As `make run` configures the stack."""
    sys.path.insert(0, str(paths.ROOT / "infra"))
    import configure as configuring

    found = journey.stack.stack
    configuring.configure(
        configuring.Stack(found.name, found.table, found.api_url, found.instance.client), tenant, known, secrets,
    )


def wrote_to(deal: Deal) -> set[str]:
    """The systems that the steps of a deal wrote to."""
    return {item["system"] for item in deal.items("step") if item.get("system")}


def form(value: Any) -> Any:
    """What a body is made of, without what it says."""
    if isinstance(value, dict):
        return {name: form(one) for name, one in value.items()}
    if isinstance(value, list):
        return [form(one) for one in value]
    return type(value).__name__


@pytest.mark.usefixtures("two_entities")
def test_a_second_entity_joins_by_configuration(journey: Journey) -> None:
    """Proves MEC-08 in part, MEC-09 in part, MEC-06 in part: without a deployment, deals of both entities are set up,
    worked and invoiced, each through its own ERP connection, and a person of the one who works for the other is
    charged between them. Proves SCN-20 in part and API-20 in part: whoever calls sees no difference."""
    east = journey.deal().activate()
    west = journey.deal(quote={"q2c_legal_entity": WEST}).activate()
    for deal, erp, other in ((east, ERP, WEST_ERP), (west, WEST_ERP, ERP)):
        assert deal.state["systems"]["erp"] == erp
        invoice = deal.billed(60)
        assert invoice["legal_entity"] == deal.state["contract"]["legal_entity"]
        assert erp in wrote_to(deal) and other not in wrote_to(deal)
    shown = [call(journey, "sales-app", "GET", f"/v1/engagements/{deal.engagement}") for deal in (east, west)]
    assert [status for status, _ in shown] == [200, 200]
    assert form(shown[0][1]) == form(shown[1][1])
    journey.psa.log_time(east.project["id"], entry(60, user=LENT))
    journey.poll()
    east.wait(lambda: east.items("charge"), 30, "the charge between the entities")
    (charge,) = east.items("charge")
    assert (charge["from"], charge["to"], money(charge["amount"])) == (WEST, "NW-US", Decimal("144.00"))
    assert charge["line"] in {line["line"] for line in east.lines}
    assert not west.items("charge")
