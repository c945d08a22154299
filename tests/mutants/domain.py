"""cargo-mutants over the crate that decides about money: what survives must be explained in survivors.md."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

from .workshop import PLACE, ROOT

TOOLS = ROOT / "target" / "tools"
VERSION = "27.1.0"
OUTPUT = PLACE / "domain"
SURVIVORS = Path(__file__).with_name("survivors.md")
SAMPLES = "shared/domain/src/sample.rs"
"""Ready-made quotes and entries for tests: no code of the product."""

FEWEST = 100
"""Fewer mutations than that mean that the crate was not found, or most of it left out."""

# cargo-mutants' own exit statuses: all noticed, some missed, some that did not end.
RAN = {0, 2, 3}

Survivor = tuple[str, str]
"""The file, and what was changed in it; no line, which moves with every edit."""


def main(arguments: list[str]) -> int:
    """Returns 0 when only explained mutations survive, 1 when others do, 2 when nothing can be said."""
    tool = TOOLS / "bin" / "cargo-mutants"
    if not tool.is_file():
        install = ("cargo", "install", "cargo-mutants", "--locked", "--version", VERSION, "--root", str(TOOLS))
        if subprocess.run(install, cwd=ROOT, check=False).returncode:
            print("cargo-mutants could not be installed; the message above says why.", file=sys.stderr)
            return 2
    command = (str(tool), "mutants", "--package", "domain", "--output", str(OUTPUT), "--jobs", "1")
    environment = {**os.environ, "CARGO_TARGET_DIR": str(PLACE / "domain-build")}
    status = subprocess.run(
        (*command, "--exclude", SAMPLES, *arguments), cwd=ROOT, env=environment, check=False
    ).returncode
    if status not in RAN:
        print(f"cargo-mutants ended with status {status}.", file=sys.stderr)
        return 2
    outcomes = OUTPUT / "mutants.out" / "outcomes.json"
    tried = json.loads(outcomes.read_text(encoding="utf-8"))["total_mutants"] if outcomes.is_file() else 0
    if tried < FEWEST:
        print(f"{tried} mutations are too few to say anything: the crate has more than {FEWEST}.", file=sys.stderr)
        return 2
    missed = survivors((OUTPUT / "mutants.out" / "missed.txt").read_text(encoding="utf-8"))
    return conclude(missed, explained(SURVIVORS.read_text(encoding="utf-8")))


def survivors(text: str) -> Counter[Survivor]:
    """What cargo-mutants lists: `file:line:column: what was changed`."""
    return Counter((m[1], m[2]) for m in re.finditer(r"^([^:\n]+):\d+:\d+: (.+)$", text, re.MULTILINE))


def explained(text: str) -> Counter[Survivor]:
    """The rows of survivors.md: file, what was changed, why it can't matter."""
    rows = re.finditer(r"^\| `([^`|]+)` \| `(.+?)` \| (\S.*) \|$", text, re.MULTILINE)
    return Counter((row[1], row[2].replace("\\|", "|")) for row in rows)


def conclude(missed: Counter[Survivor], known: Counter[Survivor]) -> int:
    """Says what survives without an explanation, and what is explained and does not survive."""
    for file, change in (missed - known).elements():
        print(f"SURVIVES: {file}: {change}", file=sys.stderr)
    for file, change in (known - missed).elements():
        print(f"{SURVIVORS.name} explains what does not survive any more: {file}: {change}", file=sys.stderr)
    if missed == known:
        print(f"{sum(missed.values())} mutations survive, and {SURVIVORS.name} says why each can't matter.")
    return 0 if missed == known else 1
