"""The virtual environments: three, because the pins of SAM CLI, MiniStack and Tryton exclude each other.

Each is made from one fully pinned file and carries the hash it was made from,
so a second run takes no time and a changed pin rebuilds exactly one of them.
"""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
import tempfile
from pathlib import Path

from . import paths
from .console import Step, run_logged
from .problem import Problem

NAMES = ("cloud", "emulator", "erp")
OLDEST_PYTHON = (3, 11)


def require_python() -> None:
    """Refuse an interpreter that cannot run us, before anything is written."""
    if sys.version_info[:2] < OLDEST_PYTHON:
        raise Problem(
            f"Python {OLDEST_PYTHON[0]}.{OLDEST_PYTHON[1]} or newer is needed; "
            f"{sys.executable} is {sys.version.split()[0]}.",
            "Install a newer Python and put it first on the PATH as `python3`, or start with it once: "
            "python3.12 -m local setup.",
        )


def up_to_date(name: str) -> bool:
    """Whether an environment is the one its pinned file describes."""
    stamp = _stamp(name)
    return stamp.exists() and stamp.read_text(encoding="utf-8") == _fingerprint(name)


def ensure(name: str) -> None:
    """Create or rebuild an environment; does nothing when it is up to date."""
    if up_to_date(name):
        return
    title = f"Installing packages into {paths.shown(paths.VENV / name)}"
    with Step(title) as step:
        _create(name, step)
        _install_requirements(name, step)
        if name == "erp":
            _install_tryton_module(step)
        _stamp(name).write_text(_fingerprint(name), encoding="utf-8")


def _stamp(name: str) -> Path:
    return paths.VENV / name / "requirements.sha256"


def _requirements(name: str) -> Path:
    return paths.REQUIREMENTS / f"{name}.txt"


def _fingerprint(name: str) -> str:
    digest = hashlib.sha256(f"{sys.version_info[:2]}".encode())
    digest.update(_requirements(name).read_bytes())
    if name == "erp":
        digest.update(tree_hash(paths.TRYTON_MODULE).encode())
    return digest.hexdigest()


def tree_hash(folder: Path) -> str:
    """One hash over the names and contents of the sources in a folder."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(folder)}\0".encode())
            digest.update(path.read_bytes())
    return digest.hexdigest()


def _create(name: str, step: Step) -> None:
    target = paths.VENV / name
    log = paths.SETUP_LOGS / f"venv-{name}.log"
    shutil.rmtree(target, ignore_errors=True)
    step.show("creating the environment")
    # Not sys.executable: that may be the interpreter of the environment just removed.
    python = getattr(sys, "_base_executable", None) or sys.executable
    if run_logged([python, "-m", "venv", target], log) != 0:
        raise Problem(
            f"`{python} -m venv` failed.",
            "On Debian and Ubuntu install the package python3-venv, then run the command again.",
            log=log,
        )


def _install_requirements(name: str, step: Step) -> None:
    _pip(name, step, "-r", _requirements(name))


def _install_tryton_module(step: Step) -> None:
    """Install our Tryton module from a copy, so that its build leaves nothing in the working copy."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / paths.TRYTON_MODULE.name
        shutil.copytree(paths.TRYTON_MODULE, copy)
        _pip("erp", step, "--no-build-isolation", "--no-deps", copy)


def _pip(name: str, step: Step, *arguments: str | Path) -> None:
    log = paths.SETUP_LOGS / f"pip-{name}.log"
    collecting: list[str] = []

    def describe(line: str) -> str | None:
        found = re.match(r"(?:Collecting|Processing) ([^\s;(]+)", line)
        if found:
            collecting.append(found[1])
            return found[1]
        return "installing" if line.startswith("Installing collected packages") else None

    command = [
        paths.environment_python(name), "-m", "pip", "install",
        "--disable-pip-version-check", "--no-input", "--progress-bar", "off", *arguments,
    ]
    if run_logged(command, log, step=step, describe=describe) == 0:
        return
    raise Problem(
        f"pip could not install {_culprit(log, collecting)} into {paths.shown(paths.VENV / name)}.",
        f"Check the network and pip's settings (`{paths.shown(paths.environment_python(name))} -m pip config list`; "
        "PIP_INDEX_URL, PIP_PROXY and PIP_CERT are honoured), then run the command again: "
        "environments that are complete are kept.",
        log=log,
    )


def _culprit(log: Path, collecting: list[str]) -> str:
    """The package pip failed at, as far as its output tells."""
    patterns = (
        r"No matching distribution found for (\S+)",
        r"Could not find a version that satisfies the requirement (\S+)",
        r"Failed building wheel for (\S+)",
        r"Failed to build (?:installable wheels for some pyproject.toml based projects \()?([\w.-]+)",
    )
    text = log.read_text(encoding="utf-8", errors="replace")
    for pattern in patterns:
        found = re.search(pattern, text)
        if found:
            return found[1]
    return collecting[-1] if collecting else "the packages"
