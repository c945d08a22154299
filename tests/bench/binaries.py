"""The release binaries: what is deployed, and the program that runs the handlers in one process."""

from __future__ import annotations

import subprocess
import zipfile
from pathlib import Path
from tempfile import TemporaryDirectory

from local import build, paths
from local.problem import Problem

RELEASE = paths.cargo_target() / "release"
MEASURE = RELEASE / "examples" / "measure"


def compile_release() -> None:
    """Compile everything that is measured, in the profile that is deployed."""
    cargo = build.find_cargo()
    # Two commands: the functions must not get features that only tests and benchmarks ask for.
    for what in (["--workspace", "--bins"], ["--package", "bench", "--example", "measure"]):
        command = [cargo, "build", "--release", "--locked", *what]
        if subprocess.run(command, cwd=paths.ROOT, check=False).returncode != 0:
            raise Problem("What is measured does not compile.", f"The command was: {' '.join(command)}")


def function(name: str) -> Path:
    """The binary of a function."""
    return RELEASE / name


def zipped_bytes(name: str) -> int:
    """Size of a function's package, compressed as `sam package` compresses it."""
    with TemporaryDirectory() as scratch:
        archive = Path(scratch) / "package.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
            out.write(function(name), "bootstrap")
        return archive.stat().st_size
