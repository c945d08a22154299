"""Set-up: the virtual environments and the ERP's base database."""

from __future__ import annotations

import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from . import environments, erp_base, paths
from .console import say


def set_up(*names: str) -> None:
    """Bring environments (all of them by default) and, with `erp`, the base database up to date."""
    environments.require_python()
    names = names or environments.NAMES
    if _complete(names):
        return
    with _alone():
        for name in names:
            environments.ensure(name)
        if "erp" in names:
            erp_base.ensure()


def re_exec_in(name: str) -> None:
    """Go on in an environment's interpreter; the process keeps its identity and its arguments."""
    python = paths.environment_python(name)
    if sys.prefix != str(paths.VENV / name):
        os.chdir(paths.ROOT)
        os.execv(python, [str(python), "-m", "local", *sys.argv[1:]])


def _complete(names: tuple[str, ...]) -> bool:
    return all(environments.up_to_date(name) for name in names) and ("erp" not in names or erp_base.up_to_date())


@contextmanager
def _alone() -> Iterator[None]:
    """Two commands may be started at once; only one of them installs."""
    paths.STATE.mkdir(parents=True, exist_ok=True)
    with (paths.STATE / "setup.lock").open("w", encoding="utf-8") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another command is setting up this working copy; waiting for it.")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
