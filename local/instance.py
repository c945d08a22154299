"""An instance: one running set of services in one directory.

`make run` has one in `.local/run` that outlives the command. Tests start their
own, on free ports and with an AWS account of their own, and a keeper ends it
with the test run, however that ends:

    with Instance.start(directory, auth=True) as instance:
        instance.client("dynamodb").list_tables()
        instance.url("tryton")
"""

from __future__ import annotations

import base64
import json
import os
import random
import secrets
import subprocess
import sys
import time
import uuid
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from . import paths, ports, processes
from .problem import Problem
from .processes import Process
from .services import ALL, BY_NAME, EMULATOR, Service, base_environment, fixed_ports

REGION = "us-east-1"
_ATTEMPTS = 3


class Instance:
    """A set of services; `start` and `load` make one."""

    def __init__(self, directory: Path, record: dict[str, Any]):
        self.directory = directory
        self.tag: str = record["tag"]
        self.account: str = record["account"]
        self.auth: bool = record["auth"]
        self.ports: dict[str, int] = record["ports"]
        self.secrets: dict[str, str] = record["secrets"]
        self._processes = {name: Process(**service) for name, service in record["services"].items()}
        self._keeper: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(
        cls, directory: Path | str, *, auth: bool = False, products: bool = True, detached: bool = False,
    ) -> Instance:
        """Start an instance and wait until every service is ready.

        `auth` makes the emulator enforce IAM policies; without `products` only
        the emulator starts. A `detached` instance takes the documented ports
        and outlives us; any other takes free ports and ends with us.
        """
        directory = Path(directory).resolve()
        if cls.load(directory):
            raise Problem(f"There is an instance in {paths.shown(directory)} already.", "Stop it first.")
        names = [service.name for service in ALL if products or service.name == EMULATOR]
        for attempt in range(1, _ATTEMPTS + 1):
            chosen = fixed_ports() if detached else dict(zip(names, ports.choose(len(names)), strict=True))
            if detached:
                require_free_ports()
            instance = cls(directory, _new_record(auth, {name: chosen[name] for name in names}))
            try:
                instance._start(detached)
                return instance
            except BaseException as problem:
                instance.stop()
                # A port chosen a moment ago may have gone to somebody else: choose again.
                lost = isinstance(problem, Problem) and not all(map(ports.is_free, instance.ports.values()))
                if detached or not lost or attempt == _ATTEMPTS:
                    raise
        raise AssertionError("the last attempt returns or raises")

    @classmethod
    def load(cls, directory: Path | str) -> Instance | None:
        """The instance recorded in a directory, if any of it still runs."""
        directory = Path(directory).resolve()
        try:
            record = json.loads((directory / "instance.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            return None
        instance = cls(directory, record)
        return instance if any(process.alive() for process in instance._processes.values()) else None

    def __enter__(self) -> Instance:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def endpoint(self) -> str:
        """Where all of AWS answers."""
        return self.url(EMULATOR)

    @property
    def books(self) -> Path:
        """The directory of the ERP: database, configuration, record ids."""
        return self.directory / "tryton"

    @property
    def services(self) -> list[Service]:
        """The services this instance consists of."""
        return [BY_NAME[name] for name in self.ports]

    def url(self, name: str) -> str:
        """The base URL of a service: aws, tryton, stripe, hubspot, kantata."""
        return f"http://127.0.0.1:{self.ports[name]}"

    def log(self, name: str) -> Path:
        """The log file of a service."""
        return self.directory / f"{name}.log"

    def environment(self) -> dict[str, str]:
        """What makes any AWS client, ours or a command's, talk to this instance only."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint,
            "AWS_ACCESS_KEY_ID": self.account,
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def client(self, service: str) -> Any:
        """A boto3 client of this instance. It never repeats a call: a second invocation would be a second effect."""
        import boto3
        from botocore.config import Config

        return boto3.client(
            service, endpoint_url=self.endpoint, region_name=REGION,
            aws_access_key_id=self.account, aws_secret_access_key="test",
            config=Config(retries={"total_max_attempts": 1}, read_timeout=180),
        )

    def problems(self) -> list[str]:
        """What is wrong with the running services; empty means healthy."""
        found = []
        for service in self.services:
            process = self._processes.get(service.name)
            if process is None or not process.alive():
                found.append(f"{service.title} is not running (log: {paths.shown(self.log(service.name))})")
            elif not service.ready(self):
                found.append(f"{service.title} does not answer on port {self.ports[service.name]}")
        return found

    def pid(self, name: str) -> int:
        """The process id of a service."""
        return self._processes[name].pid

    def stop(self) -> None:
        """End every process of this instance, and nothing else."""
        processes.stop(self._processes.values(), self.tag)
        (self.directory / "instance.json").unlink(missing_ok=True)
        if self._keeper:
            assert self._keeper.stdin is not None
            self._keeper.stdin.close()
            self._keeper.wait()
            self._keeper = None

    def _start(self, detached: bool) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self._save()
        if not detached:
            self._start_keeper()
        shared = base_environment(self.directory)
        for service in self.services:
            service.prepare(self)
            self.log(service.name).unlink(missing_ok=True)
            self._processes[service.name] = processes.start(
                service.command(self), tag=self.tag, env={**shared, **service.environment(self)},
                log=self.log(service.name), cwd=paths.ROOT,
            )
            self._save()
        self._await_ready(self.services)

    def _start_keeper(self) -> None:
        self._keeper = subprocess.Popen(
            [sys.executable, paths.LOCAL / "launch" / "keeper.py", self.directory / "instance.json", self.tag],
            stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True,
        )

    def _await_ready(self, services: Iterable[Service]) -> None:
        began = time.monotonic()
        for service in services:
            while not service.ready(self):
                gone = not self._processes[service.name].alive()
                if gone or time.monotonic() > began + service.deadline:
                    raise Problem(_failure(service, self, gone), log=self.log(service.name))
                time.sleep(0.05)
            if not self._processes[service.name].alive():
                raise Problem(_failure(service, self, True), log=self.log(service.name))

    def _save(self) -> None:
        """Write the record; at each start, so that a crash between two services forgets neither."""
        record = {
            "tag": self.tag, "account": self.account, "auth": self.auth, "ports": self.ports,
            "secrets": self.secrets, "services": {name: asdict(p) for name, p in self._processes.items()},
        }
        draft = self.directory / "instance.json.new"
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(record, indent=1), encoding="utf-8")
        draft.replace(self.directory / "instance.json")


def _new_record(auth: bool, chosen: dict[str, int]) -> dict[str, Any]:
    return {
        "tag": uuid.uuid4().hex,
        # The emulator keeps accounts apart by twelve-digit access keys.
        "account": str(random.SystemRandom().randrange(100_000_000_000, 1_000_000_000_000)),
        "auth": auth,
        "ports": chosen,
        "secrets": {
            "hubspot_client_secret": str(uuid.uuid4()),
            "hubspot_token": f"pat-{secrets.token_hex(16)}",
            "kantata_token": secrets.token_hex(32),
            "stripe_api_key": f"sk_test_{secrets.token_hex(12)}",
            "stripe_webhook_secret": f"whsec_{secrets.token_hex(16)}",
            "docusign_connect_key": secrets.token_urlsafe(32),
            "tryton_webhook_secret": "whsec_" + base64.b64encode(secrets.token_bytes(24)).decode(),
            "api_token_seed": secrets.token_hex(32),
        },
        "services": {},
    }


def _failure(service: Service, instance: Instance, gone: bool) -> str:
    if gone:
        return f"{service.title} ended while starting on port {instance.ports[service.name]}."
    return f"{service.title} did not become ready within {service.deadline:.0f} s."


def require_free_ports() -> None:
    """Unless all ports of `make run` are free, say which are taken, by whom, and how to choose others."""
    lines, variables = [], []
    for name, port in fixed_ports().items():
        if not ports.is_free(port):
            service = BY_NAME[name]
            by = ports.holder(port)
            lines.append(f"Port {port}, wanted by {service.title}, is taken" + (f" by {by}." if by else "."))
            variables.append(f"{service.port_variable}={ports.choose(1)[0]}")
    if lines:
        raise Problem("\n".join(lines), f"Free it, or choose another: {' '.join(variables)} make run")
