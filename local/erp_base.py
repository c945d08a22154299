"""The Tryton database every instance starts from: built once, then copied.

A fresh company takes half a minute to set up, a copied file no time at all.
The base is rebuilt when the set-up script, our module or a pinned version
changes, and with each new year, because fiscal years follow today's date.
"""

from __future__ import annotations

import contextlib
import datetime
import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import tempfile
from pathlib import Path

from . import environments, paths
from .console import Step, run_logged
from .problem import Problem

DATABASE = "erp"
MODULES = (
    "q2c", "account_invoice", "account_credit_limit", "account_payment_clearing",
    "account_statement", "project", "project_invoice", "project_revenue", "timesheet",
)
_SET_UP = paths.TRYTON / "set_up_company.py"


def up_to_date() -> bool:
    """Whether the cached base is the one today's sources would build."""
    stamp = paths.ERP_CACHE / "fingerprint"
    return stamp.exists() and stamp.read_text(encoding="utf-8") == _fingerprint()


def ensure() -> None:
    """Build the base unless the cached one is up to date."""
    if up_to_date():
        return
    paths.CACHE.mkdir(parents=True, exist_ok=True)
    scratch = Path(tempfile.mkdtemp(prefix="erp-", dir=paths.CACHE))
    try:
        with Step("Setting up the books of the ERP (once; about half a minute)") as step:
            _build(scratch, step)
        (scratch / "fingerprint").write_text(_fingerprint(), encoding="utf-8")
        shutil.rmtree(paths.ERP_CACHE, ignore_errors=True)
        scratch.rename(paths.ERP_CACHE)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def install(directory: Path) -> None:
    """Copy the base into an instance's directory, as that instance's own books.

    The directory starts empty: a write-ahead log left there would be replayed
    into the copy.
    """
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    for name in (f"{DATABASE}.sqlite", "ids.json", "admin-password"):
        shutil.copy(paths.ERP_CACHE / name, directory / name)


def identifiers(directory: Path) -> dict:
    """What the set-up created: record ids by meaning, and the REST keys."""
    return json.loads((directory / "ids.json").read_text(encoding="utf-8"))


def write_configuration(directory: Path, *, listen: str = "127.0.0.1:0") -> Path:
    """Write trytond's configuration for the database in `directory`."""
    path = directory / "trytond.conf"
    path.write_text(
        "[database]\n"
        "uri = sqlite://\n"
        f"path = {directory}\n"
        "[web]\n"
        f"listen = {listen}\n"
        "[session]\n"
        # Posting an invoice over JSON-RPC asks for a fresh session; a day keeps a demonstration going.
        "timeout = 86400\n"
        "[q2c]\n"
        f"webhook = {directory / 'webhook.json'}\n",
        encoding="utf-8",
    )
    return path


def _build(directory: Path, step: Step) -> None:
    configuration = write_configuration(directory)
    # trytond creates the tables but not the file.
    (directory / f"{DATABASE}.sqlite").touch()
    password = directory / "admin-password"
    password.touch(mode=0o600)
    password.write_text(secrets.token_urlsafe(24), encoding="utf-8")
    admin = [paths.environment_command("erp", "trytond-admin"), "-c", configuration, "-d", DATABASE]
    phases = (
        ("creating the database", [*admin, "--all", "-p", "--email", "admin@example.invalid"]),
        ("activating modules", [*admin, "-u", *MODULES, "--activate-dependencies"]),
        ("creating the company", [paths.environment_python("erp"), _SET_UP, configuration, DATABASE]),
    )
    for number, (phase, command) in enumerate(phases, 1):
        step.show(phase)
        log = paths.SETUP_LOGS / f"erp-{number}.log"
        env = {**os.environ, "TRYTONPASSFILE": str(password), "PYTHONUNBUFFERED": "1"}
        if run_logged(command, log, step=step, describe=lambda _, phase=phase: phase, env=env) != 0:
            raise Problem(
                f"Setting up Tryton failed while {phase}.",
                "Run the command again; if it fails at the same point, remove .venv/erp and run it once more.",
                log=log,
            )
    configuration.unlink()
    # One file to copy: nothing may be left in the write-ahead log.
    with contextlib.closing(sqlite3.connect(directory / f"{DATABASE}.sqlite")) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _fingerprint() -> str:
    digest = hashlib.sha256(str(datetime.date.today().year).encode())
    digest.update((paths.REQUIREMENTS / "erp.txt").read_bytes())
    digest.update(_SET_UP.read_bytes())
    digest.update(environments.tree_hash(paths.TRYTON_MODULE).encode())
    return digest.hexdigest()
