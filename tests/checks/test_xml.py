"""Nothing parses XML without a test that it resists entity expansion.

A parser that expands entities turns a kilobyte into gigabytes ("billion laughs") or reads files of the machine, and
most do so unless told otherwise; so whoever brings one in names here the test that proves it was told.
"""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
LOCKS = ("Cargo.lock", "tests/fuzz/Cargo.lock")
FOLDERS = ("local", "tests", "infra")

PARSER = re.compile(
    r"xml|expat|^sxd|html5ever|minidom|elementtree|etree|pulldom|\bsax|soap|wsdl|zeep|untangle",
    re.IGNORECASE,
)
"""Names of crates, packages and modules that read XML. One that only writes it is noticed as well."""

PROVED: dict[str, str] = {
    # crate, package or module: "path::name of the test that an entity is not expanded"
}

# Tryton and the emulator are products of others in environments of their own; neither reads what comes in to us.
REQUIREMENTS = "local/requirements/cloud.txt"


def readers_in_lock(text: str) -> Iterator[str]:
    """Crates of a lock file that read XML."""
    for package in tomllib.loads(text)["package"]:
        if PARSER.search(package["name"]):
            yield package["name"]


def readers_in_source(text: str) -> Iterator[str]:
    """Modules that a Python source imports and that read XML."""
    for node in ast.walk(ast.parse(text)):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f"{node.module or ''}.{alias.name}".strip(".") for alias in node.names]
        yield from (name for name in names if any(PARSER.search(part) for part in name.split(".")))


def sources() -> list[Path]:
    """Every Python source of ours."""
    return [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]


def is_proved(name: str) -> bool:
    """Whether the test that is named for a parser exists."""
    path, _, test = PROVED.get(name, "").partition("::")
    return bool(test) and (ROOT / path).is_file() and test in (ROOT / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("lock", LOCKS)
def test_no_crate_parses_xml_unproved(lock: str) -> None:
    found = set(readers_in_lock((ROOT / lock).read_text(encoding="utf-8")))
    assert {name for name in found if not is_proved(name)} == set()


def test_no_package_parses_xml_unproved() -> None:
    lines = (ROOT / REQUIREMENTS).read_text(encoding="utf-8").splitlines()
    names = {line.partition("==")[0] for line in lines if not line.startswith("#")}
    assert {name for name in names if PARSER.search(name) and not is_proved(name)} == set()


def test_no_python_of_ours_parses_xml_unproved() -> None:
    found = {
        f"{path.relative_to(ROOT)}: {name}" for path in sources()
        for name in readers_in_source(path.read_text(encoding="utf-8")) if not is_proved(name)
    }
    assert found == set()


@pytest.mark.parametrize("crate", [
    "quick-xml", "xml-rs", "roxmltree", "serde-xml-rs", "libxml", "sxd-document", "expat-sys",
])
def test_a_crate_is_noticed(crate: str) -> None:
    assert list(readers_in_lock(f'[[package]]\nname = "{crate}"\nversion = "1.0.0"\n')) == [crate]


@pytest.mark.parametrize("line", [
    "import xml.etree.ElementTree as ET", "from xml.dom import minidom", "from lxml import etree", "import xmltodict",
    "from defusedxml.ElementTree import parse", "import pyexpat", "from xml import sax", "import xmlrpc.client",
])
def test_an_import_is_noticed(line: str) -> None:
    assert list(readers_in_source(line)), line


@pytest.mark.parametrize("line", ["import json", "from local import paths", "import html", "import calendar"])
def test_other_imports_are_not(line: str) -> None:
    assert list(readers_in_source(line)) == []
