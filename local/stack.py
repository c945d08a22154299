"""A deployed stack of an instance: deploy it, and find what is in it.

`make run` deploys with SAM CLI, exactly as to a real account. Tests, which
deploy to fresh emulators many times, hand the same template to CloudFormation
themselves: that takes a second instead of ten.
"""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from typing import Any

from . import build, emulator_gaps, paths
from .console import Step, run_logged
from .instance import Instance
from .problem import Problem

STAGE = "local"


@dataclass(frozen=True)
class Stack:
    """What a deployment put out."""

    instance: Instance
    name: str
    outputs: dict[str, str]

    @property
    def api_url(self) -> str:
        """Where products call, as they call it: no trailing slash, stage included."""
        return self.outputs["ApiUrl"]

    @property
    def table(self) -> str:
        """The table's name."""
        return self.outputs["TableName"]

    @property
    def bus(self) -> str:
        """The bus's name."""
        return self.outputs["EventBusName"]

    def function(self, name: str) -> str:
        """The name of a deployed function."""
        return f"{self.name}-{name}"

    def webhook_url(self, connection: str) -> str:
        """The address one connection's product reports to."""
        return f"{self.api_url}/v1/webhooks/{connection}"


def deploy_with_sam(instance: Instance) -> Stack:
    """Run `sam deploy --config-env local` against an instance."""
    settings = _samconfig()
    name = settings["stack_name"]
    log = instance.directory / "deploy.log"
    command = [
        paths.environment_command("cloud", "sam"), "deploy",
        "--config-file", paths.SAMCONFIG, "--config-env", "local",
        "--template-file", paths.BUILT_TEMPLATE,
        # Given on the command line, parameters replace those of the file: repeat them with our own.
        "--parameter-overrides", *(f"{key}={value}" for key, value in parameters(instance).items()),
    ]
    with Step("Deploying infra/template.yaml with sam deploy --config-env local") as step:
        status = run_logged(command, log, step=step, describe=_progress, env=_sam_environment(instance), cwd=paths.ROOT)
        if status != 0:
            raise Problem("sam deploy failed.", f"The whole output: {paths.shown(log)}", log=log)
        stack = find(instance, name)
        emulator_gaps.close(stack)
    return stack


def deploy(instance: Instance, name: str = "q2c-test", **overrides: str) -> Stack:
    """Deploy the packaged functions through CloudFormation; `overrides` are template parameters.

    A stack of that name is updated. Needs `build.package()` to have run.
    """
    cloudformation, s3 = instance.client("cloudformation"), instance.client("s3")
    bucket = f"{name}-code"
    s3.create_bucket(Bucket=bucket)
    for function in build.functions():
        s3.upload_file(str(build.archive(function)), bucket, f"{function}.zip")
    body = build.deployable(lambda function: f"s3://{bucket}/{function}.zip")
    s3.put_object(Bucket=bucket, Key="template.yaml", Body=body.encode())
    request = {
        "StackName": name,
        "TemplateURL": f"{instance.endpoint}/{bucket}/template.yaml",
        "Capabilities": ["CAPABILITY_IAM", "CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        "Parameters": [
            {"ParameterKey": key, "ParameterValue": value}
            for key, value in {**parameters(instance), **overrides}.items()
        ],
    }
    if not _exists(cloudformation, name):
        cloudformation.create_stack(**request)
        _await(cloudformation, name, "stack_create_complete")
    elif _update(cloudformation, request):
        _await(cloudformation, name, "stack_update_complete")
    stack = find(instance, name)
    emulator_gaps.close(stack)
    return stack


def find(instance: Instance, name: str | None = None) -> Stack:
    """The deployed stack of an instance, by default the one of `make run`."""
    name = name or _samconfig()["stack_name"]
    described = instance.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
    outputs = {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}
    return Stack(instance, name, outputs)


def parameters(instance: Instance) -> dict[str, str]:
    """The template's parameters for an instance: those of samconfig.toml, and where this one answers."""
    configured = _samconfig()["parameter_overrides"]
    pairs = configured.split() if isinstance(configured, str) else configured
    known = dict(pair.split("=", 1) for pair in pairs)
    return {**known, "ApiStagesUrl": f"{instance.endpoint}/_aws/execute-api"}


def _samconfig() -> dict[str, Any]:
    with paths.SAMCONFIG.open("rb") as file:
        return tomllib.load(file)["local"]["deploy"]["parameters"]


def _sam_environment(instance: Instance) -> dict[str, str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return {**env, **instance.environment(), "SAM_CLI_TELEMETRY": "0", "NO_COLOR": "1"}


def _progress(line: str) -> str | None:
    """What to show of SAM CLI's output: the current section, or the resource being made."""
    words = line.split()
    if len(words) > 2 and words[0] in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
        return words[-2] if words[-1] == "-" else words[2]
    return line if line.startswith(("Uploading", "Waiting", "Deploying", "Creating")) else None


def _exists(cloudformation: Any, name: str) -> bool:
    try:
        return bool(cloudformation.describe_stacks(StackName=name)["Stacks"])
    except cloudformation.exceptions.ClientError:
        return False


def _update(cloudformation: Any, request: dict[str, Any]) -> bool:
    """Ask for an update; false when the stack is as requested already."""
    try:
        cloudformation.update_stack(**request)
    except cloudformation.exceptions.ClientError as error:
        if "No updates are to be performed" in str(error):
            return False
        raise
    return True


def _await(cloudformation: Any, name: str, state: str) -> None:
    from botocore.exceptions import WaiterError

    try:
        cloudformation.get_waiter(state).wait(StackName=name, WaiterConfig={"Delay": 0.2, "MaxAttempts": 600})
    except WaiterError as error:
        events = cloudformation.describe_stack_events(StackName=name)["StackEvents"]
        failed = [
            f"{event['LogicalResourceId']}: {event.get('ResourceStatusReason', '')}"
            for event in events if event["ResourceStatus"].endswith("FAILED")
        ]
        raise Problem(f"The stack {name} was not deployed:\n" + "\n".join(failed)) from error
