"""Faults that a test asks for: the product is slow, refuses, or does the work and never says so.

A fault matches a method and a path prefix and works off its ``count``; ``skip`` lets that many matching
calls through first, so that the third call of a workflow can be the one that fails.
"""

from __future__ import annotations

import threading
from dataclasses import asdict, dataclass
from typing import Any, ClassVar


class BadFault(ValueError):
    """The control API was given a fault that makes no sense; the text is shown to the caller."""


@dataclass
class Fault:
    """One requested fault.

    ``status`` answers without effect. ``timeout-before`` closes the connection without effect or answer.
    ``commit-then-timeout`` has the effect and closes the connection: to the caller both look the same,
    which is why an unknown outcome must be asked about, never guessed. ``slow`` answers late.
    ``wrong-amount`` answers with other amounts than were stored.
    """

    MODES: ClassVar[tuple[str, ...]] = ("status", "timeout-before", "commit-then-timeout", "slow", "wrong-amount")

    mode: str
    method: str = "*"
    path: str = "/"
    status: int = 503
    retry_after: int | None = None
    seconds: float = 0.0
    count: int = 1
    skip: int = 0
    hits: int = 0

    def matches(self, method: str, path: str) -> bool:
        """Whether this call is one the fault was asked for, spent or not."""
        return self.method in ("*", method) and path.startswith(self.path)


def parse(body: dict[str, Any]) -> Fault:
    """A fault from the control API's JSON, refusing what it does not know rather than ignoring it."""
    known = {"mode", "method", "path", "status", "retry_after", "seconds", "count", "skip"}
    if unknown := sorted(set(body) - known):
        raise BadFault(f"unknown fields {unknown}; known are {sorted(known)}")
    if body.get("mode") not in Fault.MODES:
        raise BadFault(f"mode must be one of {list(Fault.MODES)}")
    fault = Fault(**body)
    fault.method = fault.method.upper()
    if not 400 <= fault.status <= 599:
        raise BadFault("status must be an error status")
    if fault.count < 1 or fault.skip < 0 or fault.seconds < 0:
        raise BadFault("count must be at least 1, skip and seconds not negative")
    return fault


class Faults:
    """The faults still to come, taken one at a time under a lock because calls arrive concurrently."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._faults: list[Fault] = []

    def add(self, fault: Fault) -> None:
        """Queue a fault behind those already asked for."""
        with self._lock:
            self._faults.append(fault)

    def take(self, method: str, path: str) -> Fault | None:
        """The fault for this call, using up one of its count; the oldest matching one wins."""
        with self._lock:
            for fault in self._faults:
                if not fault.matches(method, path) or fault.count == 0:
                    continue
                if fault.skip:
                    fault.skip -= 1
                    return None
                fault.count -= 1
                fault.hits += 1
                return fault
        return None

    def clear(self) -> None:
        """Forget all faults."""
        with self._lock:
            self._faults.clear()

    def listed(self) -> list[dict[str, Any]]:
        """All faults with what is left of them, for ``GET /_sandbox/faults``."""
        with self._lock:
            return [asdict(fault) for fault in self._faults]
