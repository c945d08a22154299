"""Runs every check of the project, stage by stage, and stops at the first that fails.

The quick ones come first, so that a misspelt line is not reported after minutes of compiling.
Needs nothing but Python 3 and Rust; the first stage installs the rest into .venv.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CLOUD = ROOT / ".venv" / "cloud" / "bin"
TEMPLATE = "infra/template.yaml"
LOCAL = (sys.executable, "-m", "local")
PYTEST = (str(CLOUD / "python"), "-m", "pytest", "--quiet", "-p", "no:cacheprovider")


@dataclass(frozen=True)
class Stage:
    """One command, what it is about, and what to do when it fails."""

    name: str
    command: tuple[str, ...]
    remedy: str
    quick: bool = True


STAGES = (
    Stage(
        "tools of the project are installed",
        (*LOCAL, "setup"),
        "The message above says what could not be installed.",
    ),
    Stage("format", ("cargo", "fmt", "--all", "--check"), "Run `make fmt`."),
    Stage(
        "template: SAM's own rules",
        (str(CLOUD / "sam"), "validate", "--lint", "--template", TEMPLATE, "--region", "us-east-1"),
        f"Correct {TEMPLATE}.",
    ),
    Stage(
        "template: CloudFormation's rules",
        (str(CLOUD / "cfn-lint"), TEMPLATE),
        f"Correct {TEMPLATE}.",
    ),
    Stage(
        "template, configuration and licences: our own rules",
        (*PYTEST, "tests/checks"),
        "Each failed check names the resource, path or crate.",
    ),
    Stage(
        "clippy",
        ("cargo", "clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"),
        "Correct what clippy reports; a lint is switched off only where the code says why.",
    ),
    Stage(
        "unit, property and schema tests, journal against the emulator",
        (*LOCAL, "with-emulator", "--", "cargo", "test", "--workspace", "--locked"),
        "Run the failed test alone: python3 -m local with-emulator -- cargo test NAME",
        quick=False,
    ),
    Stage(
        "functions are built and packaged as for make run",
        (*LOCAL, "build"),
        "The message above says what does not compile.",
        quick=False,
    ),
    Stage(
        "stand-ins and signatures of connected products",
        (*PYTEST, "tests", "--ignore=tests/checks", "--ignore=tests/journeys"),
        "Run the failed test alone: .venv/cloud/bin/python -m pytest FILE::NAME",
        quick=False,
    ),
    Stage(
        "journeys through the deployed stack",
        (*PYTEST, "tests/journeys"),
        "Run the failed journey alone: .venv/cloud/bin/python -m pytest FILE::NAME",
        quick=False,
    ),
)


def main() -> int:
    """Runs the stages in order; returns the exit status of the first that fails."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("--quick", action="store_true", help="leave out what needs an emulator")
    quick = parser.parse_args().quick
    stages = [stage for stage in STAGES if stage.quick or not quick]
    begun = time.monotonic()
    for number, stage in enumerate(stages, start=1):
        print(f"\n== {number}/{len(stages)} {stage.name}", flush=True)
        status = run(stage)
        if status:
            command = " ".join(stage.command)
            print(f"\nFAILED: {stage.name}\n  command: {command}\n  {stage.remedy}", file=sys.stderr)
            return status
    print(f"\nAll {len(stages)} stages passed in {time.monotonic() - begun:.0f} s.")
    return 0


def run(stage: Stage) -> int:
    """Runs one stage in the project's folder with its output shown as it comes."""
    begun = time.monotonic()
    try:
        status = subprocess.run(stage.command, cwd=ROOT, check=False).returncode
    except FileNotFoundError as error:
        print(f"{error.filename} is not installed.", file=sys.stderr)
        return 127
    except KeyboardInterrupt:
        return 130
    print(f"   {'passed' if status == 0 else 'failed'} after {time.monotonic() - begun:.1f} s", flush=True)
    return status


if __name__ == "__main__":
    sys.exit(main())
