"""Each function may do what its work takes and nothing else: the template's policies beside what the code calls."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import permissions
import pytest
import reach
from permissions import INDEX, LEADING_KEYS, TABLE, VIA, Grant, NotUnderstood, Request, Statement, allowed
from template import Template

TEMPLATE = Template.read()
FUNCTIONS = sorted(TEMPLATE.functions)
def difference(template: Template, function: str) -> list[str]:
    """What a role lacks or has too much, beside what its function needs."""
    has, must = permissions.granted(template, function), permissions.needed(template, function)
    return sorted([f"not granted: {grant}" for grant in must - has] + [f"not needed: {grant}" for grant in has - must])


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_role_grants_what_its_function_s_code_needs(function: str) -> None:
    """Proves SEC-04 in part: action, resource and partitions of each grant answer a call that the code can make, or
    that Lambda makes for it, and each such call is granted."""
    assert difference(TEMPLATE, function) == []


def sample(grant: Grant) -> Request:
    """A call that a grant is made for."""
    limits = dict(grant.conditions)
    keys = {"tenant#*": "tenant#northwind", "connection#*": "connection#hubspot-main"}
    key = limits.get(LEADING_KEYS, "")
    named = grant.resource.replace("connection/*", "connection/hubspot-main-AbCdEf")
    named = named.replace("stream/*", "stream/latest")
    return Request(grant.action, named, (keys.get(key, key),) if key else (), limits.get(VIA, ""))


def dangerous() -> set[Request]:
    """Calls that no function's work takes, near what it does take and far from it."""
    tenant, connection, listed = "tenant#northwind", "connection#hubspot-main", "config#connection"
    writes = ("PutItem", "UpdateItem", "DeleteItem", "BatchWriteItem", "PartiQLUpdate", "PartiQLDelete",
              "PartiQLInsert")
    reads = ("GetItem", "BatchGetItem", "Query", "ConditionCheckItem", "PartiQLSelect")
    found = {
        Request(f"dynamodb:{action}", place, keys)
        for action in (*writes, *reads, "Scan") for place in (TABLE, INDEX, "table-of-another-stack")
        for keys in ((tenant,), (connection,), (listed,), (tenant, connection), ("tenant",), ("other#x",))
    }
    found |= {Request(f"dynamodb:{action}", place) for place in (TABLE, INDEX) for action in (
        "Scan", "PartiQLSelect", "DeleteTable", "UpdateTable", "CreateBackup", "ExportTableToPointInTime",
        "RestoreTableToPointInTime", "UpdateTimeToLive", "DescribeTable", "PutResourcePolicy")}
    secrets = ("secret:<stack>/connection/hubspot-main-AbCdEf", "secret:<stack>/admin-AbCdEf",
               "secret:other/connection/x")
    found |= {Request(f"secretsmanager:{action}", secret) for secret in secrets for action in (
        "GetSecretValue", "PutSecretValue", "UpdateSecret", "DeleteSecret", "ListSecrets", "PutResourcePolicy")}
    queues = (*TEMPLATE.queues, "OfAnotherStack")
    found |= {Request(f"sqs:{action}", f"queue:{queue}") for queue in queues for action in (
        "ReceiveMessage", "DeleteMessage", "SendMessage", "GetQueueAttributes", "ChangeMessageVisibility", "PurgeQueue",
        "DeleteQueue", "SetQueueAttributes", "AddPermission")}
    services = ("", *(f"{service}.<region>.amazonaws.com" for service in ("s3", "dynamodb", "secretsmanager")))
    found |= {Request(f"kms:{action}", "key", via=via) for via in services for action in (
        "Decrypt", "Encrypt", "GenerateDataKey", "CreateGrant", "ScheduleKeyDeletion", "PutKeyPolicy")}
    groups = TEMPLATE.of_type("AWS::Logs::LogGroup")
    found |= {Request(f"logs:{action}", f"logs:{group}") for group in groups for action in (
        "CreateLogStream", "PutLogEvents", "GetLogEvents", "FilterLogEvents", "DeleteLogGroup")}
    found |= {Request("events:PutEvents", place) for place in ("bus", "bus-of-another-stack")}
    return found | {Request(action, "*") for action in (
        "iam:PassRole", "iam:PutRolePolicy", "sts:AssumeRole", "lambda:InvokeFunction", "lambda:UpdateFunctionCode",
        "events:PutRule", "events:StartReplay", "s3:GetObject", "cloudformation:UpdateStack", "sns:Publish",
        "dynamodb:ListTables", "sqs:ListQueues", "secretsmanager:BatchGetSecretValue", "kms:Decrypt")}


