"""What must hold in the template. Each rule returns what breaks it, nothing when all is well."""

from __future__ import annotations

import json
from pathlib import Path

from template import Template, as_list, target

# Resources that may name "*" or end in a wildcard, and why nothing narrower will do.
WILDCARD_RESOURCES = {
    ("DataKey", "*"): "in a key policy * is this key",
    ("ApiLogWriterRole", "*"): "API Gateway refuses a role with less",
    ("ConnectionAccess", "connection/*"): "connections are added by configuration",
    ("PublishOutboxRole", "/stream/*"): "listing streams cannot name one",
}
TABLE_ITEM_ACTIONS = {
    f"dynamodb:{action}"
    for action in (
        *("BatchGetItem", "BatchWriteItem", "ConditionCheckItem", "DeleteItem"),
        *("GetItem", "PutItem", "Query", "Scan", "UpdateItem"),
    )
}


def actions_are_named(template: Template) -> list[str]:
    """No wildcard in an action."""
    return [
        f"{where}: action {action}"
        for where, statement in template.statements()
        for action in as_list(statement.get("Action", "*"))
        if "*" in action
    ]


def resources_are_named(template: Template) -> list[str]:
    """No wildcard in a resource, but for those listed with their reason."""
    return [
        f"{where}: resource {text}"
        for where, statement in template.statements()
        for resource in as_list(statement.get("Resource", ""))
        for text in [resource if isinstance(resource, str) else str(resource.get("Fn::Sub", ""))]
        if "*" in text
        and not any(where == w and text.endswith(end) and (text == end or end != "*")
                    for w, end in WILDCARD_RESOURCES)
    ]


def reaches_table(resource: object) -> bool:
    """Whether a statement's resource is the table or one of its indexes."""
    if isinstance(resource, dict) and "Fn::Sub" in resource:
        return str(resource["Fn::Sub"]).startswith("${Table.Arn}")
    return resource == "*" or target(resource) == "Table"


def table_access_is_confined(template: Template) -> list[str]:
    """Items are read and written only in partitions that the statement names."""
    return [
        f"{where}: {statement.get('Sid')} reaches every partition"
        for where, statement in template.statements()
        if TABLE_ITEM_ACTIONS & set(as_list(statement["Action"]))
        and any(reaches_table(resource) for resource in as_list(statement["Resource"]))
        and not statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys")
    ]


def connections_cannot_be_written(template: Template) -> list[str]:
    """No function can change where credentials and invoices are sent."""
    reading = {"dynamodb:GetItem", "dynamodb:Query"}
    return [
        f"{where}: {statement.get('Sid')} writes connections"
        for where, statement in template.statements()
        for key in statement.get("Condition", {}).get("ForAllValues:StringLike", {}).get("dynamodb:LeadingKeys", [])
        if not key.startswith("tenant#") and not set(as_list(statement["Action"])) <= reading
    ]


def queues_have_dead_letters(template: Template) -> list[str]:
    """A working queue has a dead-letter queue, which the dead-letter function empties."""
    found = []
    for name, properties in template.queues.items():
        if name in template.terminal_queues:
            if template.consumer(name) != "DeadLetterFunction":
                found.append(f"{name}: nobody takes its dead letters")
        elif target(properties.get("RedrivePolicy", {}).get("deadLetterTargetArn")) not in template.queues:
            found.append(f"{name}: no dead-letter queue")
    return found


def queues_are_encrypted_and_keep(template: Template) -> list[str]:
    """Messages are encrypted at rest and wait for two weeks."""
    return [
        f"{name}: encryption or retention"
        for name, properties in template.queues.items()
        if properties.get("SqsManagedSseEnabled") is not True
        or properties.get("MessageRetentionPeriod") != 1209600
    ]


def functions_are_complete(template: Template) -> list[str]:
    """A function has a role of its own, a log group with an end, and a time-out."""
    found, roles = [], []
    for name, properties in template.functions.items():
        role = target(properties.get("Role"))
        if template.resources.get(role, {}).get("Type") != "AWS::IAM::Role" or role in roles:
            found.append(f"{name}: no role of its own")
        roles.append(role)
        group = template.resources.get(target(properties.get("LoggingConfig", {}).get("LogGroup")), {})
        if "RetentionInDays" not in group.get("Properties", {}):
            found.append(f"{name}: logs are kept for ever")
        if "Timeout" not in properties:
            found.append(f"{name}: no time-out")
    return found


def messages_stay_hidden_long_enough(template: Template) -> list[str]:
    """A queue hides a message for six time-outs, as Lambda advises for retries within it."""
    found = []
    for function, _, kind, properties in template.event_sources():
        if kind == "SQS":
            queue = target(properties["Queue"])
            hidden = template.number(template.queues[queue].get("VisibilityTimeout", 30))
            longest = template.number(template.functions[function].get("Timeout", 3))
            if hidden < 6 * longest:
                found.append(f"{queue}: hides for {hidden} s, {function} runs up to {longest} s")
    return found


def batches_fail_by_message(template: Template) -> list[str]:
    """One bad message does not bring back the good ones of its batch."""
    return [
        f"{function}: {name}"
        for function, name, _, properties in template.event_sources()
        if properties.get("FunctionResponseTypes") != ["ReportBatchItemFailures"]
    ]


def queues_limit_their_function(template: Template) -> list[str]:
    """A backlog cannot take the account's concurrency. A literal: the emulator reads a parameter as text."""
    return [
        f"{function}: {name}"
        for function, name, kind, properties in template.event_sources()
        if kind == "SQS"
        and not isinstance(properties.get("ScalingConfig", {}).get("MaximumConcurrency"), int)
    ]


