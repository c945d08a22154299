"""What a person sees while a long step runs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

QUIET_INTERVAL = 10.0
"""Seconds between two signs of life where the output is not a terminal."""


def say(text: str = "") -> None:
    """Print one line at once, also through a pipe."""
    print(text, flush=True)


class Step:
    """A long step: one line that changes on a terminal, a line now and then elsewhere.

    Signs of life come from a thread of their own, because the tools behind the
    longest steps print nothing for many seconds.
    """

    def __init__(self, title: str):
        self.title = title
        self.detail = ""
        self._began = time.monotonic()
        self._over = threading.Event()
        self._terminal = sys.stdout.isatty()
        self._ticker = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Step:
        if not self._terminal:
            say(f"  {self.title} …")
        self._ticker.start()
        return self

    def __exit__(self, kind: object, *_: object) -> None:
        self._over.set()
        self._ticker.join()
        mark = "✗" if kind else "✓"
        clear = "\r\x1b[K" if self._terminal else ""
        say(f"{clear}{mark} {self.title} ({self.seconds:.0f} s)")

    @property
    def seconds(self) -> float:
        """Time since the step began."""
        return time.monotonic() - self._began

    def show(self, detail: str) -> None:
        """Say what the step is doing now."""
        self.detail = detail

    def _tick(self) -> None:
        while not self._over.wait(0.5 if self._terminal else QUIET_INTERVAL):
            if self._terminal:
                width = os.get_terminal_size(sys.stdout.fileno()).columns
                line = f"  {self.title} … {self.seconds:.0f} s  {self.detail}"
                print("\r\x1b[K" + line[: max(10, width - 1)], end="", flush=True)
            else:
                say(f"    … {self.seconds:.0f} s  {self.detail}".rstrip())


def run_logged(
    command: Sequence[str | Path],
    log: Path,
    *,
    step: Step | None = None,
    describe: Callable[[str], str | None] = lambda line: line,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
) -> int:
    """Run a command with its output in `log`; `describe` turns a line into what the step shows.

    Returns the exit status. The command dies with us: an interrupted set-up
    leaves no compiler or installer behind.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", encoding="utf-8") as out:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            env=dict(env) if env is not None else None,
            cwd=cwd,
        )
        try:
            assert process.stdout is not None
            for line in process.stdout:
                out.write(line)
                out.flush()
                detail = describe(line.strip())
                if step and detail:
                    step.show(detail)
            return process.wait()
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait()
