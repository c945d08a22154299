"""The timeline of an engagement, read from its items in the table.

Every commit leaves its items in the engagement's partition, so one query is the
whole history: events, steps with the identifiers they got in each system,
billable lines, invoices, payments, what waits and what needs a person.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .connections import TENANT
from .stack import Stack

Item = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """One line of a timeline; `identity` tells a changed item from one already shown."""

    at: str
    what: str
    text: str
    identity: tuple[str, str]

    def __str__(self) -> str:
        return f"{self.at[11:23]:12}  {self.what:22}  {self.text}"


class Timeline:
    """The items of one engagement, and which of them were shown."""

    def __init__(self, stack: Stack, engagement: str):
        self.engagement = engagement
        self._stack = stack
        self._dynamodb = stack.instance.client("dynamodb")
        self._shown: set[tuple[str, str]] = set()

    def items(self) -> list[Item]:
        """Everything in the engagement's partition, oldest first."""
        return sorted(
            read_partition(self._dynamodb, self._stack.table, f"tenant#{TENANT}#engagement#{self.engagement}"),
            key=lambda item: str(item.get("recorded_at", "")),
        )

    def of_kind(self, kind: str) -> list[Item]:
        """The items of one kind."""
        return [item for item in self.items() if item.get("kind") == kind]

    def news(self) -> list[Entry]:
        """The entries that appeared or changed since the last call."""
        fresh = [entry for entry in map(entry_of, self.items()) if entry and entry.identity not in self._shown]
        self._shown.update(entry.identity for entry in fresh)
        return fresh


def engagements(stack: Stack) -> list[Item]:
    """The state items of all engagements, oldest first."""
    # One without a status is not there yet: only what was announced of it, or that an event is parked.
    found = [item for item in _scan(stack, "state") if "status" in item]
    return sorted(found, key=lambda item: item["recorded_at"])


def open_exceptions(stack: Stack) -> list[Item]:
    """What waits for a person, in any partition."""
    return [item for item in _scan(stack, "exception") if item.get("status") == "open"]


def read_partition(dynamodb: Any, table: str, partition: str) -> list[Item]:
    """All items of a partition as plain values."""
    pages = dynamodb.get_paginator("query").paginate(
        TableName=table, KeyConditionExpression="pk = :pk", ConsistentRead=True,
        ExpressionAttributeValues={":pk": {"S": partition}},
    )
    return [_values(item) for page in pages for item in page["Items"]]


def money(value: Any) -> str:
    """An amount for people; a dash where there is none yet."""
    return f"{value['amount']} {value['currency']}" if value else "–"


def entry_of(item: Item) -> Entry | None:
    """The line an item makes in a timeline; none for bookkeeping a reader does not care about."""
    describe = _DESCRIBE.get(item.get("kind", ""))
    described = describe(item) if describe else None
    if described is None:
        return None
    what, text, state = described
    return Entry(str(item.get("recorded_at", "")), what, text, (item["sk"], state))


def _journal(item: Item) -> tuple[str, str, str]:
    note = "" if item.get("outcome") in (None, "applied") else f" ({item['outcome']})"
    return "event", f"{item['event_type']}{note}: {item.get('summary', '')}", ""


def _step(item: Item) -> tuple[str, str, str] | None:
    if item["state"] == "started" or not item.get("system"):
        return None
    # The step's own words say what was done and where; of a step that went well, that is in the line already.
    said = f"record {item.get('external_id', '–')}" if item["state"] == "done" else f"{item['state']}: {item.get('summary', '')}"
    return f"wrote to {item['system']}", f"{item['workflow']} {item['step']}: {said}", item["state"]


def _state(item: Item) -> tuple[str, str, str] | None:
    # An item without a status only holds a version: an event came early and is parked there.
    if "status" not in item:
        return None
    return "engagement", f"{item['engagement']} is {item['status']}", item["status"]


def _contract(item: Item) -> tuple[str, str, str]:
    milestones = ", ".join(f"{one['key']} {one['amount']['amount']}" for one in item["milestones"])
    charges = "".join(f", {one['key']} {one['term']} × {one['fee']['amount']}" for one in item.get("recurring", []))
    return "contract", f"version {item['version']} of quote {item['quote_number']}: {milestones}{charges}", ""


def _statement(item: Item) -> tuple[str, str, str]:
    milestones = ", ".join(f"{one['key']} {one['amount']['amount']}" for one in item["milestones"])
    text = f"{item['statement']} is {item['status']} with contract version {item['contract_version']}: {milestones or 'no milestones'}"
    return "statement of work", text, f"{item['status']} {item['contract_version']}"


