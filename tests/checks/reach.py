"""Which AWS calls a function's code can come to make: the calls that its Rust sources reach, by name.

The sources are formatted by rustfmt, so a function ends at the brace in its own column and no parser is
needed. Calls are resolved by name, number of arguments and visibility, which may take in too much and,
but for calls through function pointers, not too little. What a running function really called is compared
with this by tests/journeys/test_zz_used_permissions.py.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import boto3
from botocore import xform_name
from template import ROOT

SHARED = ("events", "journal", "workflow", "runtime")
"""Crates whose code runs in a function and can reach AWS; the others may not depend on an SDK (house rules)."""
NOT_DEPLOYED = {"fake", "memory", "dying", "tests"}
"""Modules that stand in for something in tests."""
SERVICES = {"dynamodb": "dynamodb", "events": "events", "sqs": "sqs", "secretsmanager": "secretsmanager"}
STORE, STORE_METHODS = "DynamoStore", ("get", "get_many", "query", "by_status", "by_status_after")

_FN = re.compile(r"^( *)(pub(?:\(\w+\))? )?(?:const )?(?:async )?fn (\w+)")
_IMPL = re.compile(r"^impl(?:<[^{]*?>)? (?:([\w:]+)(?:<.*>)? for )?([\w:]+)")
_STORE_CALL = re.compile(r"\bstore(?:\(\))?\.(get|get_many|query|by_status|by_status_after|write)\(")
_METHOD = re.compile(r"\.(\w+)(?:::<[^()]*>)?\((\))?")
_PATH = re.compile(r"\b(\w+)::(\w+)\b(?!::)")
_BARE = re.compile(r"(?<![\w.:])([a-z_]\w*)\(")
_BUILT = r"\b{}::(\w+) \{{(?![^{{}}]*\.\. ?\}})"


@dataclass(frozen=True)
class Fn:
    """One Rust function with its body."""

    crate: str
    module: str
    type: str
    name: str
    shared: bool
    method: bool
    arguments: bool
    body: str

    def __str__(self) -> str:
        return "::".join(part for part in (self.crate, self.module, self.type, self.name) if part)


@dataclass(frozen=True)
class Call:
    """An AWS call that code can make: the IAM action, and for the table what it is made on and by which kind of key."""

    action: str
    index: str = ""
    keys: str = ""


def parse(crate: str, module: str, source: str) -> Iterator[Fn]:
    """The functions of a file; its unit tests are left out."""
    lines, type_name, in_trait = source.split("#[cfg(test)]\nmod tests {")[0].splitlines(), "", False
    for number, line in enumerate(lines):
        if found := _IMPL.match(line):
            type_name, in_trait = found[2].rpartition("::")[2], bool(found[1])
        elif re.match(r"(?:pub )?trait (\w+)", line):
            type_name, in_trait = "", True
        elif line == "}":
            type_name, in_trait = "", False
        if found := _FN.match(line):
            text = _body(lines[number:], found[1])
            signature, _, body = text.partition("{")
            if not body:
                continue
            given = signature.partition(f"fn {found[3]}")[2]
            method = bool(re.search(r"[(&\s](?:mut )?self\b", given.partition("->")[0]))
            inner = re.sub(r"&?'?\w* ?(?:mut )?self,?", "", given.partition("(")[2].partition(")")[0], count=1)
            yield Fn(crate, module, type_name, found[3], in_trait or found[2] == "pub ", method,
                     bool(inner.strip() if method else given.partition("(")[2].strip()[:1] != ")"), body)


def _body(lines: list[str], indent: str) -> str:
    """A function's text without comments, in one line; only its head when it has no body."""
    kept = []
    for line in lines:
        kept.append(re.sub(r"(?<!:)//.*", "", line).strip())
        if line == f"{indent}}}" or line.endswith("{}") and len(kept) == 1:
            break
        if line.endswith(";") and not any(text.endswith("{") for text in kept):
            return " ".join(kept)
    return re.sub(r" ?\n? ?(\.\w)", r"\1", " ".join(kept))


@functools.cache
def sources(crate: str, folder: Path) -> tuple[Fn, ...]:
    """The deployed functions of a crate."""
    return tuple(
        fn for path in sorted(folder.glob("src/**/*.rs"))
        if not NOT_DEPLOYED & set(path.relative_to(folder).with_suffix("").parts)
        for fn in parse(crate, path.stem, path.read_text(encoding="utf-8"))
    )


@functools.cache
def shared() -> tuple[Fn, ...]:
    """The functions of the shared crates."""
    return tuple(fn for crate in SHARED for fn in sources(crate, ROOT / "shared" / crate))


