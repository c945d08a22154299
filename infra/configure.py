"""Puts configuration into a deployed stack: connections and the tenant into the table, credentials
into Secrets Manager.

Everything is checked before anything is written. Running it again with the same files writes
nothing; a changed file becomes the next version.

    python infra/configure.py --stack q2c-dev \
        --tenant infra/config/northwind.json \
        --connections infra/config/connections.dev.json \
        --secrets infra/config/secrets.dev.json \
        --callers infra/config/callers.dev.json

A caller of the API needs a token, of which only the hash is stored: infra/new_token.py.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

sys.path.insert(0, str(Path(__file__).resolve().parent))  # also when imported from elsewhere

from config_rules import ConfigError, Part, check, check_callers  # noqa: E402
from json_lines import lines_of  # noqa: E402
from mapping_rules import check_change  # noqa: E402

Client = Callable[[str], Any]


@dataclass(frozen=True)
class Stack:
    """A deployed stack, as its outputs describe it, and how to reach its services."""

    name: str
    table: str
    api_url: str
    client: Client

    @classmethod
    def describe(cls, name: str, client: Client) -> Stack:
        """Reads the outputs of the stack called `name`."""
        found = client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        outputs = {o["OutputKey"]: o["OutputValue"] for o in found.get("Outputs", [])}
        return cls(name, outputs["TableName"], outputs["ApiUrl"], client)


def configure(
    stack: Stack,
    tenant: dict[str, Any],
    connections: list[dict[str, Any]],
    secrets: dict[str, dict[str, Any]],
    log: Callable[[str], None] = lambda _line: None,
    callers: list[dict[str, Any]] | None = None,
) -> None:
    """Checks the three parts against each other and writes them.

    A connection without `secret_id` or `webhook_url` gets the stack's own. A connection without
    an entry in `secrets` keeps the credentials it has. Without `callers` those of the API stay as they are.
    """
    check(tenant, connections, secrets)
    if callers is not None:
        check_callers(callers)
    check_change(Part("tenant", tenant), stored_tenant(stack, tenant["tenant"]))
    # Credentials first: a connection never becomes visible before what it needs.
    for connection, value in secrets.items():
        log(f"secret     {connection}: {put_secret(stack, connection, value)}")
    for connection in connections:
        log(f"connection {connection['connection']}: {put_connection(stack, connection)}")
    log(f"tenant     {tenant['tenant']}: {put_tenant(stack, tenant)}")
    if callers is not None:
        log(f"callers    {tenant['tenant']}: {put_callers(stack, tenant['tenant'], callers)}")


def put_secret(stack: Stack, connection: str, value: dict[str, Any]) -> str:
    """Stores a connection's credentials, creating the secret of one the template does not know."""
    secrets = stack.client("secretsmanager")
    name = secret_name(stack, connection)
    text = json.dumps(value, sort_keys=True)
    try:
        if secrets.get_secret_value(SecretId=name)["SecretString"] == text:
            return "unchanged"
        secrets.put_secret_value(SecretId=name, SecretString=text)
        return "stored"
    except secrets.exceptions.ResourceNotFoundException:
        # The alias of the stack's key: the roles may decrypt with no other.
        secrets.create_secret(Name=name, SecretString=text, KmsKeyId=f"alias/{stack.name}")
        return "created"


def put_connection(stack: Stack, connection: dict[str, Any]) -> str:
    """Stores one connection. It also appears in the index, so that pollers find it."""
    identifier = connection["connection"]
    body = {
        **connection,
        "secret_id": connection.get("secret_id") or secret_name(stack, identifier),
        "webhook_url": connection.get("webhook_url") or f"{stack.api_url}/v1/webhooks/{identifier}",
    }
    key = f"connection#{identifier}"
    return put_config(stack, key, body["tenant"], lambda _version: body, status="config#connection")


def put_tenant(stack: Stack, tenant: dict[str, Any]) -> str:
    """Stores a tenant's configuration; the stored version counts up with every change."""
    key = f"tenant#{tenant['tenant']}"
    return put_config(stack, key, tenant["tenant"], lambda version: {**tenant, "version": version})


def stored_tenant(stack: Stack, tenant: str) -> dict[str, Any] | None:
    """A tenant's configuration as it is stored; none where it was never configured."""
    where = {"pk": {"S": f"tenant#{tenant}"}, "sk": {"S": "config"}}
    stored = stack.client("dynamodb").get_item(TableName=stack.table, Key=where, ConsistentRead=True).get("Item")
    return json.loads(stored["body"]["S"]) if stored else None


