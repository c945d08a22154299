"""What is known when something that should have happened did not."""

from __future__ import annotations

import json
from typing import Any

from . import build
from .stack import Stack
from .timeline import open_exceptions

_QUOTED_LINES = 8


def report(stack: Stack) -> str:
    """Open exceptions, messages in queues, and the last lines of the functions' logs."""
    sections = (
        ("Open exceptions", _exceptions(stack)),
        ("Messages in queues", _queues(stack)),
        ("Last warnings and errors of the functions", _logs(stack)),
    )
    return "\n".join(f"{title}:\n" + "\n".join(f"    {line}" for line in lines or ["none"]) for title, lines in sections)


def _exceptions(stack: Stack) -> list[str]:
    return [
        f"{item['code']} for {item['owner']} in {item['pk'].rpartition('#')[2]} ({item.get('stage', '')}): "
        f"{item['detail']}"
        for item in open_exceptions(stack)
    ]


def _queues(stack: Stack) -> list[str]:
    sqs = stack.instance.client("sqs")
    lines = []
    for url in sqs.list_queues(QueueNamePrefix=f"{stack.name}-").get("QueueUrls", []):
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        waiting, taken = (int(n) for n in _attributes(sqs, url, names))
        if waiting or taken:
            lines.append(f"{url.rpartition('/')[2]}: {waiting} waiting, {taken} being worked on")
            lines += _bodies(sqs, url) if waiting else []
    return lines


def _attributes(sqs: Any, url: str, names: list[str]) -> list[str]:
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
    return [found.get(name, "0") for name in names]


def _bodies(sqs: Any, url: str) -> list[str]:
    """A look at the messages; they are visible to the functions again at once."""
    messages = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=3, VisibilityTimeout=0).get("Messages", [])
    return [f"  {message['Body'][:400]}" for message in messages]


def _logs(stack: Stack) -> list[str]:
    logs = stack.instance.client("logs")
    lines = []
    for function in build.functions():
        group = f"/aws/lambda/{stack.function(function)}"
        try:
            events = logs.filter_log_events(logGroupName=group)["events"]
        except logs.exceptions.ResourceNotFoundException:
            continue
        notable = [text for event in events if (text := _notable(event["message"]))]
        lines += [f"{function}: {text}" for text in notable[-_QUOTED_LINES:]]
    return lines


def _notable(message: str) -> str | None:
    """A log line that tells of trouble, shortened."""
    text = message.strip()
    try:
        level = str(json.loads(text).get("level", "")).upper()
    except (ValueError, AttributeError):
        trouble = any(word in text for word in ("panicked", "Error", "Timedout"))
        return text[:600] if trouble else None
    return text[:600] if level in ("WARN", "ERROR") else None
