"""What is measured, table by table."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from local import build, paths

from . import binaries, handlers, prices, processes
from .fake_aws import FakeAws
from .report import Section

Used = dict[str, int]

_USED = ("reads", "writes", "transactions", "bus", "write units", "read units", "USD per million")

_MAIN_THREAD_MS = 4.0
_RESIDENT_MB = 32.0
_ZIP_MB = 3.0
_OWN_CPU_MS = 0.2
_ENTRIES_A_PUBLICATION = 10
# Batches before memory and CPU time are looked at, and until they are looked at again.
_WARM_UP = 50
_BATCHES = 300


class Bench:
    """One run: the tables, and what could not be measured."""

    def __init__(self) -> None:
        self.unmeasured: list[str] = []
        self._counts = handlers.counts()
        self._fixtures = handlers.fixtures()

    def sections(self) -> Iterator[Section]:
        """The tables, each as soon as it is measured."""
        yield self._calls()
        yield self._growth()
        yield self._handlers()
        with TemporaryDirectory(prefix="q2c-bench-") as scratch:
            aws = FakeAws(Path(scratch), [*_configuration(), *(f["state"] for f in self._fixtures.values())])
            try:
                if aws.ca_bundle is None:
                    self.unmeasured.append("TLS to AWS, because openssl is not installed")
                yield self._processes(aws)
                yield self._starts(aws)
            finally:
                aws.close()

    def _calls(self) -> Section:
        section = Section(
            "AWS calls and billed units per event, warm",
            ("event", "batch", *_USED),
            "Reads include queries; write units include the by-status index. invoice-requested, invoice-posted and\n"
            "payment-received are workflows: each step in another system is journalled before and after it.",
        )
        for row in self._counts["events"]:
            used, events = row["used"], row["events"]
            bar, met = _call_bar(row["kind"], row["shape"], used, events)
            section.add(row["kind"], row["shape"], *_per_event(used, events), bar=bar, met=met)
        return section

    def _growth(self) -> Section:
        section = Section(
            "Cost per event with so many entries already in the engagement",
            ("event", "entries", *_USED),
        )
        smallest = {row["kind"]: row["used"] for row in reversed(self._counts["growth"])}
        for row in self._counts["growth"]:
            met = row["used"] == smallest[row["kind"]]
            section.add(row["kind"], row["entries"], *_per_event(row["used"], row["events"]), bar="flat", met=met)
        return section

    def _handlers(self) -> Section:
        section = Section(
            "Own code per event: handler, commit, log and metrics, without the AWS client",
            ("event", "instructions", "CPU ms"),
            "CPU time is indicative: it depends on this machine and on what else it does.",
        )
        for case, title in handlers.CASES.items():
            instructions, cpu = handlers.instructions(case), handlers.cpu_microseconds(case)
            if instructions is None:
                self._miss("instructions per event, because valgrind is not installed")
            if cpu is None:
                self._miss("CPU time per event, because the kernel does not tell it")
            ms = None if cpu is None else round(cpu / 1_000, 4)
            met = None if ms is None else ms <= _OWN_CPU_MS
            section.add(title, instructions, ms, bar=f"≤ {_OWN_CPU_MS} ms", met=met)
        return section

    def _processes(self, aws: FakeAws) -> Section:
        section = Section(
            "The whole function per event, warm: Runtime API, handler, AWS client, signature and TLS",
            ("event", "calls on the wire", "CPU ms", "resident MB"),
            "User and system time of the release binary against endpoints that answer at once. Indicative.",
        )
        for case, title in handlers.CASES.items():
            fixture = self._fixtures[case]
            batch = json.dumps(fixture["batch"]).encode()
            aws.calls.clear()
            before, after, errors = processes.serve(fixture["function"], aws, [batch] * _BATCHES, _WARM_UP)
            self._failed(fixture["function"], errors)
            events = (_BATCHES - _WARM_UP) * fixture["events_in_batch"]
            ms = (after.all_threads_ms - before.all_threads_ms) / events
            # The one read of start-up and that of the tenant's configuration are lost in the rounding.
            calls = sum(aws.calls.values()) / (_BATCHES * fixture["events_in_batch"])
            section.add(
                title, round(calls, 2), round(ms, 4), round(after.resident_mb, 1),
                bar=f"≤ {_OWN_CPU_MS} ms, ≤ {_RESIDENT_MB:.0f} MB",
                met=ms <= _OWN_CPU_MS and after.resident_mb <= _RESIDENT_MB,
            )
        return section

    def _starts(self, aws: FakeAws) -> Section:
        tls = "with TLS to DynamoDB opened" if aws.ca_bundle else "without TLS"
        section = Section(
            f"Cold start, memory and size of each function ({tls})",
            ("function", "main thread ms", "fastest ms", "MB started", "MB warm", "zip MB"),
            f"Main-thread CPU from process start to the first poll, median and minimum of {processes.STARTS} starts.\n"
            "publish-outbox opens no connection to DynamoDB ahead: on its way there is only the bus.",
        )
        for name in build.functions():
            starts = processes.cold_start(name, aws)
            _, warm, _ = processes.serve(name, aws, self._invocations(name), 0)
            ms, resident = processes.median(starts), max(warm.resident_mb, warm.peak_mb)
            zipped = binaries.zipped_bytes(name) / 1024 / 1024
            section.add(
                name, round(ms, 2), round(min(s.main_thread_ms for s in starts), 2),
                round(max(s.resident_mb for s in starts), 1), round(resident, 1), round(zipped, 2),
                bar=f"≤ {_MAIN_THREAD_MS:.0f} ms, ≤ {_RESIDENT_MB:.0f} MB, zip ≤ {_ZIP_MB:.0f} MB",
                met=ms <= _MAIN_THREAD_MS and resident <= _RESIDENT_MB and zipped <= _ZIP_MB,
            )
        return section

    def _invocations(self, name: str) -> list[bytes]:
        """What warms a function: events it can deal with where there are some, else its fixture."""
        for fixture in self._fixtures.values():
            if fixture["function"] == name:
                return [json.dumps(fixture["batch"]).encode()] * 100
        return [(paths.ROOT / "tests" / "fixtures" / "invoke" / f"{name}.json").read_bytes()] * 20

    def _failed(self, function: str, errors: list[str]) -> None:
        if errors:
            self._miss(f"{function}, because its events failed: {errors[0][:200]}")

    def _miss(self, what: str) -> None:
        if what not in self.unmeasured:
            self.unmeasured.append(what)


def _per_event(used: Used, events: int) -> tuple[float, ...]:
    """The columns of calls, units and price."""
    totals = (
        used["reads"] + used["queries"], used["single_writes"], used["transactions"], used["bus_calls"],
        used["write_units"] + used["index_write_units"], used["half_read_units"] / 2, prices.of(used) * 1_000_000,
    )
    return tuple(round(total / events, 4) for total in totals)


def _call_bar(kind: str, shape: str, used: Used, events: int) -> tuple[str, bool]:
    """The bar of a kind of event, and whether a batch keeps it."""
    engagements = events if shape == "ten of ten engagements" else 1
    reads, writes = used["reads"] + used["queries"], used["single_writes"]
    elsewhere = used["secret_calls"] + used["queue_calls"]
    if kind == "publish-outbox":
        met = used["bus_calls"] <= -(-used["bus_entries"] // _ENTRIES_A_PUBLICATION) and not reads + writes + elsewhere
        return "one call for ten events", met
    if kind == "time-approved":
        met = writes == events and reads <= engagements and not used["transactions"] + used["bus_calls"] + elsewhere
        return "one write, the read shared", met
    met = reads <= events and used["transactions"] <= events and not writes + used["bus_calls"] + elsewhere
    return "one read, one transaction", met


def _configuration() -> list[dict[str, Any]]:
    """Tenant and connections as they are configured, with products that nobody answers for."""
    config = paths.ROOT / "infra" / "config"
    tenant = (config / "northwind.json").read_text(encoding="utf-8")
    items = [{"pk": "tenant#northwind", "sk": "config", "body": tenant}]
    for connection in json.loads((config / "connections.example.json").read_text(encoding="utf-8"))["connections"]:
        name = connection["connection"]
        body = {
            **connection, "base_url": "https://localhost:9", "secret_id": f"bench/connection/{name}",
            "webhook_url": f"https://api.example/v1/webhooks/{name}",
        }
        items.append({"pk": f"connection#{name}", "sk": "config", "body": json.dumps(body)})
    return items
