"""Deploys one environment of samconfig.toml to the AWS account of your profile, step by step.

Called by `make deploy STAGE=dev`. Nothing is changed in the account before you have seen the
change set and confirmed it. docs/deployment.md tells the whole way, from an empty account.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import boto3
from botocore.exceptions import BotoCoreError, ClientError

ROOT = Path(__file__).resolve().parent.parent
CLOUD = ROOT / ".venv" / "cloud" / "bin"
# cargo-lambda, and the linker for other processors, live beside the emulator.
BUILD_TOOLS = ROOT / ".venv" / "emulator" / "bin"
RUST_TARGETS = {"arm64": "aarch64-unknown-linux-gnu", "x86_64": "x86_64-unknown-linux-gnu"}


def main(arguments: list[str]) -> int:
    """Asks, builds, deploys, configures."""
    environments = read_environments()
    if len(arguments) != 1 or arguments[0] not in environments:
        print(f"Which environment? One of: {', '.join(environments)}", file=sys.stderr)
        return 2
    stage = arguments[0]
    settings = environments[stage]
    if not account_is_reachable() or not target_is_installed(settings):
        return 1
    # A fresh link of every function under full optimisation: minutes, and worth it once.
    steps = [
        ("Building the functions", [str(CLOUD / "sam"), "build", "--config-env", stage]),
        ("Deploying", [str(CLOUD / "sam"), "deploy", "--config-env", stage]),
    ]
    configuration = configure_command(stage, settings["stack_name"])
    if configuration:
        # First: functions that are deployed before their configuration is corrected could not work.
        steps.insert(0, ("Checking the configuration", [*configuration, "--check"]))
        steps.append(("Configuring", configuration))
    for title, command in steps:
        print(f"\n== {title}\n   {' '.join(command)}", flush=True)
        if subprocess.run(command, cwd=ROOT, env=build_environment(), check=False).returncode:
            print(f"\nFAILED: {title}. Correct the cause and run the same command again.")
            return 1
    if not configuration:
        print(
            f"\nDeployed, but no product is connected yet. Copy infra/config/connections.example.json"
            f"\nto infra/config/connections.{stage}.json and secrets.example.json to secrets.{stage}.json,"
            f"\nfill them in and run `make deploy STAGE={stage}` again. See docs/deployment.md."
        )
    return 0


def read_environments() -> dict[str, dict]:
    """The environments of samconfig.toml that are real accounts, with their deploy parameters."""
    config = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    return {
        name: section["deploy"]["parameters"]
        for name, section in config.items()
        if isinstance(section, dict) and "build" in section
    }


def account_is_reachable() -> bool:
    """Says who deploys to which account, or what is missing for it."""
    try:
        session = boto3.Session()
        identity = session.client("sts").get_caller_identity()
    except (BotoCoreError, ClientError) as error:
        print(
            f"No AWS account can be reached: {error}\nSet AWS_PROFILE and AWS_DEFAULT_REGION, or sign in.",
            file=sys.stderr,
        )
        return False
    print(f"Account {identity['Account']}, region {session.region_name}, as {identity['Arn']}")
    return True


def target_is_installed(settings: dict) -> bool:
    """Whether Rust can compile for the architecture that will be deployed."""
    overrides = dict(pair.split("=", 1) for pair in settings["parameter_overrides"])
    target = RUST_TARGETS[overrides.get("Architecture", "arm64")]
    found = subprocess.run(
        ["rustc", "--print", "target-libdir", "--target", target],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )
    if found.returncode == 0 and Path(found.stdout.strip()).is_dir():
        return True
    print(
        f"Rust cannot compile for {target} yet. Install it:  rustup target add {target}\n"
        "or add Architecture=x86_64 to the environment's parameter_overrides in samconfig.toml.",
        file=sys.stderr,
    )
    return False


def configure_command(stage: str, stack: str) -> list[str] | None:
    """The configuration step, once the environment's connections have been written down."""
    files = ROOT / "infra" / "config"
    tenant = files / f"tenant.{stage}.json"
    connections, secrets = files / f"connections.{stage}.json", files / f"secrets.{stage}.json"
    if not connections.exists():
        return None
    command = [sys.executable, str(ROOT / "infra" / "configure.py"), "--stack", stack]
    command += ["--tenant", str(tenant if tenant.exists() else files / "northwind.json")]
    command += ["--connections", str(connections)]
    callers = files / f"callers.{stage}.json"
    command += ["--callers", str(callers)] if callers.exists() else []
    return command + (["--secrets", str(secrets)] if secrets.exists() else [])


def build_environment() -> dict[str, str]:
    """The caller's environment with the project's build tools found first."""
    path = os.pathsep.join([str(BUILD_TOOLS), str(CLOUD), os.environ.get("PATH", "")])
    return {**os.environ, "PATH": path, "SAM_CLI_TELEMETRY": "0"}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
