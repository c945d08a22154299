"""What the template allows each function, evaluated as IAM does, and what each function needs.

Names stand for what CloudFormation fills in: `table` is the table's ARN, `table/index/by-status` an index,
`queue:<logical id>`, `logs:<logical id>`. What is not understood is an error and never skipped.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

import reach
from template import Template, Tree, as_list, target

LEADING_KEYS, VIA = "dynamodb:LeadingKeys", "kms:ViaService"
OPERATORS = {"ForAllValues:StringLike", "StringEquals"}
SECRETS = "secret:<stack>/connection/*"
TABLE, INDEX, STREAM, STREAMS = "table", "table/index/by-status", "table/stream/latest", "table/stream/*"
NAMED = {
    ("Table", "Arn"): TABLE, ("Table", "StreamArn"): STREAM, ("Bus", "Arn"): "bus", ("DataKey", "Arn"): "key",
}
BY_TYPE = {"AWS::SQS::Queue": "queue", "AWS::Logs::LogGroup": "logs"}


class NotUnderstood(AssertionError):
    """Something in a policy that this evaluation does not know: it must learn it before it may judge."""


@dataclass(frozen=True)
class Grant:
    """One action on one resource under conditions: a key and the values that it may have."""

    action: str
    resource: str
    conditions: frozenset[tuple[str, str]] = frozenset()

    def __str__(self) -> str:
        limits = (f"[{key}={value}]" for key, value in sorted(self.conditions))
        return " ".join([self.action, "on", self.resource, *limits])


@dataclass(frozen=True)
class Statement:
    """A statement of a policy, resolved."""

    effect: str
    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: tuple[tuple[str, str, tuple[str, ...]], ...]

    def grants(self) -> Iterator[Grant]:
        """Each pair of action and resource, with the condition written out."""
        limits = frozenset((key, "|".join(sorted(values))) for _, key, values in self.conditions)
        for action in self.actions:
            for resource in self.resources:
                yield Grant(action, resource, limits)

    def matches(self, request: Request) -> bool:
        """Whether the statement is about a request. Actions are compared without case, as IAM does."""
        return (
            any(like(action.lower(), request.action.lower()) for action in self.actions)
            and any(like(resource, request.resource) for resource in self.resources)
            and all(_holds(operator, values, request.context(key)) for operator, key, values in self.conditions)
        )


@dataclass(frozen=True)
class Request:
    """A call as IAM sees it: the partition keys it is about, and the service that makes it on somebody's behalf."""

    action: str
    resource: str
    keys: tuple[str, ...] = ()
    via: str = ""

    def context(self, key: str) -> tuple[str, ...]:
        """The values of a condition key in this request; none when it has no such key."""
        return {LEADING_KEYS: self.keys, VIA: (self.via,) if self.via else ()}[key]


def like(pattern: str, value: str) -> bool:
    """Whether a value matches a pattern of IAM, in which only * and ? are special."""
    text = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(text, value, re.DOTALL) is not None


def _holds(operator: str, expected: tuple[str, ...], actual: tuple[str, ...]) -> bool:
    if operator == "ForAllValues:StringLike":
        # True of a request without the key: such a request must not be granted by any statement.
        return all(any(like(pattern, value) for pattern in expected) for value in actual)
    return bool(actual) and actual[0] in expected


def allowed(statements: Iterable[Statement], request: Request) -> bool:
    """IAM's answer: a denial wins, what nobody allows is denied."""
    effects = {statement.effect for statement in statements if statement.matches(request)}
    return "Allow" in effects and "Deny" not in effects


def statements(template: Template, function: str) -> list[Statement]:
    """All statements of a function's role: its own policies and those it shares."""
    role = template.resources[target(template.functions[function]["Role"])]["Properties"]
    if unknown := set(role) - {"AssumeRolePolicyDocument", "ManagedPolicyArns", "Policies"}:
        raise NotUnderstood(f"{function}: {unknown} of its role")
    if "Policies" in template.functions[function]:
        raise NotUnderstood(f"{function}: policies beside those of its role")
    documents = [policy["PolicyDocument"] for policy in role.get("Policies", [])]
    for shared in role.get("ManagedPolicyArns", []):
        policy = template.resources.get(target(shared))
        if not policy or policy["Type"] != "AWS::IAM::ManagedPolicy":
            raise NotUnderstood(f"{function}: the policy {shared} stands outside the template")
        documents.append(policy["Properties"]["PolicyDocument"])
    for name, properties in template.of_type("AWS::IAM::Policy").items():
        raise NotUnderstood(f"{name}: attached to {properties.get('Roles')} from outside")
    return [_statement(template, raw) for document in documents for raw in as_list(document["Statement"])]


def _statement(template: Template, raw: Tree) -> Statement:
    if unknown := set(raw) - {"Sid", "Effect", "Action", "Resource", "Condition"}:
        raise NotUnderstood(f"{raw.get('Sid')}: {unknown}")
    conditions = []
    for operator, keys in raw.get("Condition", {}).items():
        for key, values in keys.items():
            if operator not in OPERATORS or key not in (LEADING_KEYS, VIA):
                raise NotUnderstood(f"{raw.get('Sid')}: {operator} {key}")
            conditions.append((operator, key, tuple(_text(value) for value in as_list(values))))
    return Statement(
        raw["Effect"], tuple(as_list(raw["Action"])),
        tuple(resource(template, value) for value in as_list(raw["Resource"])), tuple(conditions),
    )


