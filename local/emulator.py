"""`with-emulator -- COMMAND`: run a command against an AWS emulator that lives as long as it does."""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
from pathlib import Path

from .instance import Instance
from .problem import Problem


def run_with_emulator(command: list[str]) -> int:
    """Run `command` with an emulator of its own; returns the command's exit status."""
    with tempfile.TemporaryDirectory(prefix="q2c-emulator-") as scratch:
        with Instance.start(Path(scratch), products=False) as instance:
            env = {**os.environ, **instance.environment(), "Q2C_TEST_ENDPOINT": instance.endpoint}
            env.pop("AWS_PROFILE", None)
            env.pop("AWS_SESSION_TOKEN", None)
            return _run(command, env)


def _run(command: list[str], env: dict[str, str]) -> int:
    try:
        child = subprocess.Popen(command, env=env)
    except OSError as error:
        raise Problem(f"Cannot run {command[0]}: {error.strerror}.") from error
    # The terminal sends Ctrl-C to the command as well; its answer decides how we end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())
    try:
        status = child.wait()
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
    return 128 - status if status < 0 else status
