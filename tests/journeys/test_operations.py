"""What an operator relies on: logs that can be followed and given away, metrics, and functions run by hand."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from local import build, erp_base, paths, ports, processes, watch

from .conftest import Journey
from .deal import Deal, entry

PEOPLE = ("Ada Lindqvist", "Lindqvist", "Cleo Martin")
CONSUMERS = ("quote-approved", "time-approved", "milestone-completed", "invoice-requested", "invoice-posted",
             "payment-received")


def test_logs_can_be_followed_and_given_away(journey: Journey) -> None:
    """Proves OBS-02 in part, OBS-04 in part, OBS-05 in part, GOV-15 in part: a deal's way is in the logs by its
    correlation ID, with outcome and latency, and neither a secret nor a personal datum of it is."""
    deal = journey.deal().activate()
    journey.psa.log_time(deal.project["id"], entry(60, user="Ada Lindqvist"), entry(30, user="Cleo Martin"))
    invoice = deal.billed()
    deal.paid(invoice)
    deal.settled(invoice)
    for function in CONSUMERS:
        deal.wait(lambda function=function: told(journey, function, deal), 10, f"{function} to tell of the deal")
        for line in told(journey, function, deal):
            assert {"event_id", "event_type", "correlation_id", "trace_id", "outcome", "latency_ms"} <= set(line), line
        assert metrics(journey, function), f"{function} counts its events"
    written = "\n".join(line for function in build.functions() for line in journey.stack.logs.text(function))
    for secret in secrets_of(journey):
        assert secret not in written, "a secret is in the logs"
    personal = [*PEOPLE, deal.customer_record["q2c_billing_email"], deal.customer_record["q2c_tax_id"]]
    assert [datum for datum in personal if datum in written] == []


def test_outcomes_and_latency_are_metrics(journey: Journey) -> None:
    """Proves OBS-04, OBS-05 in part, SLO-01 in part: CloudWatch's embedded format, by event type and outcome."""
    journey.deal().activate()
    found = journey.stack.wait_for(lambda: metrics(journey, "quote-approved"), 10, "the metrics")
    counted = next(line for line in found if line.get("outcome") == "applied")
    assert counted["event_type"] == "q2c.quote.approved.v1"
    assert "Events" in counted
    assert any("OccurrenceToCommit" in line for line in found)
    (directive,) = counted["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == "QuoteToCash"


@pytest.fixture
def watched(journey: Journey) -> Iterator[int]:
    """The port of `make watch` on this stack; afterwards nothing of it runs."""
    port = ports.choose(1)[0]
    with watch.watching(journey.stack.stack, port):
        yield port
    left = [processes.command_of(pid) for pid in processes.with_tag(journey.stack.instance.tag)]
    assert not [command for command in left if "cargo" in command], left
    assert ports.is_free(port)


def test_a_function_is_watched_and_invoked_by_hand(journey: Journey, watched: int) -> None:
    """`cargo lambda invoke` calls the function that `cargo lambda watch` built from the sources, on the same stack."""
    fixture = paths.ROOT / "tests" / "fixtures" / "invoke" / "poll.json"
    said = invoke(watched, "poll", fixture)
    assert {one["connection"] for one in said} == {"kantata-main", "tryton-us"}
    assert not [one for one in said if one["failure"]], said
    # Poll as deployed runs from the sources as well now: the emulator hands it over.
    assert {one["connection"] for one in journey.poll()} == {"kantata-main", "tryton-us"}


def invoke(port: int, function: str, payload: Path) -> Any:
    """`cargo lambda invoke` as docs/local.md shows it."""
    cargo_lambda = paths.environment_command("emulator", "cargo-lambda")
    command = [cargo_lambda, "lambda", "invoke", function, "--invoke-address", "127.0.0.1", "--invoke-port", str(port),
               "--data-file", payload]
    beside = Path(build.find_cargo()).parent
    env = {**os.environ, "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False, env=env, cwd=paths.ROOT)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(done.stdout)


def told(journey: Journey, function: str, deal: Deal) -> list[dict[str, Any]]:
    """What a function wrote about the events of a deal."""
    return [line for line in journey.stack.logs.lines(function)
            if line.get("message") == "event" and line.get("correlation_id") in about(deal)]


def about(deal: Deal) -> set[str]:
    """What events of a deal are known by: the engagement, or the invoice or payment that a product reported."""
    return {deal.engagement, *(item["invoice"] for item in deal.invoices),
            *(item["payment"] for item in deal.items("payment"))}


def metrics(journey: Journey, function: str) -> list[dict[str, Any]]:
    """A function's lines in the embedded metric format."""
    return [line for line in journey.stack.logs.lines(function) if "_aws" in line]


def secrets_of(journey: Journey) -> set[str]:
    """Every secret of the instance."""
    known = {secret for one in journey.stack.secrets.values() for secret in (*one["signing_secrets"], one.get("api_token")) if secret}
    return known | {erp_base.identifiers(journey.stack.instance.books)["key"]}