def _line(item: Item) -> tuple[str, str, str]:
    evidence = item["evidence"]
    correction = ""
    while evidence["kind"] == "adjustment":
        correction, evidence = f"correction of {evidence['of']}: ", evidence["by"]
    if evidence["kind"] == "time":
        entry = evidence["entry"]
        source = f"time entry {entry['entry']}: {entry['minutes']} min as {entry['role']} at {money(evidence['hourly'])}"
    elif evidence["kind"] == "expense":
        spent = evidence["expense"]
        source = f"expense {spent['expense']}: {spent['category']} for {money(spent['cost'])} plus {evidence['markup_percent']} %"
    elif evidence["kind"] == "overage":
        entry = evidence["entry"]
        source = f"time entry {entry['entry']}: {entry['minutes']} min as {entry['role']}, beyond retainer {evidence['retainer']}"
    elif evidence["kind"] == "usage":
        used = evidence["record"]
        month = f"the month from {evidence['month']['from']} becomes {money(evidence['after'])}"
        source = f"usage {used['record']}: {used['quantity']} {used['meter']} on {used['used_on']}, {month}"
    elif evidence["kind"] == "charge":
        part = evidence.get("prorated")
        days = f", {int(part['days'])} of {int(part['of'])} days" if part else ""
        source = f"charge {evidence['charge']} {evidence['name']} from {evidence['from']} until {evidence['until']}{days}"
    elif evidence["kind"] == "deposit":
        source = f"deposit {evidence['deposit']} {evidence['name']}"
    elif evidence["kind"] == "drawdown":
        source = f"drawn of deposit {evidence['deposit']} {evidence['name']}, billed by {evidence['billed_by']}"
    else:
        source = f"milestone {evidence['completion']['milestone']} {evidence['name']}"
    sold = f", sold by {item['statement']}" if item.get("statement") else ""
    return "billable line", f"{item['line']} {money(item['amount'])}, {correction}{source}{sold}", ""


def _charge(item: Item) -> tuple[str, str, str]:
    return "charge", f"{item['from']} charges {item['to']} {money(item['amount'])} for {item['line']}", ""


def _cost(item: Item) -> tuple[str, str, str]:
    return "cost", f"{item['legal_entity']} pays {money(item['amount'])} for time entry {item['entry']['entry']}", ""


def _usage(item: Item) -> tuple[str, str, str]:
    return "usage", f"{item['record']['record']}: {item['summary']}", ""


def _drawdown(item: Item) -> tuple[str, str, str]:
    return "drawdown", f"time entry {item['entry']['entry']}: {item['summary']}", ""


def _invoice(item: Item) -> tuple[str, str, str]:
    number = f" number {item['number']}, record {item['record']}" if item.get("number") else ""
    sums = f"untaxed {money(item['untaxed'])}, tax {money(item.get('tax'))}, total {money(item.get('total'))}"
    credited = f", credited {money(item['credited']['set_off'])}" if item.get("credited") else ""
    text = f"{item['invoice']} is {item['status']}{number}: {sums}, paid {money(item['applied'])}{credited}"
    return "invoice", text, item["status"] + item["untaxed"]["amount"] + credited


def _credit_memo(item: Item) -> tuple[str, str, str]:
    number = f" number {item['number']}, record {item['record']}" if item.get("number") else ""
    sums = f"untaxed {money(item['untaxed'])}, tax {money(item.get('tax'))}, total {money(item.get('total'))}"
    text = f"{item['credit_memo']} of {item['invoice']} is {item['status']}{number}: {sums}: {item['reason']}"
    return "credit memo", text, item["status"]


def _payment(item: Item) -> tuple[str, str, str]:
    text = f"{item['payment']} {item['record']}: received {money(item['received'])}, applied {money(item['applied'])}"
    return "payment", text, ""


def _parked(item: Item) -> tuple[str, str, str]:
    return "parked", f"{item['sk'].split('#')[1]}: an event waits for this", ""


def _approval(item: Item) -> tuple[str, str, str]:
    answer = f" by {item['decided_by']}" if item.get("decided_by") else ""
    text = f"{item['approval']} {item['what']} ({item['asked_of']}) is {item['status']}{answer}: {item['detail']}"
    return "approval", text, item["status"]


def _exception(item: Item) -> tuple[str, str, str]:
    return "EXCEPTION", f"{item['code']} ({item['owner']}, {item['status']}): {item['detail']}", item["status"]


_DESCRIBE = {
    "journal": _journal, "step": _step, "state": _state, "contract": _contract, "statement-of-work": _statement, "line": _line, "invoice": _invoice, "payment": _payment,
    "credit-memo": _credit_memo,
    "charge": _charge, "cost": _cost, "usage": _usage, "drawdown": _drawdown, "parked": _parked, "approval": _approval, "exception": _exception,
}


def _scan(stack: Stack, kind: str) -> list[Item]:
    pages = stack.instance.client("dynamodb").get_paginator("scan").paginate(
        TableName=stack.table, FilterExpression="kind = :kind", ConsistentRead=True,
        ExpressionAttributeValues={":kind": {"S": kind}},
    )
    return [_values(item) for page in pages for item in page["Items"]]


def _values(item: dict[str, Any]) -> Item:
    from boto3.dynamodb.types import TypeDeserializer

    read = TypeDeserializer().deserialize
    return {name: read(value) for name, value in item.items()}
