"""What the journeys really called, beside what the roles grant. Its name lets it run last, when there is most to see.

The emulator enforces actions and resources of each role, but no condition on partition keys: here each recorded
call is judged by the template's policies with its keys, as AWS would.
"""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from local import paths

from ..deployed.deployment import Deployment
from ..deployed.trail import Used

sys.path.insert(0, str(paths.ROOT / "tests" / "checks"))
import permissions  # noqa: E402  (the checks are no package: they stand beside each other)
from permissions import INDEX, LEADING_KEYS, TABLE, Grant, Request  # noqa: E402
from template import Template  # noqa: E402

TEMPLATE = Template.read()
BY_CRATE = {permissions.crate_of(TEMPLATE, name): name for name in TEMPLATE.functions}
READS_AT_START = "read once at a start, over TLS only, to open the connection; the emulator has no TLS"
NEVER_REFUSED = "only where bus or table refuses (no product is called), which the emulator can't be made to do"
RAISED_BEFORE = "only where an attempt was killed after it raised the same exception"
NEVER_EARLY = "only where a period is told of an engagement that is not active, which no schedule does"
ERP_ANSWERS = "only where the ERP fails while it credits; the journeys let it fail while it is invoiced"
TENANT_READ = "dynamodb:GetItem on table [dynamodb:LeadingKeys=tenant#*]"
AS_BILLED = "only where something is recognised as it is billed, or was dropped: the shipped catalog has no such service"
UNDATED = "only where a fee in a straight line has no planned day: the shipped catalog has no such service"
DROPPED = "only where something that is recognised month by month was dropped from the contract"
ASKED_BEFORE = "only where two meet at one invoice: the API refuses everything else before"
NOTHING_DUE = "only where a policy is monthly, or what held a line was put right: the shipped configuration has neither"
NOTHING_HELD = "only where such work comes while a line of its engagement is held; the journeys let a milestone come then"
NEVER_CORRECTED = "only where something that was billed is approved anew with another content, which is never a line of its own here"
UNUSED: dict[tuple[str, str], str] = {
    ("charge-due", "dynamodb:Query on table [dynamodb:LeadingKeys=tenant#*]"): NEVER_CORRECTED,
    ("milestone-completed", "dynamodb:Query on table [dynamodb:LeadingKeys=tenant#*]"): NEVER_CORRECTED,
    ("usage-recorded", "dynamodb:Query on table [dynamodb:LeadingKeys=tenant#*]"): NEVER_CORRECTED,
    ("hold-requested", "sqs:ChangeMessageVisibility on queue:HoldRequestedQueue"): NEVER_REFUSED,
    ("invoice-run", "dynamodb:PutItem on table [dynamodb:LeadingKeys=tenant#*]"): NOTHING_DUE,
    ("invoice-run", "dynamodb:UpdateItem on table [dynamodb:LeadingKeys=tenant#*]"): NOTHING_DUE,
    ("time-approved", "dynamodb:Query on table/index/by-status [dynamodb:LeadingKeys=tenant#*]"): NOTHING_HELD,
    ("expense-approved", "dynamodb:Query on table/index/by-status [dynamodb:LeadingKeys=tenant#*]"): NOTHING_HELD,
    ("usage-recorded", "dynamodb:Query on table/index/by-status [dynamodb:LeadingKeys=tenant#*]"): NOTHING_HELD,
    ("charge-due", "dynamodb:Query on table/index/by-status [dynamodb:LeadingKeys=tenant#*]"): NOTHING_HELD,
    ("publish-outbox", "sqs:SendMessage on queue:OutboxRetryQueue"): NEVER_REFUSED,
    ("dead-letter", TENANT_READ): READS_AT_START,
    ("webhook", TENANT_READ): READS_AT_START,
    ("milestone-completed", "sqs:ChangeMessageVisibility on queue:MilestoneCompletedQueue"): NEVER_REFUSED,
    ("charge-due", "dynamodb:UpdateItem on table [dynamodb:LeadingKeys=tenant#*]"): NEVER_EARLY,
    ("charge-due", "sqs:ChangeMessageVisibility on queue:ChargeDueQueue"): NEVER_REFUSED,
    ("approval-decided", "sqs:ChangeMessageVisibility on queue:ApprovalDecidedQueue"): NEVER_REFUSED,
    ("approval-decided", "dynamodb:UpdateItem on table [dynamodb:LeadingKeys=tenant#*]"): RAISED_BEFORE,
    ("record-changed", "sqs:ChangeMessageVisibility on queue:RecordChangedQueue"): NEVER_REFUSED,
    ("revenue-earned", "sqs:ChangeMessageVisibility on queue:RevenueEarnedQueue"): NEVER_REFUSED,
    ("revenue-earned", "dynamodb:UpdateItem on table [dynamodb:LeadingKeys=tenant#*]"): RAISED_BEFORE,
    ("revenue-earned", "dynamodb:Query on table [dynamodb:LeadingKeys=tenant#*]"): AS_BILLED,
    ("recognise-revenue", "dynamodb:BatchGetItem on table [dynamodb:LeadingKeys=tenant#*]"): UNDATED,
    ("recognise-revenue", "dynamodb:Query on table [dynamodb:LeadingKeys=tenant#*]"): DROPPED,
    ("write-off-requested", "sqs:ChangeMessageVisibility on queue:WriteOffRequestedQueue"): NEVER_REFUSED,
    ("credit-memo-requested", "sqs:ChangeMessageVisibility on queue:CreditMemoRequestedQueue"): ERP_ANSWERS,
    ("credit-memo-issued", "sqs:ChangeMessageVisibility on queue:CreditMemoIssuedQueue"): ERP_ANSWERS,
    ("dispute-requested", "sqs:ChangeMessageVisibility on queue:DisputeRequestedQueue"): NEVER_REFUSED,
    ("dispute-requested", "dynamodb:UpdateItem on table [dynamodb:LeadingKeys=tenant#*]"): ASKED_BEFORE,
    ("expense-approved", "sqs:ChangeMessageVisibility on queue:ExpenseApprovedQueue"): NEVER_REFUSED,
    ("usage-recorded", "sqs:ChangeMessageVisibility on queue:UsageRecordedQueue"): NEVER_REFUSED,
    ("time-approved", "sqs:ChangeMessageVisibility on queue:TimeApprovedQueue"): NEVER_REFUSED,
}
"""What code can call and no journey makes it call, and why."""


