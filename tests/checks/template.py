"""Reads the template and finds things in it."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
Tree = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short forms written out: !Ref X becomes {"Ref": "X"}."""


def _long_form(loader: _Loader, suffix: str, node: yaml.Node) -> Tree:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _long_form)


class Template:
    """The template with the parameters of one environment."""

    def __init__(self, tree: Tree, overrides: dict[str, str] | None = None) -> None:
        self.tree = tree
        self.parameters = {
            name: str(parameter.get("Default", "")) for name, parameter in tree["Parameters"].items()
        } | (overrides or {})

    @classmethod
    def read(cls, environment: str | None = None) -> Template:
        """The template as it is deployed to an environment of samconfig.toml; None: defaults."""
        tree = yaml.load((ROOT / "infra" / "template.yaml").read_text(), _Loader)  # noqa: S506
        overrides = {}
        if environment:
            config = tomllib.loads((ROOT / "samconfig.toml").read_text())
            pairs = config[environment]["deploy"]["parameters"]["parameter_overrides"]
            overrides = dict(pair.split("=", 1) for pair in pairs)
        return cls(tree, overrides)

    def copy(self) -> Template:
        """One to break without breaking this one."""
        return Template(copy.deepcopy(self.tree), dict(self.parameters))

    @property
    def resources(self) -> dict[str, Tree]:
        """All resources by logical id."""
        return self.tree["Resources"]

    def of_type(self, kind: str) -> dict[str, Tree]:
        """Properties of all resources of a type."""
        return {
            name: resource["Properties"]
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }

    @property
    def queues(self) -> dict[str, Tree]:
        """All queues."""
        return self.of_type("AWS::SQS::Queue")

    @property
    def functions(self) -> dict[str, Tree]:
        """All functions, with what Globals gives them."""
        shared = self.tree["Globals"]["Function"]
        return {n: {**shared, **p} for n, p in self.of_type("AWS::Serverless::Function").items()}

    @property
    def terminal_queues(self) -> set[str]:
        """Queues that hold what was given up: targets of a redrive, a rule or a failed stream."""
        redriven = {
            target(properties["RedrivePolicy"]["deadLetterTargetArn"])
            for properties in self.queues.values()
            if "RedrivePolicy" in properties
        }
        undelivered = {
            target(entry["DeadLetterConfig"]["Arn"])
            for rule in self.of_type("AWS::Events::Rule").values()
            for entry in rule["Targets"]
            if "DeadLetterConfig" in entry
        }
        return redriven | undelivered

    def event_sources(self) -> Iterator[tuple[str, str, str, Tree]]:
        """Function, name, type and properties of every queue or stream that feeds a function."""
        for function, properties in self.functions.items():
            for name, event in properties.get("Events", {}).items():
                if event["Type"] in ("SQS", "DynamoDB"):
                    yield function, name, event["Type"], event["Properties"]

    def consumer(self, queue: str) -> str | None:
        """The function that a queue feeds."""
        for function, _, kind, properties in self.event_sources():
            if kind == "SQS" and target(properties["Queue"]) == queue:
                return function
        return None

    def statements(self) -> Iterator[tuple[str, Tree]]:
        """Every policy statement with the logical id of the resource it stands in."""
        for name, resource in self.resources.items():
            for statement in _statements(resource.get("Properties", {})):
                yield name, statement

    def number(self, value: Any) -> int:
        """A number, or what the parameter it refers to says."""
        return int(self.parameters[value["Ref"]] if isinstance(value, dict) else value)


def _statements(node: Any) -> Iterator[Tree]:
    if isinstance(node, dict):
        yield from node.get("Statement", [])
        for child in node.values():
            yield from _statements(child)
    elif isinstance(node, list):
        for child in node:
            yield from _statements(child)


def target(reference: Any) -> str:
    """Logical id that a Ref or GetAtt points to; empty for anything else."""
    if isinstance(reference, dict):
        if "Ref" in reference:
            return str(reference["Ref"])
        if "Fn::GetAtt" in reference:
            return str(reference["Fn::GetAtt"][0])
    return ""


def as_list(value: Any) -> list[Any]:
    """A list, also of the single value that CloudFormation accepts in its place."""
    return value if isinstance(value, list) else [value]
