"""A recorder on the bus: a rule that matches everything, and a queue that keeps it."""

from __future__ import annotations

import json
import threading
from typing import Any

Event = dict[str, Any]


class Recorder:
    """Keeps every event of a bus in the order in which it arrived."""

    def __init__(self, sqs: Any, events: Any, bus: str):
        self._sqs = sqs
        self._queue = sqs.create_queue(QueueName="recorded-events")["QueueUrl"]
        self._events: list[Event] = []
        self._draining = threading.Lock()
        arn = sqs.get_queue_attributes(QueueUrl=self._queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        pattern = json.dumps({"source": [{"prefix": ""}]})
        events.put_rule(Name="record-everything", EventBusName=bus, EventPattern=pattern)
        events.put_targets(Rule="record-everything", EventBusName=bus, Targets=[{"Id": "recorder", "Arn": arn}])

    def events(self) -> list[Event]:
        """Everything so far."""
        with self._draining:
            while messages := self._receive():
                self._events += [json.loads(message["Body"]) for message in messages]
                self._sqs.delete_message_batch(QueueUrl=self._queue, Entries=[
                    {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                    for number, message in enumerate(messages)
                ])
            return list(self._events)

    def about(self, subject: str) -> list[Event]:
        """The CloudEvents whose subject or correlation is a given one."""
        details = [event["detail"] for event in self.events()]
        return [detail for detail in details if subject in (detail["subject"], detail["correlationid"])]

    def _receive(self) -> list[dict[str, Any]]:
        return self._sqs.receive_message(QueueUrl=self._queue, MaxNumberOfMessages=10).get("Messages", [])