@functools.cache
def operations() -> dict[str, str]:
    """Every operation of the AWS services in use as its Rust client spells it, with the IAM action it needs."""
    found = {}
    for name, prefix in SERVICES.items():
        for operation in boto3.client(name, region_name="us-east-1").meta.service_model.operation_names:
            found[xform_name(operation)] = f"{prefix}:{operation}"
    return found


def called_operations(body: str) -> list[str]:
    """The operations of AWS that a body calls on a client."""
    return [name for name in re.findall(r"\.(\w+)\(\)", body) if name in operations()]


def reached(crate: str, folder: Path) -> set[Fn]:
    """Every function that a crate's code can come to run."""
    own = sources(crate, folder)
    known = [*own, *shared()]
    found, waiting = set(own), list(own)
    while waiting:
        fn = waiting.pop()
        new = set(_callees(fn, known)) - found
        found |= new
        waiting += new
    return found


def _callees(fn: Fn, known: Iterable[Fn]) -> Iterator[Fn]:
    body = _STORE_CALL.sub("", fn.body)
    methods = {(name, not empty) for name, empty in _METHOD.findall(body)}
    paths = {(fn.type if q == "Self" else q, name) for q, name in _PATH.findall(body)}
    bare = set(_BARE.findall(body))
    for other in known:
        if other.type == STORE or not (other.shared or other.crate == fn.crate):
            continue
        by_path = any(name == other.name and q in (other.type or other.module, other.crate.replace("-", "_"))
                      for q, name in paths)
        by_method = other.method and (other.name, other.arguments) in methods
        by_name = not other.type and other.name in bare
        if by_path or by_method or by_name:
            yield other


def calls(crate: str, folder: Path) -> dict[Call, str]:
    """The AWS calls that a crate's code can make, each with a function that makes it."""
    functions = sorted(reached(crate, folder), key=str)
    found: dict[Call, str] = {}
    for fn in functions:
        for operation in called_operations(fn.body):
            found.setdefault(Call(operations()[operation]), str(fn))
    for call, fn in (*_reads(functions), *_writes(functions)):
        found.setdefault(call, str(fn))
    return found


def _reads(functions: list[Fn]) -> Iterator[tuple[Call, Fn]]:
    keys = {kind for fn in functions if fn.module != "key" for kind in _kinds(fn.body)}
    for fn in functions:
        for method in _STORE_CALL.findall(fn.body):
            if method.startswith("by_status"):
                literal = re.search(r'by_status\("([^"]+)"', fn.body)
                yield Call("dynamodb:Query", "by-status", literal[1] if literal else "tenant#"), fn
            elif method == "get":
                for kind in sorted(keys):
                    yield Call(store_actions()[method], keys=kind), fn
            elif method != "write":
                for kind in sorted(_kinds(fn.body) or {"tenant#"}):
                    yield Call(store_actions()[method], keys=kind), fn


def _kinds(body: str) -> set[str]:
    """The first words of the partition keys that a body builds."""
    return {"connection#" if name == "connection" else "tenant#" for name in re.findall(r"\bKey::(\w+)\(", body)}


def _writes(functions: list[Fn]) -> Iterator[tuple[Call, Fn]]:
    if not any("write" in _STORE_CALL.findall(fn.body) for fn in functions):
        return
    for fn in functions:
        if (fn.type, fn.name) == ("Write", "op"):
            continue
        # What builds no key was given one of a tenant: a connection's is built where it is used.
        kinds = set(re.findall(_BUILT.format("Op"), fn.body))
        for variant in re.findall(_BUILT.format("Write"), fn.body):
            kinds.add(write_operations()[variant])
        for kind in sorted(kinds):
            for key in sorted(_kinds(fn.body) or {"tenant#"}):
                yield Call(written_actions()[kind], keys=key), fn


@functools.cache
def store_actions() -> dict[str, str]:
    """The one action that each reading method of the store needs, as its own code says."""
    found = {}
    for fn in shared():
        if fn.type == STORE and fn.name in STORE_METHODS:
            (operation,) = called_operations(fn.body)
            found[fn.name] = operations()[operation]
    return found


@functools.cache
def written_actions() -> dict[str, str]:
    """The action that each kind of write needs. A transaction needs that of each of its items, and none of its own."""
    (fn,) = [fn for fn in shared() if (fn.type, fn.name) == (STORE, "write_one")]
    arms = re.split(r"\bOp::(?=\w+ \{)", fn.body)[1:]
    return {arm.split(" ")[0]: operations()[called_operations(arm)[0]] for arm in arms}


@functools.cache
def write_operations() -> dict[str, str]:
    """The kind of write that each part of a commit becomes."""
    (fn,) = [fn for fn in shared() if (fn.type, fn.name) == ("Write", "op")]
    return dict(re.findall(r"Self::(\w+) \{.*?Op::(\w+) \{", fn.body))
