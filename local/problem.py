"""Errors a person can act on."""

from __future__ import annotations

from pathlib import Path

from .paths import shown


class Problem(Exception):
    """Something is wrong and the reader can do something about it.

    `what` says what happened, `remedy` how to go on; the command line prints
    both and nothing else, so a stack trace always means a defect of ours.
    """

    def __init__(self, what: str, remedy: str = "", *, log: Path | None = None):
        super().__init__(what)
        self.what = what
        self.remedy = remedy
        # Quoted now: the log may be in a directory that is removed before this is shown.
        tail = log_tail(log) if log else ""
        self._quote = f"Last lines of {shown(log)}:\n{tail}" if log and tail else ""

    def __str__(self) -> str:
        return "\n".join(part for part in (self.what, self._quote, self.remedy) if part)


def log_tail(path: Path, lines: int = 20) -> str:
    """The last lines of a log, indented for quoting; empty if there are none."""
    try:
        with path.open("rb") as log:
            log.seek(0, 2)
            log.seek(max(0, log.tell() - 16_384))
            text = log.read().decode(errors="replace")
    except OSError:
        return ""
    return "\n".join("    " + line for line in text.splitlines()[-lines:])
