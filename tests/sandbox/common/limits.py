"""A rolling-window rate limit, the form both vendors describe."""

from __future__ import annotations

import threading
import time
from collections import deque


class RateLimit:
    """At most ``limit`` calls in any ``window`` seconds; ``limit`` 0 switches it off."""

    def __init__(self, limit: int, window: float) -> None:
        self._lock = threading.Lock()
        self.set(limit, window)

    def set(self, limit: int, window: float) -> None:
        """Change the limit and forget the calls counted so far."""
        with self._lock:
            self.limit, self.window = limit, window
            self._calls: deque[float] = deque()

    def admit(self) -> float | None:
        """Count a call and return ``None``, or refuse it and return the seconds to wait."""
        moment = time.monotonic()
        with self._lock:
            if not self.limit:
                return None
            while self._calls and moment - self._calls[0] >= self.window:
                self._calls.popleft()
            if len(self._calls) >= self.limit:
                return self.window - (moment - self._calls[0])
            self._calls.append(moment)
            return None

    @property
    def remaining(self) -> int:
        """How many calls the window still takes."""
        with self._lock:
            return max(0, self.limit - len(self._calls))
