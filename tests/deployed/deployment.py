"""One instance of everything, with the stack deployed and connected: what a whole test session shares."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import boto3

from local import build, connections, paths, processes, stack
from local.instance import REGION, Instance

from .bus import Recorder
from .logs import Logs
from .queues import Queues
from .trail import Trail

Seen = TypeVar("Seen")

FUNCTION_SECONDS = 12
LEASE_SECONDS = 22
PARAMETERS = {
    "PollSchedule": "DISABLED",  # each test polls when it has something to be found
    "FunctionTimeoutSeconds": str(FUNCTION_SECONDS),
    "LeaseSeconds": str(LEASE_SECONDS),  # what a test waits for after it killed a function
    "VisibilitySeconds": "3",
    "MaxReceives": "6",
    "InvoiceCollectionSeconds": "2",
}
PREVIOUS = {
    connections.CRM: "previous-client-secret-of-hubspot",
    connections.PAYMENTS: "whsec_previous0of0stripe0previous0of0stripe",
    connections.SIGNATURE: "previous-connect-key-of-docusign",
    connections.ERP: "whsec_cHJldmlvdXMtb2YtdHJ5dG9uLXByZXZpb3Vz",
}
"""A second signing secret of each connection that signs, as during a rotation."""


class TimedOut(AssertionError):
    """A condition that did not come true in time."""


class Deployment:
    """The deployed stack: where it answers, what it holds, and how to wait for it."""

    def __init__(self, deployed: stack.Stack):
        self.stack = deployed
        self.instance = deployed.instance
        self.secrets = credentials(deployed)
        self.trail = Trail(deployed)
        self.recorder = Recorder(self.client("sqs"), self.client("events"), deployed.bus)
        self.queues = Queues(self.client("sqs"), deployed.name)
        self.logs = Logs(self.client("logs"), deployed.function)
        self.dynamodb = boto3.resource(
            "dynamodb", endpoint_url=self.instance.endpoint, region_name=REGION,
            aws_access_key_id=self.account, aws_secret_access_key="test",
        )

    @property
    def account(self) -> str:
        """The AWS account that all of it is in."""
        return self.instance.account

    @property
    def api_url(self) -> str:
        """Where products call: stage included, no trailing slash."""
        return self.stack.api_url

    @property
    def table(self) -> str:
        """The table's name."""
        return self.stack.table

    @property
    def events(self) -> list[dict[str, Any]]:
        """Every event that was put on the bus so far, as EventBridge delivers it."""
        return self.recorder.events()

    def webhook_url(self, connection: str) -> str:
        """Where a connection's product reports."""
        return self.stack.webhook_url(connection)

    def client(self, service: str) -> Any:
        """A client of the account's root."""
        return self.instance.client(service)

    def wait_for(self, condition: Callable[[], Seen], timeout: float = 30, what: str = "") -> Seen:
        """Wait until a condition gives something true, and return it; looks ten times a second."""
        deadline = time.monotonic() + timeout
        while not (seen := condition()):
            if time.monotonic() > deadline:
                awaited = what or getattr(condition, "__qualname__", "a condition")
                raise TimedOut(f"waited {timeout:.0f} s for {awaited}")
            time.sleep(0.1)
        return seen


@contextmanager
def deployed(directory: Path) -> Iterator[Deployment]:
    """Start, deploy, connect; at the end stop all of it and see that nothing is left."""
    build.package()
    with Instance.start(directory, auth=True) as instance:
        found = stack.deploy(instance, **PARAMETERS)
        connect(found)
        deployment = Deployment(found)
        try:
            yield deployment
        finally:
            deployment.trail.end()
        tag = instance.tag
    left = {pid: processes.command_of(pid) for pid in processes.with_tag(tag)}
    assert not left, f"the instance is stopped, but these of its processes run: {left}"


def connect(found: stack.Stack) -> None:
    """Configure the stack as `make run` does, with two signing secrets a connection."""
    sys.path.insert(0, str(paths.ROOT / "infra"))
    import configure

    configure.configure(
        configure.Stack(found.name, found.table, found.api_url, found.instance.client),
        connections.tenant(), connections.connections(found), credentials(found),
        callers=connections.callers(found),
    )
    connections.report_to(found)


def credentials(found: stack.Stack) -> dict[str, dict[str, Any]]:
    """The instance's credentials, the previous signing secrets behind the current ones."""
    known = connections.credentials(found)
    for connection, previous in PREVIOUS.items():
        known[connection]["signing_secrets"] += [previous]
    return known