def misjudged(template: Template, function: str) -> list[str]:
    """The calls that IAM would answer otherwise than the function needs, of all that any function may make and of the
    dangerous ones."""
    must = {sample(grant) for grant in permissions.needed(template, function)}
    universe = dangerous() | must | {
        sample(grant) for name in FUNCTIONS for statement in permissions.statements(template, name)
        for grant in statement.grants()
    }
    policies = permissions.statements(template, function)
    return sorted(f"{'denied' if request in must else 'allowed'}: {request}" for request in universe
                  if allowed(policies, request) is not (request in must))


@pytest.mark.parametrize("function", FUNCTIONS)
def test_iam_allows_a_function_its_need_and_nothing_else(function: str) -> None:
    """Proves SEC-04 in part: of all calls that some function may make, and of those that none may, a role allows
    exactly the ones that its own function needs."""
    assert misjudged(TEMPLATE, function) == []


def test_the_universe_is_no_formality() -> None:
    """Most of it is denied to everybody, and every function is allowed some of it."""
    policies = {function: permissions.statements(TEMPLATE, function) for function in FUNCTIONS}
    answers = {name: {r for r in dangerous() if allowed(policies[name], r)} for name in FUNCTIONS}
    assert all(answers.values()), answers
    assert len(dangerous()) > 400 and len(set().union(*answers.values())) < len(dangerous()) / 3


# ------------------------------------------------------------------ the check itself

def properties(template: Template, name: str) -> dict:
    return template.resources[name]["Properties"]


def inline(role: str, position: int) -> Callable[[Template], dict]:
    return lambda template: properties(template, role)["Policies"][0]["PolicyDocument"]["Statement"][position]


def managed(policy: str, position: int) -> Callable[[Template], dict]:
    return lambda template: properties(template, policy)["PolicyDocument"]["Statement"][position]


def changed(where: Callable[[Template], dict], **fields: object) -> Callable[[Template], None]:
    return lambda template: where(template).update(fields)


def without(where: Callable[[Template], dict], field: str) -> Callable[[Template], None]:
    return lambda template: where(template).pop(field) and None


def attached(role: str, policy: object) -> Callable[[Template], None]:
    return lambda template: properties(template, role)["ManagedPolicyArns"].append(policy)


def arn(name: str) -> dict[str, list[str]]:
    return {"Fn::GetAtt": [name, "Arn"]}


EVERY_SECRET = {
    "Fn::Sub": "arn:${AWS::Partition}:secretsmanager:${AWS::Region}:${AWS::AccountId}:secret:${AWS::StackName}/*"}
TENANT_ONLY = {"ForAllValues:StringLike": {LEADING_KEYS: ["tenant#*"]}}
MUTATIONS: list[tuple[str, Callable[[Template], None]]] = [
    ("TimeApprovedFunction", changed(managed("EngagementAccess", 0), Action="dynamodb:*")),
    ("TimeApprovedFunction", without(managed("EngagementAccess", 0), "Condition")),
    ("WebhookFunction", attached("WebhookRole", {"Ref": "WorkflowAccess"})),
    ("InvoiceRequestedFunction", changed(inline("InvoiceRequestedRole", 2), Resource=arn("Table"))),
    ("InvoiceRequestedFunction", changed(inline("InvoiceRequestedRole", 3), Action="dynamodb:GetItem")),
    ("PollFunction", changed(inline("PollRole", 3), Action=["dynamodb:GetItem", "dynamodb:PutItem",
                                                            "dynamodb:UpdateItem"])),
    ("WebhookFunction", changed(inline("WebhookRole", 2), Action=["dynamodb:PutItem", "dynamodb:UpdateItem"],
                                Condition={"ForAllValues:StringLike": {LEADING_KEYS: ["*"]}})),
    ("WebhookFunction", changed(inline("WebhookRole", 2), Action="dynamodb:GetItem")),
    ("WebhookFunction", changed(inline("WebhookRole", 1), Effect="Deny")),
    ("WebhookFunction", changed(managed("ConnectionAccess", 1), Resource=EVERY_SECRET)),
    ("WebhookFunction", without(managed("ConnectionAccess", 2), "Condition")),
    ("PollFunction", changed(inline("PollRole", 2), Condition=TENANT_ONLY)),
    ("PollFunction", changed(inline("PollRole", 1), Action="events:Put*")),
    ("QuoteApprovedFunction", changed(inline("QuoteApprovedRole", 1), Resource=arn("TimeApprovedQueue"))),
    ("PublishOutboxFunction", changed(inline("PublishOutboxRole", 4), Resource=arn("OutboxRetryQueue"))),
    ("PublishOutboxFunction", changed(inline("PublishOutboxRole", 3), Action="dynamodb:Query", Condition=TENANT_ONLY)),
    ("DeadLetterFunction", changed(inline("DeadLetterRole", 0), Resource=arn("WebhookLogs"))),
    ("DeadLetterFunction", lambda template: properties(template, "DeadLetterRole").update(ManagedPolicyArns=[])),
    ("DeadLetterFunction", attached("DeadLetterRole", {"Ref": "ConnectionAccess"})),
]