def resource(template: Template, value: Any) -> str:
    """The name of a resource in a policy."""
    if isinstance(value, dict) and "Fn::GetAtt" in value:
        return _named(template, *value["Fn::GetAtt"])
    text = _text(value)
    for found in re.findall(r"\$\{(\w+)\.(\w+)\}", text):
        text = text.replace("${" + ".".join(found) + "}", _named(template, *found))
    return re.sub(r"^arn:<partition>:secretsmanager:<region>:<account>:", "", text)


def _named(template: Template, logical_id: str, attribute: str) -> str:
    kind = template.resources.get(logical_id, {}).get("Type", "")
    if (logical_id, attribute) in NAMED:
        return NAMED[logical_id, attribute]
    if kind in BY_TYPE and attribute == "Arn":
        return f"{BY_TYPE[kind]}:{logical_id}"
    raise NotUnderstood(f"{logical_id}.{attribute} of type {kind}")


def _text(value: Any) -> str:
    if isinstance(value, dict) and set(value) == {"Fn::Sub"}:
        pseudo = {"StackName": "stack", "Partition": "partition", "Region": "region", "AccountId": "account"}
        return re.sub(r"\$\{AWS::(\w+)\}", lambda found: f"<{pseudo[found[1]]}>", value["Fn::Sub"])
    if not isinstance(value, str):
        raise NotUnderstood(str(value))
    return value


def granted(template: Template, function: str) -> set[Grant]:
    """Every pair of action and resource that a function's role is allowed, with its condition."""
    found = statements(template, function)
    if any(statement.effect != "Allow" for statement in found):
        raise NotUnderstood(f"{function}: a denial can't be compared as a grant")
    return {grant for statement in found for grant in statement.grants()}


# ------------------------------------------------------------------ what is needed

QUEUE_ACTIONS = ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage")
"""What Lambda does with a queue that feeds a function, as the function's role (AWSLambdaSQSQueueExecutionRole)."""
STREAM_ACTIONS = ("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator")
"""The same of a table's stream, beside listing streams (AWSLambdaDynamoDBExecutionRole)."""
LOG_ACTIONS = ("logs:CreateLogStream", "logs:PutLogEvents")
ADDRESS = {"sqs:ChangeMessageVisibility": "QUEUE_URL", "sqs:SendMessage": "OUTBOX_RETRY_QUEUE_URL"}
"""The setting that names the queue of each call to SQS: shared/runtime/src/settings.rs."""


def needed(template: Template, function: str) -> set[Grant]:
    """What a function must be able to do: what its code calls, and what Lambda does in its name."""
    found = set(by_lambda(template, function)) | set(_by_code(template, function))
    touched = {grant.resource.partition("/")[0] for grant in found}
    for service, touches in (("dynamodb", TABLE in touched), ("secretsmanager", SECRETS.partition("/")[0] in touched)):
        if touches:
            # Both are under the stack's key, and decrypt for whoever asks for the data.
            found.add(Grant("kms:Decrypt", "key", frozenset({(VIA, f"{service}.<region>.amazonaws.com")})))
    return found


def _by_code(template: Template, function: str) -> Iterator[Grant]:
    for call in reach.calls(crate := crate_of(template, function), reach.ROOT / "functions" / crate):
        service = call.action.partition(":")[0]
        if service == "dynamodb":
            if not call.keys:
                raise NotUnderstood(f"{crate}: {call.action} beside the store")
            pattern = call.keys + "*" if call.keys.endswith("#") else call.keys
            yield Grant(call.action, INDEX if call.index else TABLE, frozenset({(LEADING_KEYS, pattern)}))
        elif service == "sqs":
            yield Grant(call.action, f"queue:{target(_environment(template, function)[ADDRESS[call.action]])}")
        else:
            yield Grant(call.action, {"events": "bus", "secretsmanager": SECRETS}[service])


def by_lambda(template: Template, function: str) -> Iterator[Grant]:
    """What Lambda does as the function's role: its logs, and what feeds it."""
    logs = target(template.functions[function]["LoggingConfig"]["LogGroup"])
    yield from (Grant(action, f"logs:{logs}") for action in LOG_ACTIONS)
    for name, _, kind, properties in template.event_sources():
        if name != function:
            continue
        if kind == "SQS":
            yield from (Grant(action, f"queue:{target(properties['Queue'])}") for action in QUEUE_ACTIONS)
        else:
            yield from (Grant(action, STREAM) for action in STREAM_ACTIONS)
            yield Grant("dynamodb:ListStreams", STREAMS)
            failed = target(properties["DestinationConfig"]["OnFailure"]["Destination"])
            yield Grant("sqs:SendMessage", f"queue:{failed}")


def _environment(template: Template, function: str) -> Tree:
    return template.functions[function].get("Environment", {}).get("Variables", {})


def crate_of(template: Template, function: str) -> str:
    """The crate that a function is built from."""
    return template.functions[function]["CodeUri"].rpartition("/")[2]
