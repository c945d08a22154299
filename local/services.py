"""The services of an instance: how each is started, on which port, and when it is ready."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from . import erp_base, paths
from .calls import answers
from .problem import Problem

if TYPE_CHECKING:
    from .instance import Instance

EMULATOR = "aws"


def _no_environment(_: Instance) -> Mapping[str, str]:
    return {}


def _no_headers(_: Instance) -> Mapping[str, str]:
    return {}


def _nothing(_: Instance) -> None:
    return None


@dataclass(frozen=True)
class Service:
    """One service: its name in code, its title for people, and what starting it takes."""

    name: str
    title: str
    port_variable: str
    default_port: int
    command: Callable[[Instance], list[str | Path]]
    ready_path: str
    prepare: Callable[[Instance], None] = _nothing
    environment: Callable[[Instance], Mapping[str, str]] = _no_environment
    ready_headers: Callable[[Instance], Mapping[str, str]] = _no_headers
    deadline: float = field(default=30.0)

    def ready(self, instance: Instance) -> bool:
        """Whether it answers its readiness request with success."""
        return answers(instance.url(self.name) + self.ready_path, self.ready_headers(instance))


def base_environment(directory: Path) -> dict[str, str]:
    """What every service inherits: little, so that a reader's own AWS or proxy settings reach none of them."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "LC_ALL", "USER") if name in os.environ}
    scratch = directory / "tmp"
    scratch.mkdir(parents=True, exist_ok=True)
    return {**kept, "TMPDIR": str(scratch), "PYTHONUNBUFFERED": "1"}


def _emulator_environment(instance: Instance) -> Mapping[str, str]:
    return {
        "GATEWAY_PORT": str(instance.ports[EMULATOR]),
        "BIND_HOST": "127.0.0.1",
        # MiniStack hands its own AWS_ENDPOINT_URL to every function: the template needs no trace of it.
        "AWS_ENDPOINT_URL": instance.endpoint,
        "MINISTACK_ACCOUNT_ID": instance.account,
        "LAMBDA_EXECUTOR": "local",
        "IOT_MTLS_ENABLED": "0",
        "AUTH": "true" if instance.auth else "false",
    }


def _emulator_command(_: Instance) -> list[str | Path]:
    return [paths.environment_python("emulator"), paths.LOCAL / "launch" / "start_ministack.py"]


def _tryton_prepare(instance: Instance) -> None:
    erp_base.install(instance.books)
    erp_base.write_configuration(instance.books, listen=f"127.0.0.1:{instance.ports['tryton']}")


def _tryton_command(instance: Instance) -> list[str | Path]:
    trytond = paths.environment_command("erp", "trytond")
    return [trytond, "-c", instance.books / "trytond.conf", "-d", erp_base.DATABASE]


def _tryton_headers(instance: Instance) -> Mapping[str, str]:
    return {"Authorization": f"bearer {erp_base.identifiers(instance.books)['key']}"}


def _stripe_command(instance: Instance) -> list[str | Path]:
    launcher = paths.LOCAL / "launch" / "start_localstripe.py"
    return [paths.environment_python("erp"), launcher, str(instance.ports["stripe"])]


def _stripe_headers(instance: Instance) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {instance.secrets['stripe_api_key']}"}


def _sandbox(product: str) -> Callable[[Instance], list[str | Path]]:
    def command(instance: Instance) -> list[str | Path]:
        python = paths.environment_python("cloud")
        port, token = str(instance.ports[product]), instance.secrets[f"{product}_token"]
        return [python, "-m", f"tests.sandbox.{product}", "--port", port, "--token", token]
    return command


ALL = (
    Service(
        EMULATOR, "MiniStack (AWS)", "Q2C_AWS_PORT", 7410, _emulator_command, "/_ministack/ready",
        environment=_emulator_environment,
    ),
    Service(
        "tryton", "Tryton (ERP)", "Q2C_TRYTON_PORT", 7411, _tryton_command,
        f"/{erp_base.DATABASE}/rest/model/company.company", prepare=_tryton_prepare, ready_headers=_tryton_headers,
        deadline=60.0,
    ),
    Service(
        "stripe", "localstripe (payments)", "Q2C_STRIPE_PORT", 7412, _stripe_command, "/v1/events",
        ready_headers=_stripe_headers,
    ),
    Service("hubspot", "HubSpot sandbox (CRM)", "Q2C_HUBSPOT_PORT", 7413, _sandbox("hubspot"), "/_sandbox/health"),
    Service("kantata", "Kantata sandbox (PSA)", "Q2C_KANTATA_PORT", 7414, _sandbox("kantata"), "/_sandbox/health"),
)
BY_NAME = {service.name: service for service in ALL}


def fixed_ports() -> dict[str, int]:
    """The ports of `make run`: the documented ones, or what the environment says."""
    return {service.name: _port(service) for service in ALL}


def _port(service: Service) -> int:
    given = os.environ.get(service.port_variable) or str(service.default_port)
    if not given.isdigit() or not 0 < int(given) < 65_536:
        raise Problem(f"{service.port_variable}={given} is not a port.", "Give a number between 1 and 65535.")
    return int(given)