@pytest.mark.parametrize(("function", "mutate"), MUTATIONS)
def test_a_changed_policy_is_noticed_by_grant_and_by_answer(function: str, mutate: Callable[[Template], None]) -> None:
    broken = Template.read().copy()
    mutate(broken)
    assert misjudged(broken, function)
    try:
        noticed = bool(difference(broken, function))
    except NotUnderstood:
        noticed = True
    assert noticed


@pytest.mark.parametrize("mutate", [
    changed(inline("PollRole", 1), NotAction="events:PutRule"),
    changed(inline("PollRole", 1), Condition={"StringLike": {"aws:SourceArn": "*"}}),
    changed(inline("PollRole", 1), Resource=arn("AlarmTopic")),
    attached("PollRole", "arn:aws:iam::aws:policy/X"),
    lambda template: properties(template, "PollFunction").update(Policies=["AmazonDynamoDBFullAccess"]),
    lambda template: properties(template, "PollRole").update(PermissionsBoundary="arn:x"),
])
def test_what_is_not_understood_is_no_pass(mutate: Callable[[Template], None]) -> None:
    broken = Template.read().copy()
    mutate(broken)
    with pytest.raises(NotUnderstood):
        permissions.granted(broken, "PollFunction")


def test_iam_s_own_rules() -> None:
    """A denial wins, an absent key fails StringEquals, patterns know * and ? alone, actions have no case."""
    get = Statement("Allow", ("dynamodb:get*",), (TABLE,), (("ForAllValues:StringLike", LEADING_KEYS, ("tenant#*",)),))
    deny = Statement("Deny", ("*",), ("*",), ())
    read = Request("dynamodb:GetItem", TABLE, ("tenant#northwind",))
    assert allowed([get], read) and not allowed([get, deny], read) and not allowed([], read)
    assert not allowed([get], Request("dynamodb:GetItem", TABLE, ("tenant#northwind", "connection#x")))
    via = Statement("Allow", ("kms:Decrypt",), ("key",), (("StringEquals", VIA, ("sqs",)),))
    assert allowed([via], Request("kms:Decrypt", "key", via="sqs"))
    assert not allowed([via], Request("kms:Decrypt", "key"))
    assert permissions.like("a?[b]*", "ax[b]/c") and not permissions.like("a?", "abc")


CODE = """
async fn look(journal: &Journal) -> Result<(), String> {
    let found = journal.store().get_many(&[Key::connection("x")]).await;
    helper(journal).await
}

async fn helper(journal: &Journal) {
    journal
        .store()
        .write(vec![Op::Delete { key: Key::state("a", "b") }])
        .await
        // .create_queue() is not called
}

impl Silent {
    fn stay(&self, client: &Client) {
        match op { Op::Update { key, .. } => client.delete_table().send() }
    }
}

#[cfg(test)]
mod tests {
    fn test() { client.create_table() }
}
"""


def test_what_code_calls_is_found(tmp_path: Path) -> None:
    """Through helpers, on the store and on a client; not what is only matched, commented out or tested."""
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "lib.rs").write_text(CODE)
    assert set(reach.calls("made-up", tmp_path)) == {
        reach.Call("dynamodb:BatchGetItem", keys="connection#"), reach.Call("dynamodb:DeleteItem", keys="tenant#"),
        reach.Call("dynamodb:DeleteTable"),
    }
