"""`with-emulator` runs a command beside an emulator and takes the command's exit status for its own."""

from __future__ import annotations

import subprocess
import sys

from local import paths, ports

COMMAND = [sys.executable, "-m", "local", "with-emulator", "--"]


def run(script: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, "sh", "-c", script], cwd=paths.ROOT, capture_output=True, text=True, check=False)


def test_the_command_finds_the_emulator_and_its_status_is_ours() -> None:
    done = run('curl -sf "$Q2C_TEST_ENDPOINT/_ministack/health" >/dev/null && echo "$AWS_ENDPOINT_URL"; exit 7')
    assert done.returncode == 7
    endpoint = done.stdout.strip()
    assert endpoint.startswith("http://127.0.0.1:")
    assert ports.is_free(int(endpoint.rpartition(":")[2]))


def test_a_command_that_is_killed_is_a_failure() -> None:
    assert run("kill -9 $$").returncode == 128 + 9


def test_a_command_that_does_not_exist_is_said() -> None:
    done = subprocess.run([*COMMAND, "no-such-command"], cwd=paths.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "Cannot run no-such-command" in done.stderr
