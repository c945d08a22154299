"""The deployed binaries from outside: start-up, memory, and all of their CPU time."""

from __future__ import annotations

import re
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from local.problem import Problem

from . import binaries
from .fake_aws import FakeAws
from .fake_lambda import FakeLambda

STARTS = 11
_LONGEST_SECONDS = 120
# A poll is seen before the poller has gone to sleep; its last steps are to be counted too.
_SETTLE_SECONDS = 0.003


@dataclass(frozen=True)
class Usage:
    """What a process has used up to a moment."""

    main_thread_ms: float
    all_threads_ms: float
    resident_mb: float
    peak_mb: float

    @classmethod
    def of(cls, pid: int) -> Usage:
        """Reads it from the kernel."""
        process = Path(f"/proc/{pid}")
        spent = {task.name: int((task / "schedstat").read_text().split()[0]) for task in (process / "task").iterdir()}
        status = (process / "status").read_text()

        def megabytes(name: str) -> float:
            return int(re.search(rf"^{name}:\s+(\d+) kB", status, re.MULTILINE)[1]) / 1024

        return cls(spent[str(pid)] / 1e6, sum(spent.values()) / 1e6, megabytes("VmRSS"), megabytes("VmHWM"))


def cold_start(name: str, aws: FakeAws) -> list[Usage]:
    """What a function has used when it asks for its first invocation, start by start."""
    # The first start brings the binary into memory and is not counted.
    return [_run(name, aws, [], {0})[0][0] for _ in range(STARTS + 1)][1:]


def serve(name: str, aws: FakeAws, invocations: list[bytes], warm_up: int) -> tuple[Usage, Usage, list[str]]:
    """Usage after the first `warm_up` invocations and after all of them, and what failed."""
    seen, errors = _run(name, aws, invocations, {warm_up, len(invocations)})
    return seen[warm_up], seen[len(invocations)], errors


def median(starts: list[Usage]) -> float:
    """Main-thread CPU of the typical start, in milliseconds."""
    return statistics.median(start.main_thread_ms for start in starts)


def _run(name: str, aws: FakeAws, invocations: list[bytes], looks: set[int]) -> tuple[dict[int, Usage], list[str]]:
    seen: dict[int, Usage] = {}

    def look(poll: int) -> None:
        if poll in looks:
            time.sleep(_SETTLE_SECONDS)
            seen[poll] = Usage.of(process.pid)

    service = FakeLambda(invocations, look)
    process = subprocess.Popen(
        [binaries.function(name)], env=_environment(service.address, aws), close_fds=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + _LONGEST_SECONDS
        while not service.finished.wait(0.02):
            if process.poll() is not None or time.monotonic() > deadline:
                raise Problem(f"{name} did not get through its invocations.", "\n".join(service.errors[:3]))
    finally:
        process.kill()
        process.wait()
        service.close()
    return seen, service.errors


def _environment(runtime_api: str, aws: FakeAws) -> dict[str, str]:
    """What Lambda and the template give a function, and nothing of ours."""
    trusted = {"EXTRA_CA_BUNDLE": str(aws.ca_bundle)} if aws.ca_bundle else {}
    return {
        "AWS_LAMBDA_RUNTIME_API": runtime_api,
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_LAMBDA_FUNCTION_VERSION": "1",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/bench",
        "AWS_LAMBDA_LOG_STREAM_NAME": "bench",
        "AWS_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
        "AWS_SECRET_ACCESS_KEY": "not-a-key",
        "AWS_SESSION_TOKEN": "not-a-token",
        "AWS_ENDPOINT_URL": aws.endpoint,
        "TABLE_NAME": "bench",
        "EVENT_BUS_NAME": "bench",
        "LEASE_SECONDS": "130",
        "LOG_LEVEL": "info",
        "METRICS_NAMESPACE": "QuoteToCash",
        "QUEUE_URL": f"{aws.endpoint}/123456789012/queue",
        "OUTBOX_RETRY_QUEUE_URL": f"{aws.endpoint}/123456789012/retry",
        **trusted,
    }
