"""Processes we start, told apart from all others.

A process is known by its pid together with the moment it started, so a pid
that was given to somebody else is never signalled. Each service leads a session
of its own, and everything in it inherits a tag in its environment: that finds
the functions MiniStack forked even when MiniStack itself is gone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TAG = "Q2C_LOCAL_INSTANCE"
"""The environment variable that marks every process of an instance."""

_PROC = Path("/proc")
_HAS_PROC = (_PROC / "self" / "environ").exists()


@dataclass(frozen=True)
class Process:
    """A process, recognisable after the fact."""

    pid: int
    started: str

    def alive(self) -> bool:
        """Whether this very process still runs."""
        if self.started and started(self.pid) == self.started:
            return True
        _reap(self.pid)
        return False


def start(
    command: Sequence[str | Path], *, tag: str, env: Mapping[str, str], log: Path, cwd: Path,
) -> Process:
    """Start a service as leader of its own session, its output appended to `log`."""
    with log.open("ab") as out:
        child = subprocess.Popen(
            [str(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            env={**env, TAG: tag},
            cwd=cwd,
            start_new_session=True,
        )
    # Its life is followed through the pid and start time; silence Popen's complaint about that.
    child.returncode = 0
    return Process(child.pid, started(child.pid))


def stop(processes: Iterable[Process], tag: str, *, patience: float = 3.0) -> None:
    """End the given processes and everything that carries the tag: first asked, then forced."""
    leaders = list(processes)
    for number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + patience
        signalled: set[int] = set()
        while left := _owned(leaders, tag):
            for pid in left - signalled:
                _signal(pid, number)
            signalled |= left
            if time.monotonic() > deadline:
                break
            time.sleep(0.02)
        else:
            return


def started(pid: int) -> str:
    """When a process started, as an opaque string that no other process shares; empty if it is gone."""
    if not _HAS_PROC:
        listing = _ps("-o", "stat=,lstart=", "-p", str(pid)).split(maxsplit=1)
        return listing[1].strip() if len(listing) == 2 and not listing[0].startswith("Z") else ""
    try:
        # The command's name may hold spaces and brackets; the fields after it do not.
        fields = (_PROC / str(pid) / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()
        boot = (_PROC / "sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return ""
    return "" if fields[0] in "ZX" else f"{boot}/{fields[19]}"


def command_of(pid: int) -> str:
    """A process's command line, as far as we may see it."""
    if not _HAS_PROC:
        return _ps("-o", "command=", "-p", str(pid)).strip()
    try:
        return (_PROC / str(pid) / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
    except OSError:
        return ""


def _owned(leaders: list[Process], tag: str) -> set[int]:
    """The living processes of an instance, without ourselves."""
    found = {process.pid for process in leaders if process.alive()}
    found |= with_tag(tag) if _HAS_PROC else _in_groups(found)
    return found - {os.getpid()}


def with_tag(tag: str) -> set[int]:
    """The processes that carry a tag in their environment; known only where there is a /proc."""
    wanted = f"{TAG}={tag}".encode()
    found = set()
    for entry in _PROC.iterdir() if _HAS_PROC else ():
        if entry.name.isdigit():
            try:
                if wanted in (entry / "environ").read_bytes().split(b"\0"):
                    found.add(int(entry.name))
            except OSError:
                continue
    return found


def _in_groups(groups: set[int]) -> set[int]:
    rows = (row.split() for row in _ps("-A", "-o", "pid=,pgid=").splitlines())
    return {int(row[0]) for row in rows if len(row) == 2 and int(row[1]) in groups}


def _ps(*arguments: str) -> str:
    return subprocess.run(["ps", *arguments], capture_output=True, text=True, check=False).stdout


def _signal(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        pass


def _reap(pid: int) -> None:
    """Take our own dead child off the process table; not our child: nothing to do."""
    try:
        os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        pass
