"""The processes that the emulator runs functions in: found by the name of the function, and killed."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from local import processes


def of_function(tag: str, function: str) -> list[int]:
    """The processes of a deployed function, by its full name."""
    return [pid for pid in processes.with_tag(tag) if variable(pid, "AWS_LAMBDA_FUNCTION_NAME") == function]


def kill(pids: list[int]) -> None:
    """Kill without warning, as a machine that goes away does."""
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            continue


def variable(pid: int, name: str) -> str | None:
    """A variable of a process's environment; none where there is no such variable, or no such process any more."""
    try:
        pairs = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
    except OSError:
        return None
    found = (pair.partition(b"=") for pair in pairs)
    return next((value.decode() for key, _, value in found if key == name.encode()), None)
