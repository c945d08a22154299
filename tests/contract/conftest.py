"""What the contract tests know of the deployed stack (the ``stack`` fixture is the whole system's)."""

from __future__ import annotations

import itertools
import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from .senders import (
    DocuSign, HubSpot, Sender, Standard, Stripe, docusign_body, hubspot_body, standard_body, stripe_body,
)

CONNECTIONS = {"hubspot": "hubspot-main", "stripe": "stripe-main", "standard-webhooks": "tryton-us",
               "docusign": "docusign-main"}
TIMED = ("hubspot", "stripe", "standard-webhooks")
"""Schemes that sign the moment; DocuSign's does not."""
ACCEPTED = range(200, 300)

_numbers = itertools.count(int(time.time() * 1000))


def unique() -> int:
    """A number that no other test of this or an earlier run used."""
    return next(_numbers)


class Ingress:
    """The deployed webhook and what can be seen behind it."""

    def __init__(self, stack: Any) -> None:
        self.stack = stack
        self.table = stack.dynamodb.Table(stack.table) if isinstance(stack.table, str) else stack.table

    def url(self, connection: str) -> str:
        """Where a connection's deliveries are posted."""
        return f"{self.stack.api_url}/v1/webhooks/{connection}"

    def config(self, connection: str) -> dict[str, Any]:
        """A connection's configuration."""
        item = self.table.get_item(Key={"pk": f"connection#{connection}", "sk": "config"})["Item"]
        return json.loads(item["body"])

    def secrets(self, connection: str) -> list[str]:
        """A connection's signing secrets, the current one first."""
        return self.stack.secrets[connection]["signing_secrets"]

    def sender(self, scheme: str) -> Sender:
        """The SDK that signs for a scheme's connection."""
        connection = CONNECTIONS[scheme]
        if scheme == "hubspot":
            return HubSpot(self.url(connection), self.config(connection)["webhook_url"])
        if scheme == "docusign":
            return DocuSign(self.url(connection))
        return Stripe(self.url(connection)) if scheme == "stripe" else Standard(self.url(connection))

    def add_connection(self, copied_from: str, **settings: Any) -> str:
        """A connection of its own for a test, with the secrets of another and settings changed."""
        name = f"contract-{uuid.uuid4().hex[:8]}"
        config = self.config(copied_from)
        config |= {"connection": name, "webhook_url": self.url(name),
                   "settings": {**config.get("settings", {}), **settings}}
        item = self.table.get_item(Key={"pk": f"connection#{copied_from}", "sk": "config"})["Item"]
        self.table.put_item(Item={**item, "pk": f"connection#{name}", "body": json.dumps(config)})
        return name

    def events(self, mentioning: str) -> list[dict[str, Any]]:
        """The canonical events on the bus whose text mentions something."""
        details = [event.get("detail", event) for event in self.stack.events]
        details = [json.loads(detail) if isinstance(detail, str) else detail for detail in details]
        return [detail for detail in details if mentioning in json.dumps(detail)]

    def items(self, kind: str) -> list[dict[str, Any]]:
        """Every item of a kind, whatever its partition."""
        found, start = [], {}
        while True:
            page = self.table.scan(FilterExpression="#k = :k", ExpressionAttributeNames={"#k": "kind"},
                                   ExpressionAttributeValues={":k": kind}, ConsistentRead=True, **start)
            found += page["Items"]
            if "LastEvaluatedKey" not in page:
                return found
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def wait_for(self, condition: Callable[[], Any], timeout: float = 60) -> Any:
        """Wait until a condition is true and return what it gave."""
        return self.stack.wait_for(condition, timeout)


@pytest.fixture(scope="session")
def ingress(stack: Any) -> Ingress:
    """The deployed webhook."""
    return Ingress(stack)


BODIES: dict[str, Callable[[int], str]] = {
    "hubspot": hubspot_body, "stripe": stripe_body, "standard-webhooks": standard_body,
    "docusign": docusign_body}


@pytest.fixture(params=list(CONNECTIONS))
def scheme(request: pytest.FixtureRequest) -> str:
    """Each signature scheme in turn."""
    return request.param


@pytest.fixture(params=TIMED)
def timed_scheme(request: pytest.FixtureRequest) -> str:
    """Each scheme that signs the moment in turn."""
    return request.param