def used(stack: Deployment) -> dict[str, set[Request]]:
    """The recorded calls of each function by the template's names."""
    found = stack.trail.used()
    if not any(found.values()):
        pytest.skip("no journey ran in this session, so no function called anything")
    assert stack.trail.gaps == 0, "calls went by unseen: read the trail more often"
    assert set(found) <= set(BY_CRATE), f"callers that are no function: {set(found) - set(BY_CRATE)}"
    return {name: {_named(stack, call) for call in calls} for name, calls in found.items()}


def _named(stack: Deployment, call: Used) -> Request:
    queues = {stack.stack.name + queue["QueueName"]["Fn::Sub"].removeprefix("${AWS::StackName}"): f"queue:{name}"
              for name, queue in TEMPLATE.queues.items()}
    names = {stack.table: TABLE, f"{stack.table}/index/by-status": INDEX, stack.stack.bus: "bus", **queues}
    secret = call.resource.replace(f"{stack.stack.name}/", "secret:<stack>/", 1)
    return Request(call.action, names.get(call.resource, secret), call.keys)


def test_every_call_is_allowed_with_its_partition_keys(stack: Deployment) -> None:
    """Proves SEC-04 in part: what runs here runs in AWS too, where a role reaches its own partitions alone."""
    refused = [f"{name}: {request}" for name, requests in used(stack).items() for request in requests
               if not permissions.allowed(permissions.statements(TEMPLATE, BY_CRATE[name]), request)]
    assert sorted(refused) == []


def test_every_call_was_foreseen(stack: Deployment) -> None:
    """What the sources are said to be able to call includes whatever was called."""
    unforeseen = [f"{name}: {request}" for name, requests in used(stack).items() for request in requests
                  if not any(_serves(grant, request) for grant in permissions.needed(TEMPLATE, BY_CRATE[name]))]
    assert sorted(unforeseen) == []


def test_every_grant_was_used(stack: Deployment, request: pytest.FixtureRequest) -> None:
    """Proves SEC-04 in part: a grant that code needs and the whole suite never used is listed with its reason."""
    options = request.config.option
    whole = all(Path(argument).is_dir() for argument in request.config.args)
    if not whole or options.keyword or options.markexpr or options.deselect:
        pytest.skip("only the whole suite can tell what is never used")
    calls = used(stack)
    assert set(calls) == set(BY_CRATE), f"functions that called nothing: {set(BY_CRATE) - set(calls)}"
    unused = {(name, str(grant)) for name, function in BY_CRATE.items()
              for grant in _by_code(function) if not any(_serves(grant, call) for call in calls[name])}
    never, after_all = sorted(unused - set(UNUSED)), sorted(set(UNUSED) - unused)
    assert not never, f"never used: {never}"
    assert not after_all, f"used after all, so off the list with it: {after_all}"


def _by_code(function: str) -> set[Grant]:
    """What the function itself calls: Lambda's own calls in its name, and those of one service to another, are not
    recorded here."""
    return {grant for grant in permissions.needed(TEMPLATE, function)
            if grant not in set(permissions.by_lambda(TEMPLATE, function)) and not grant.action.startswith("kms:")}


def _serves(grant: Grant, request: Request) -> bool:
    keys = dict(grant.conditions).get(LEADING_KEYS, "*")
    return (grant.action == request.action and permissions.like(grant.resource, request.resource)
            and all(permissions.like(keys, key) for key in request.keys))
