"""The handlers in one process, without AWS: calls, units, instructions, CPU time."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from typing import Any

from local.problem import Problem

from . import binaries

CASES = {
    "time-alone": "time-approved, single",
    "time-batch": "time-approved, ten of one engagement",
    "ceiling-batch": "time-approved, ceiling, ten of one engagement",
    "milestone-alone": "milestone-completed, single",
}
_EVENTS_FOR_CPU = 40_000
_EVENTS_FOR_INSTRUCTIONS = 2_000


def counts() -> dict[str, Any]:
    """Calls and billed units of each kind of event."""
    return json.loads(_measure("count").stdout)


def fixtures() -> dict[str, Any]:
    """What the deployed binaries are fed with."""
    return json.loads(_measure("fixtures").stdout)


def cpu_microseconds(case: str) -> float | None:
    """Median CPU time of an event in our own code; none where the kernel does not tell."""
    told = json.loads(_measure("spin", case, str(_EVENTS_FOR_CPU)).stderr)
    sample = told["cpu_nanoseconds_a_sample"]
    return None if sample is None else sample / told["events_a_sample"] / 1_000


def instructions(case: str) -> int | None:
    """Instructions that one more event takes; none without valgrind."""
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        return None
    events = _EVENTS_FOR_INSTRUCTIONS
    more = _collected(valgrind, case, 2 * events) - _collected(valgrind, case, events)
    return round(more / events)


def _collected(valgrind: str, case: str, events: int) -> int:
    told = _measure(
        "spin", case, str(events), under=[valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null"],
    ).stderr
    found = re.search(r"Collected : (\d+)", told)
    if found is None:
        raise Problem("valgrind told no number of instructions.", told)
    return int(found[1])


def _measure(*arguments: str, under: list[str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [*(under or []), str(binaries.MEASURE), *arguments]
    # A spinning handler logs as in Lambda; nobody reads it.
    log = subprocess.DEVNULL if arguments[0] == "spin" else subprocess.PIPE
    done = subprocess.run(command, stdout=log, stderr=subprocess.PIPE, text=True, check=False)
    if done.returncode != 0:
        raise Problem(f"`{' '.join(command)}` failed.", done.stderr)
    return done