def put_callers(stack: Stack, tenant: str, callers: list[dict[str, Any]]) -> str:
    """Stores who may call the API, among the connections: functions read them there and cannot write them."""
    return put_config(stack, f"connection#api/{tenant}", tenant, lambda _version: {"callers": callers})


def put_config(
    stack: Stack,
    key: str,
    tenant: str,
    body_of: Callable[[int], dict[str, Any]],
    status: str | None = None,
) -> str:
    """Writes a configuration item unless it already says the same.

    Conditional on the version that was read: of two people who configure at once the second is
    told instead of silently undoing the first.
    """
    table = stack.client("dynamodb")
    where = {"pk": {"S": key}, "sk": {"S": "config"}}
    stored = table.get_item(TableName=stack.table, Key=where, ConsistentRead=True).get("Item")
    version = int(stored["version"]["N"]) if stored else 0
    if stored and stored["body"]["S"] == as_text(body_of(version)):
        return f"version {version}, unchanged"
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    item = {
        **where,
        "kind": {"S": "config"},
        "tenant": {"S": tenant},
        "recorded_at": {"S": now},
        "version": {"N": str(version + 1)},
        "body": {"S": as_text(body_of(version + 1))},
    }
    if status:
        item |= {"status_key": {"S": status}, "status_at": {"S": now}}
    condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
    if stored:
        condition = {
            "ConditionExpression": "version = :read",
            "ExpressionAttributeValues": {":read": {"N": str(version)}},
        }
    try:
        table.put_item(TableName=stack.table, Item=item, **condition)
    except table.exceptions.ConditionalCheckFailedException:
        raise ConfigError(key, "", "somebody else changed it just now; run this again") from None
    return f"version {version + 1}"


def secret_name(stack: Stack, connection: str) -> str:
    """Name of a connection's secret, the one the functions' roles may read."""
    return f"{stack.name}/connection/{connection}"


def as_text(body: dict[str, Any]) -> str:
    """One text for one meaning, so that equal configurations compare equal."""
    return json.dumps(body, sort_keys=True, separators=(",", ":"))


def load(path: Path) -> tuple[Any, dict[str, int]]:
    """Reads a JSON file, with the line of each value; an error names file and line."""
    try:
        text = path.read_text(encoding="utf-8")
        return json.loads(text), lines_of(text)
    except OSError as error:
        raise ConfigError(str(path), "", f"cannot be read: {error.strerror}") from None
    except json.JSONDecodeError as error:
        raise ConfigError(str(path), f"line {error.lineno}", f"is not JSON: {error.msg}") from None


def main(arguments: list[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--stack", help="name of the deployed stack")
    parser.add_argument("--region", help="default: the one of your AWS profile")
    parser.add_argument("--tenant", type=Path, required=True, help="the tenant's configuration")
    parser.add_argument("--connections", type=Path, required=True, help="the connected products")
    parser.add_argument("--secrets", type=Path, help="credentials; keep this file out of git")
    parser.add_argument("--callers", type=Path, help="who may call the API, with the hashes of their tokens")
    parser.add_argument("--check", action="store_true", help="only check the files")
    args = parser.parse_args(arguments)
    if not args.check and not args.stack:
        parser.error("--stack is needed unless --check is given")
    try:
        files = {"tenant": args.tenant, "connections": args.connections, "secrets": args.secrets}
        loaded = {part: load(file) for part, file in files.items() if file}
        lines = {part: lines for part, (_, lines) in loaded.items()}
        tenant, connections = loaded["tenant"][0], loaded["connections"][0]
        secrets = loaded["secrets"][0] if args.secrets else {}
        connections = connections.get("connections") if isinstance(connections, dict) else None
        check(tenant, connections, secrets, {part: str(file) for part, file in files.items()}, lines)
        callers, caller_lines = load(args.callers) if args.callers else (None, {})
        callers = callers.get("callers") if isinstance(callers, dict) else callers
        if args.callers:
            check_callers(callers, str(args.callers), caller_lines)
        if args.check:
            print("The configuration is sound.")
            return 0
        session = boto3.Session(region_name=args.region)
        configure(Stack.describe(args.stack, session.client), tenant, connections, secrets, print, callers)
    except ConfigError as error:
        print(error, file=sys.stderr)
        return 1
    except (BotoCoreError, ClientError) as error:
        print(f"AWS: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
