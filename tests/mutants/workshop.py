"""Where sources are broken: a copy of the tree with build output of its own, so that nobody's work is touched.

Cargo goes by the time at which a file was written. A file of the copy is therefore written only when its
content differs, and always gets the present time: what was broken and mended again is compiled again.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLACE = ROOT / "target" / "mutants"
TREE = PLACE / "tree"
BUILD = PLACE / "build"

TEST_SECONDS = 180
"""A test run that takes longer does not end: the slowest takes a tenth of it."""
BUILD_SECONDS = 1_800
SIMULATION_SECONDS = 240
LONGEST_RULE = 200
"""Characters of a broken rule that are told; it may quote whole items."""
SIMULATION = ("cargo", "build", "--quiet", "--locked", "-p", "simulation", "--example", "simulate")

_FAILED = re.compile(r"^test (\S+) (?:- should panic )?\.\.\. .*FAILED$", re.MULTILINE)
_SEED = re.compile(r"^seed (\d+) breaks what must hold.*\n\s+(.+)$", re.MULTILINE)
_PANIC = re.compile(r"panicked at (.+?):\n(.+)")


@dataclass(frozen=True)
class Finished:
    """A command that ended, or was ended because it took too long."""

    status: int | None
    output: str


class DoesNotCompile(Exception):
    """Broken sources that do not compile prove nothing."""


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """Keeps a second run out: two that break the same copy would judge each other's breakages."""
    PLACE.mkdir(parents=True, exist_ok=True)
    with (PLACE / "lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit("Another run is at the same copy of the sources; it must end first.")
        yield


def copy_tree() -> None:
    """Brings the copy up to date: what git tracks and what is new, without what is ignored."""
    listed = subprocess.run(
        ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"),
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    wanted = {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
    for name in wanted:
        content, there = (ROOT / name).read_bytes(), TREE / name
        if not there.is_file() or there.read_bytes() != content:
            there.parent.mkdir(parents=True, exist_ok=True)
            there.write_bytes(content)
    for there in [path for path in TREE.rglob("*") if path.is_file()]:
        if str(there.relative_to(TREE)) not in wanted:
            there.unlink()


def run(command: Iterable[str], seconds: int, cwd: Path = TREE) -> Finished:
    """Runs a command in a process group of its own, so that all of it ends when its time is over."""
    environment = {**os.environ, "CARGO_TARGET_DIR": str(BUILD), "CARGO_TERM_COLOR": "never"}
    with subprocess.Popen(
        tuple(command),
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            output, _ = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            output, _ = process.communicate()
            return Finished(None, output)
        except BaseException:
            os.killpg(process.pid, signal.SIGKILL)
            raise
        return Finished(process.returncode, output)


def build(command: Iterable[str]) -> None:
    """Compiles; says the first error where it can't."""
    finished = run(command, BUILD_SECONDS)
    if finished.status != 0:
        lines = finished.output.splitlines()
        first = next((i for i, line in enumerate(lines) if line.startswith("error")), 0)
        raise DoesNotCompile("\n".join(lines[first : first + 6]))


def tested(arguments: str, jobs: int) -> str | None:
    """Runs tests; gives the name of one that failed, or none."""
    before, _, after = arguments.partition(" -- ")
    command = ("cargo", "test", "--locked", "--jobs", str(jobs), *before.split())
    build((*command, "--no-run"))
    finished = run((*command, "--", *after.split()), TEST_SECONDS)
    if finished.status == 0:
        if not re.search(r"^test \S+ .*ok$", finished.output, re.MULTILINE):
            raise DoesNotCompile(f"`cargo test {arguments}` runs no test")
        return None
    crate = re.search(r"-p (\S+)", arguments)
    if failed := _FAILED.findall(finished.output):
        return f"{crate[1] if crate else ''}: {failed[0]}"
    return f"{crate[1] if crate else ''}: the tests do not end" if finished.status is None else "the tests died"


def simulated(seeds: int, first: int, jobs: int) -> str | None:
    """Plays histories; gives the seed and the rule that it breaks, or none."""
    build((*SIMULATION, "--jobs", str(jobs)))
    command = (str(BUILD / "debug" / "examples" / "simulate"), "--seeds", str(seeds), "--from", str(first))
    finished = run(command, SIMULATION_SECONDS)
    if broken := _SEED.search(finished.output):
        return f"seed {broken[1]}: {broken[2][:LONGEST_RULE]}"
    if panic := _PANIC.search(finished.output):
        return f"a history panicked: {panic[2]}"
    return None if finished.status in {0, None} else f"status {finished.status} of the simulation"


class Clock:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._begun = time.monotonic()

    def seconds(self) -> float:
        """How long ago that was."""
        return time.monotonic() - self._begun
