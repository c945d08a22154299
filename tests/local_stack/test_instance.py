"""An instance starts on ports and an account of its own, and ends completely, however its owner ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from local import paths, ports, processes
from local.instance import Instance, require_free_ports
from local.problem import Problem
from local.services import ALL

OWNER = """
import sys
sys.path.insert(0, sys.argv[1])
from local.instance import Instance
with Instance.start(sys.argv[2], products=False):
    print("started", flush=True)
    sys.stdin.read()
"""


def gone(tag: str, seconds: float = 10) -> bool:
    """Whether every process with the tag ends in time."""
    deadline = time.monotonic() + seconds
    while processes.with_tag(tag):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def test_all_services_start_and_stop(tmp_path: Path) -> None:
    with Instance.start(tmp_path) as instance:
        assert instance.problems() == []
        assert set(instance.ports) == {service.name for service in ALL}
        assert instance.client("sts").get_caller_identity()["Account"] == instance.account
    assert processes.with_tag(instance.tag) == set()
    assert all(ports.is_free(port) for port in instance.ports.values())
    assert Instance.load(tmp_path) is None


def test_two_instances_know_nothing_of_each_other(tmp_path: Path) -> None:
    with Instance.start(tmp_path / "a", products=False) as a, Instance.start(tmp_path / "b", products=False) as b:
        assert a.account != b.account
        a.client("sqs").create_queue(QueueName="only-in-a")
        assert b.client("sqs").list_queues().get("QueueUrls", []) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_killed_owner_leaves_no_process_behind(tmp_path: Path, number: signal.Signals) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(paths.ROOT), str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL, text=True,
    )
    assert owner.stdout is not None and owner.stdout.readline() == "started\n"
    tag = json.loads((tmp_path / "instance.json").read_text(encoding="utf-8"))["tag"]
    assert processes.with_tag(tag)
    owner.send_signal(number)
    owner.communicate()
    assert gone(tag)


def test_what_a_dead_service_started_is_stopped_too(tmp_path: Path) -> None:
    with Instance.start(tmp_path, products=False) as instance:
        orphan = subprocess.Popen(["sleep", "60"], env={**os.environ, processes.TAG: instance.tag})
        os.kill(instance.pid("aws"), signal.SIGKILL)
        assert instance.problems()
    assert orphan.wait(timeout=5) < 0


def test_a_pid_that_belongs_to_somebody_else_is_left_alone() -> None:
    bystander = subprocess.Popen(["sleep", "60"])
    try:
        processes.stop([processes.Process(bystander.pid, "another start")], tag="nobody")
        assert bystander.poll() is None
    finally:
        bystander.kill()
        bystander.wait()


def test_taken_ports_are_named_with_holder_and_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    for service, port in zip(ALL, ports.choose(len(ALL)), strict=True):
        monkeypatch.setenv(service.port_variable, str(port))
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        taken = holder.getsockname()[1]
        monkeypatch.setenv("Q2C_TRYTON_PORT", str(taken))
        with pytest.raises(Problem) as problem:
            require_free_ports()
    assert f"Port {taken}, wanted by Tryton (ERP), is taken by process {os.getpid()}" in str(problem.value)
    assert "Q2C_TRYTON_PORT=" in str(problem.value)
    assert "Q2C_AWS_PORT" not in str(problem.value)


def test_a_service_that_does_not_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paths, "LOCAL", tmp_path / "nowhere")
    monkeypatch.setattr(Instance, "_start_keeper", lambda self: None)
    with pytest.raises(Problem, match=r"MiniStack \(AWS\) ended while starting") as problem:
        Instance.start(tmp_path / "instance", products=False)
    assert "start_ministack.py" in str(problem.value)
