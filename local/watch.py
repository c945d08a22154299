"""`watch`: the functions under `cargo lambda watch`, in the place of the deployed ones.

The emulator is told to hand each function's invocations to the watched binary,
so a webhook, a queue or the stream reaches the code being edited. On the way
out the deployed functions take over again.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import build, paths, ports, processes
from .console import say
from .instance import Instance
from .problem import Problem
from .stack import Stack

PROXY = "MINISTACK_LAMBDA_PROXY_URL"
PORT_VARIABLE, DEFAULT_PORT = "Q2C_WATCH_PORT", 7415
RUNNER = paths.LOCAL / "launch" / "run_function.py"


def watch(stack: Stack) -> int:
    """Watch until interrupted; returns the watcher's exit status."""
    port = int(os.environ.get(PORT_VARIABLE, DEFAULT_PORT))
    if not ports.is_free(port):
        by = ports.holder(port)
        raise Problem(f"Port {port}, wanted by cargo lambda watch, is taken" + (f" by {by}." if by else "."),
                      f"Free it, or choose another: {PORT_VARIABLE}={ports.choose(1)[0]} make watch")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with watching(stack, port) as watcher:
        say(f"Watching. The functions of {stack.name} now run from your sources; each is compiled at its first call.")
        say(f"Call one by hand: {invoke_command(port, 'poll')} --data-ascii '{{}}'")
        say("Ctrl-C gives the deployed functions their place back.")
        try:
            return watcher.wait()
        except KeyboardInterrupt:
            return 0


@contextmanager
def watching(stack: Stack, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Start the watcher and point the deployed functions at it; undo both at the end."""
    environments = stack.instance.directory / "watch.json"
    environments.write_text(json.dumps(function_environments(stack)), encoding="utf-8")
    command = [
        paths.environment_command("emulator", "cargo-lambda"), "lambda", "watch", "--wait",
        "--invoke-address", "127.0.0.1", "--invoke-port", str(port),
    ]
    watcher = subprocess.Popen(
        [str(part) for part in command], cwd=paths.ROOT, env=_environment(stack.instance, environments),
        start_new_session=True,
    )
    try:
        _await_port(watcher, port)
        point_at(stack, port)
        yield watcher
    finally:
        restore(stack)
        _end(watcher)


def invoke_command(port: int, function: str) -> str:
    """The command that calls a watched function."""
    cargo_lambda = paths.shown(paths.environment_command("emulator", "cargo-lambda"))
    return f"{cargo_lambda} lambda invoke {function} --invoke-address 127.0.0.1 --invoke-port {port}"


def function_environments(stack: Stack) -> dict[str, dict[str, str]]:
    """What each deployed function finds in its environment, by binary name."""
    return {name: _variables(stack, name) for name in build.functions()}


def point_at(stack: Stack, port: int) -> None:
    """Have the emulator call the watcher instead of the deployed binaries."""
    for name in build.functions():
        url = f"http://127.0.0.1:{port}/2015-03-31/functions/{name}/invocations"
        _set_variables(stack, name, {**_variables(stack, name), PROXY: url})


def restore(stack: Stack) -> None:
    """Have the emulator call the deployed binaries; does nothing where it does already."""
    for name in build.functions():
        variables = _variables(stack, name, keep_proxy=True)
        if variables.pop(PROXY, None):
            _set_variables(stack, name, variables)


def _variables(stack: Stack, name: str, *, keep_proxy: bool = False) -> dict[str, str]:
    configuration = stack.instance.client("lambda").get_function_configuration(FunctionName=stack.function(name))
    found = configuration.get("Environment", {}).get("Variables", {})
    return {key: value for key, value in found.items() if keep_proxy or key != PROXY}


def _set_variables(stack: Stack, name: str, variables: dict[str, str]) -> None:
    stack.instance.client("lambda").update_function_configuration(
        FunctionName=stack.function(name), Environment={"Variables": variables},
    )


def _environment(instance: Instance, environments: Path) -> dict[str, str]:
    host = _host_triple().upper().replace("-", "_")
    beside_cargo = Path(build.find_cargo()).parent
    return {
        **os.environ, **instance.environment(),
        # Should we be killed, stopping the instance ends the watcher too.
        processes.TAG: instance.tag,
        "PATH": f"{beside_cargo}{os.pathsep}{os.environ.get('PATH', '')}",
        f"CARGO_TARGET_{host}_RUNNER": f"{sys.executable} {RUNNER} {environments}",
    }


def _host_triple() -> str:
    rustc = Path(build.find_cargo()).parent / "rustc"
    said = subprocess.run([rustc if rustc.exists() else "rustc", "-vV"], capture_output=True, text=True,
                          check=True, cwd=paths.ROOT).stdout
    found = re.search(r"^host: (\S+)$", said, re.MULTILINE)
    if not found:
        raise Problem("rustc does not say which host it is for.", "Check `rustc -vV`.")
    return found[1]


def _await_port(watcher: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + 30
    while ports.is_free(port):
        if watcher.poll() is not None or time.monotonic() > deadline:
            raise Problem("cargo lambda watch did not start.", "Its output is above.")
        time.sleep(0.1)


def _end(watcher: subprocess.Popen[bytes]) -> None:
    """End the watcher with everything it started: cargo, and the functions under it."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(watcher.pid, number)
            watcher.wait(timeout=5)
        except ProcessLookupError:
            return
        except subprocess.TimeoutExpired:
            continue
