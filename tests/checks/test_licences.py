"""Every crate that can end up in a function: its licence, where it comes from, which TLS it brings.

Known vulnerabilities are not checked here, as their database lives on the network:
docs/deployment.md says how to check them before a release.
"""

from __future__ import annotations

import json
import re
import subprocess
from functools import cache
from typing import Any

import pytest
from template import ROOT

ALLOWED = {
    *("0BSD", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "BSD-2-Clause", "BSD-3-Clause"),
    *("BSL-1.0", "CC0-1.0", "CDLA-Permissive-2.0", "ISC", "MIT", "MIT-0", "Unicode-3.0"),
    *("Unlicense", "Zlib"),
}
REGISTRY = "registry+https://github.com/rust-lang/crates.io-index"
# One TLS stack in every function. A second one costs size and cold start, and two crypto providers
# in one process make rustls panic at the first connection.
BANNED = {"aws-lc-rs", "aws-lc-sys", "aws-lc-fips-sys", "native-tls", "openssl", "openssl-sys", "hyper-tls"}
# The processors that functions are built for; crates for other systems are never compiled.
TARGETS = ("aarch64-unknown-linux-gnu", "x86_64-unknown-linux-gnu")


@cache
def packages() -> dict[str, dict[str, Any]]:
    """All packages of the lock file that a function or a test can be compiled from."""
    found = {}
    for target in TARGETS:
        command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target]
        output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        assert output.returncode == 0, output.stderr
        metadata = json.loads(output.stdout)
        needed = {node["id"] for node in metadata["resolve"]["nodes"]}
        found |= {p["id"]: p for p in metadata["packages"] if p["id"] in needed}
    return found


def is_allowed(expression: str | None) -> bool:
    """Whether an SPDX expression can be met with allowed licences. "/" is an older spelling of OR."""
    if not expression:
        return False
    text = expression.replace("/", " OR ")
    words = re.findall(r"\(|\)|[^\s()]+(?:\s+WITH\s+[^\s()]+)?", text)
    python = {"(": "(", ")": ")", "AND": "and", "OR": "or"}
    terms = [python.get(word) or str(" ".join(word.split()) in ALLOWED) for word in words]
    # Only brackets, and, or, True and False can be in it.
    return bool(eval(" ".join(terms), {"__builtins__": {}}))  # noqa: S307


def test_licences_are_allowed() -> None:
    refused = {f"{p['name']} {p['version']}": p["license"] for p in packages().values() if not is_allowed(p["license"])}
    assert refused == {}


def test_crates_come_from_the_registry_or_this_workspace() -> None:
    strange = {p["name"]: p["source"] for p in packages().values() if p["source"] not in (None, REGISTRY)}
    assert strange == {}


def test_there_is_one_tls_stack() -> None:
    assert BANNED & {p["name"] for p in packages().values()} == set()


@pytest.mark.parametrize(
    ("expression", "allowed"),
    [
        ("MIT", True),
        ("MIT OR GPL-3.0", True),
        ("MIT AND GPL-3.0", False),
        ("(MIT OR Apache-2.0) AND Unicode-3.0", True),
        ("MIT/Apache-2.0", True),
        ("Apache-2.0 WITH LLVM-exception", True),
        ("GPL-3.0-only", False),
        (None, False),
    ],
)
def test_expressions_are_understood(expression: str | None, allowed: bool) -> None:
    assert is_allowed(expression) is allowed
