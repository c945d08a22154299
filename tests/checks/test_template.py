"""The template keeps the rules, and each rule notices when it does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import template_rules as rules
from template import ROOT, Template

SCHEMAS = ROOT / "infra" / "schemas"


@pytest.mark.parametrize("rule", rules.RULES, ids=lambda rule: rule.__name__)
def test_template_keeps(rule: Callable[[Template], list[str]]) -> None:
    assert rule(Template.read()) == []


# An emulator may hide messages for less: there a second delivery is a retry that a test waits for.
@pytest.mark.parametrize("environment", [None, "dev", "prod"])
def test_messages_stay_hidden_long_enough(environment: str | None) -> None:
    assert rules.messages_stay_hidden_long_enough(Template.read(environment)) == []


def test_every_routed_event_type_has_a_schema() -> None:
    assert rules.event_types_have_schemas(Template.read(), SCHEMAS) == []


def put(*path: str | int, to: object) -> Callable[[Template], None]:
    """A mutation that sets the value at `path` below Resources."""

    def mutate(template: Template) -> None:
        node = template.resources
        for step in path[:-1]:
            node = node[step]
        node[path[-1]] = to

    return mutate


def drop(*path: str | int) -> Callable[[Template], None]:
    """A mutation that removes what stands at `path` below Resources."""

    def mutate(template: Template) -> None:
        node = template.resources
        for step in path[:-1]:
            node = node[step]
        del node[path[-1]]

    return mutate


def attribute(name: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, "Arn"]}


POLL = ("PollRole", "Properties", "Policies", 0, "PolicyDocument", "Statement")
COMMIT = ("EngagementAccess", "Properties", "PolicyDocument", "Statement", 0)
LINES = ("InvoiceRequestedRole", "Properties", "Policies", 0, "PolicyDocument", "Statement", 2)
READ = ("ConnectionAccess", "Properties", "PolicyDocument", "Statement", 0)
QUOTES = ("QuoteApprovedFunction", "Properties")
QUOTE_EVENT = (*QUOTES, "Events", "Queue", "Properties")
STREAM = ("PublishOutboxFunction", "Properties", "Events", "TableStream", "Properties")
DEAD = ("DeadLetterFunction", "Properties", "Events")
TARGET = ("QuoteApprovedRule", "Properties", "Targets", 0)
QUEUE_POLICY = ("QuoteApprovedQueuePolicy", "Properties", "PolicyDocument", "Statement", 0)

MUTATIONS = [
    (rules.actions_are_named, put(*POLL, 0, "Action", to="logs:*")),
    (rules.actions_are_named, drop(*POLL, 0, "Action")),
    (rules.resources_are_named, put(*POLL, 1, "Resource", to="*")),
    (rules.resources_are_named, put(*POLL, 1, "Resource", to={"Fn::Sub": "${Bus.Arn}*"})),
    (rules.resources_are_named, put(*READ, "Resource", to="*")),
    (rules.resources_are_named, put("ApiLogWriterRole", "Properties", "Policies", 0, "PolicyDocument",
                                    "Statement", 0, "Resource", to={"Fn::Sub": "arn:aws:s3:::a/*"})),
    (rules.table_access_is_confined, drop(*COMMIT, "Condition")),
    (rules.table_access_is_confined, drop(*LINES, "Condition")),
    (rules.table_access_is_confined, drop(*POLL, 2, "Condition")),
    (rules.connections_cannot_be_written, put(*READ, "Action", to=["dynamodb:PutItem"])),
    (rules.connections_cannot_be_written,
     put(*COMMIT, "Condition", "ForAllValues:StringLike", "dynamodb:LeadingKeys", to=["*"])),
    (rules.queues_have_dead_letters, drop("TimeApprovedQueue", "Properties", "RedrivePolicy")),
    (rules.queues_have_dead_letters, drop(*DEAD, "UndeliveredEvents")),
    (rules.queues_are_encrypted_and_keep, drop("TimeApprovedQueue", "Properties", "SqsManagedSseEnabled")),
    (rules.functions_are_complete, put(*QUOTES, "Role", to=attribute("PollRole"))),
    (rules.functions_are_complete, drop(*QUOTES, "LoggingConfig")),
    (rules.functions_are_complete, drop("QuoteApprovedLogs", "Properties", "RetentionInDays")),
    (rules.functions_are_complete, lambda template: template.tree["Globals"]["Function"].pop("Timeout")),
    (rules.messages_stay_hidden_long_enough, put("TimeApprovedQueue", "Properties", "VisibilityTimeout", to=119)),
    (rules.messages_stay_hidden_long_enough, put(*QUOTES, "Timeout", to=900)),
    (rules.messages_stay_hidden_long_enough, lambda template: template.parameters.update(VisibilitySeconds="30")),
    (rules.batches_fail_by_message, drop(*QUOTE_EVENT, "FunctionResponseTypes")),
    (rules.queues_limit_their_function, drop(*QUOTE_EVENT, "ScalingConfig")),
    (rules.queues_limit_their_function,
     put(*QUOTE_EVENT, "ScalingConfig", "MaximumConcurrency", to={"Ref": "ApiBurstLimit"})),
    (rules.stream_failures_are_kept, drop(*STREAM, "DestinationConfig")),
    (rules.stream_failures_are_kept, drop(*STREAM, "BisectBatchOnFunctionError")),
    (rules.everything_has_its_alarm, drop("QuoteApprovedDeadLettersDepthAlarm")),
    (rules.everything_has_its_alarm, drop("OutboxRetryQueueAgeAlarm")),
    (rules.everything_has_its_alarm, drop("WebhookErrorsAlarm")),
    (rules.everything_has_its_alarm, drop("PublishOutboxIteratorAgeAlarm")),
    (rules.everything_has_its_alarm, drop("PollThrottlesAlarm", "Properties", "AlarmActions")),
    (rules.rules_reach_a_function, put(*TARGET, "Arn", to=attribute("Elsewhere"))),
    (rules.rules_reach_a_function, drop(*TARGET, "DeadLetterConfig")),
    (rules.queue_policies_are_narrow, drop(*QUEUE_POLICY, "Condition")),
    (rules.queue_policies_are_narrow, put(*QUEUE_POLICY, "Principal", to="*")),
    (rules.queue_policies_are_narrow, put(*QUEUE_POLICY, "Resource", to=attribute("UndeliveredEvents"))),
    (rules.table_is_safe, drop("Table", "Properties", "PointInTimeRecoverySpecification")),
    (rules.table_is_safe, drop("Table", "DeletionPolicy")),
    (rules.table_is_safe, put("DataKey", "Properties", "EnableKeyRotation", to=False)),
    (rules.credentials_are_only_in_secrets, put("CrmSecret", "Properties", "SecretString", to="x")),
    (rules.credentials_are_only_in_secrets, drop("CrmSecret", "Properties", "KmsKeyId")),
    (rules.credentials_are_only_in_secrets, put(*QUOTES, "Environment", "Variables", "API_TOKEN", to="x")),
    (rules.credentials_are_only_in_secrets, put(*POLL, 0, "Action", to="secretsmanager:GetSecretValue")),
]


@pytest.mark.parametrize(("rule", "mutate"), MUTATIONS)
def test_rule_notices(
    rule: Callable[[Template], list[str]], mutate: Callable[[Template], None]
) -> None:
    broken = Template.read().copy()
    mutate(broken)
    assert rule(broken) != []


def test_a_missing_schema_is_noticed(tmp_path: Path) -> None:
    """Every event type that some rule names, and no other, is missed where there is no schema at all."""
    template = Template.read()
    named = [event for rule in template.of_type("AWS::Events::Rule").values()
             for event in rule["EventPattern"]["detail-type"]]
    missed = rules.event_types_have_schemas(template, tmp_path)
    assert sorted(line.split()[1] for line in missed) == sorted(named)
    assert {"q2c.quote.approved.v1", "q2c.opportunity.won.v1", "q2c.withdrawal.requested.v1"} <= set(named)


def test_every_rule_is_shown_to_notice() -> None:
    assert set(rules.RULES) <= {rule for rule, _ in MUTATIONS}