def stream_failures_are_kept(template: Template) -> list[str]:
    """A stream that cannot go on is bisected, and what it skips is kept."""
    return [
        f"{function}: {name}"
        for function, name, kind, properties in template.event_sources()
        if kind == "DynamoDB"
        and not (
            properties.get("BisectBatchOnFunctionError") is True
            and "MaximumRecordAgeInSeconds" in properties
            and target(properties.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination"))
            in template.queues
        )
    ]


def everything_has_its_alarm(template: Template) -> list[str]:
    """Dead letters, waiting work, errors and refusals each reach the alarm topic."""
    raised = set()
    for properties in template.of_type("AWS::CloudWatch::Alarm").values():
        if [target(action) for action in properties.get("AlarmActions", [])] == ["AlarmTopic"]:
            for dimension in properties["Dimensions"]:
                raised.add((properties["MetricName"], target(dimension["Value"])))
    wanted = set()
    for queue in template.queues:
        dead = queue in template.terminal_queues
        wanted.add(("ApproximateNumberOfMessagesVisible" if dead else "ApproximateAgeOfOldestMessage", queue))
    for function in template.functions:
        wanted |= {("Errors", function), ("Throttles", function)}
    for function, _, kind, _ in template.event_sources():
        if kind == "DynamoDB":
            wanted.add(("IteratorAge", function))
    return [f"{name}: no alarm on {metric}" for metric, name in sorted(wanted - raised)]


def rules_reach_a_function(template: Template) -> list[str]:
    """An event type leads to a queue that a function takes from, and to nowhere else silently."""
    found = []
    for name, rule in template.of_type("AWS::Events::Rule").items():
        for entry in rule["Targets"]:
            if template.consumer(target(entry["Arn"])) is None:
                found.append(f"{name}: nobody takes from its queue")
            if target(entry.get("DeadLetterConfig", {}).get("Arn")) not in template.queues:
                found.append(f"{name}: undeliverable events are lost")
    return found


def event_types_have_schemas(template: Template, schemas: Path) -> list[str]:
    """The template names only event types that have a published schema."""
    known = {file.stem for file in schemas.glob("*.json")}
    return [
        f"{name}: {event} has no schema"
        for name, rule in template.of_type("AWS::Events::Rule").items()
        for event in rule["EventPattern"]["detail-type"]
        if event not in known
    ]


def queue_policies_are_narrow(template: Template) -> list[str]:
    """Only the bus may send, only from our rules, only to this queue."""
    found = []
    for name, policy in template.of_type("AWS::SQS::QueuePolicy").items():
        for statement in policy["PolicyDocument"]["Statement"]:
            sources = as_list(statement.get("Condition", {}).get("ArnEquals", {}).get("aws:SourceArn", []))
            rules = {template.resources.get(target(source), {}).get("Type") for source in sources}
            if (
                statement["Principal"] != {"Service": "events.amazonaws.com"}
                or statement["Action"] != "sqs:SendMessage"
                or [target(statement["Resource"])] != [target(queue) for queue in policy["Queues"]]
                or rules != {"AWS::Events::Rule"}
            ):
                found.append(name)
    return found


def table_is_safe(template: Template) -> list[str]:
    """The books can be restored, are encrypted under a rotating key, and outlive the stack."""
    table, key = template.resources["Table"], template.resources["DataKey"]
    properties = table["Properties"]
    holds = {
        "point-in-time recovery": properties.get("PointInTimeRecoverySpecification")
        == {"PointInTimeRecoveryEnabled": True},
        "time to live": properties.get("TimeToLiveSpecification")
        == {"AttributeName": "expires_at", "Enabled": True},
        "encryption": target(properties.get("SSESpecification", {}).get("KMSMasterKeyId")) == "DataKey",
        "stream": properties.get("StreamSpecification") == {"StreamViewType": "NEW_IMAGE"},
        "key rotation": key["Properties"].get("EnableKeyRotation") is True,
        "table is kept": table.get("DeletionPolicy") == "RetainExceptOnCreate",
        "key is kept": key.get("DeletionPolicy") == "RetainExceptOnCreate",
    }
    return [f"Table: {what}" for what, held in holds.items() if not held]


def credentials_are_only_in_secrets(template: Template) -> list[str]:
    """No value of a secret in the template, none in an environment variable, one prefix, one key."""
    found = []
    for name, secret in template.of_type("AWS::SecretsManager::Secret").items():
        if "SecretString" in secret or "/connection/" not in json.dumps(secret.get("Name")):
            found.append(f"{name}: holds a value or lies outside the prefix")
        if target(secret.get("KmsKeyId")) != "DataKey":
            found.append(f"{name}: not under the stack's key")
    for name, function in template.functions.items():
        for variable in function.get("Environment", {}).get("Variables", {}):
            if any(word in variable for word in ("SECRET", "TOKEN", "PASSWORD", "KEY")):
                found.append(f"{name}: {variable}")
    for where, statement in template.statements():
        if where != "ConnectionAccess" and "secretsmanager:GetSecretValue" in as_list(statement["Action"]):
            found.append(f"{where}: reads secrets by a statement of its own")
    return found


RULES = (
    actions_are_named,
    resources_are_named,
    table_access_is_confined,
    connections_cannot_be_written,
    queues_have_dead_letters,
    queues_are_encrypted_and_keep,
    functions_are_complete,
    batches_fail_by_message,
    queues_limit_their_function,
    stream_failures_are_kept,
    everything_has_its_alarm,
    rules_reach_a_function,
    queue_policies_are_narrow,
    table_is_safe,
    credentials_are_only_in_secrets,
)
