"""The queues of the deployed stack, and whether anything still moves in them."""

from __future__ import annotations

from typing import Any


class Queues:
    """All queues of a stack."""

    def __init__(self, client: Any, prefix: str):
        self._client = client
        self.prefix = prefix

    def url(self, name: str) -> str:
        """The address of one of the stack's queues."""
        return self._client.get_queue_url(QueueName=f"{self.prefix}-{name}")["QueueUrl"]

    def send(self, name: str, body: str) -> None:
        """Put any text into a queue."""
        self._client.send_message(QueueUrl=self.url(name), MessageBody=body)

    def waiting(self) -> dict[str, int]:
        """How many messages wait or are being worked on, by queue; queues without any are left out."""
        found = {}
        for url in self._client.list_queues(QueueNamePrefix=self.prefix)["QueueUrls"]:
            counted = self._client.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            count = sum(int(value) for name, value in counted.items() if name.startswith("ApproximateNumberOfMessages"))
            if count:
                found[url.rpartition("/")[2]] = count
        return found
