"""Ports: which are free, and who holds one that is not."""

from __future__ import annotations

import random
import shutil
import socket
import subprocess
from pathlib import Path

from .processes import command_of

_TEST_PORTS = range(18_000, 32_000)
"""Below the range the kernel hands to outgoing connections, so nobody takes one by chance."""


def is_free(port: int) -> bool:
    """Whether a service could listen on a port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def choose(count: int) -> list[int]:
    """Pick that many different free ports."""
    chosen: list[int] = []
    for port in random.SystemRandom().sample(_TEST_PORTS, len(_TEST_PORTS)):
        if len(chosen) == count:
            break
        if is_free(port):
            chosen.append(port)
    return chosen


def holder(port: int) -> str:
    """Who listens on a port, in words; empty when the system does not tell us."""
    pid = _listener(port)
    if pid is None:
        return ""
    command = command_of(pid)
    return f"process {pid} ({command[:100]})" if command else f"process {pid}"


def _listener(port: int) -> int | None:
    if not Path("/proc/net/tcp").exists():
        return _listener_by_lsof(port)
    sockets = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        for row in Path(table).read_text(encoding="utf-8").splitlines()[1:] if Path(table).exists() else []:
            fields = row.split()
            if fields[3] == "0A" and int(fields[1].rpartition(":")[2], 16) == port:
                sockets.add(f"socket:[{fields[9]}]")
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and _holds(entry, sockets):
            return int(entry.name)
    return None


def _holds(process: Path, sockets: set[str]) -> bool:
    try:
        return any(str(fd.readlink()) in sockets for fd in (process / "fd").iterdir())
    except OSError:
        return False


def _listener_by_lsof(port: int) -> int | None:
    if shutil.which("lsof") is None:
        return None
    output = subprocess.run(
        ["lsof", "-nP", "-t", f"-iTCP:{port}", "-sTCP:LISTEN"], capture_output=True, text=True, check=False,
    ).stdout.split()
    return int(output[0]) if output else None
