"""House rules of the Rust code that no lint of the compiler knows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
# Crates of ours that each crate of ours may use: dependencies point one way.
ALLOWED = {
    "domain": set(),
    "events": {"domain"},
    "journal": {"domain", "events"},
    "connectors": {"domain", "events"},
    "workflow": {"domain", "events", "journal", "connectors"},
    "runtime": {"domain", "events", "journal", "connectors", "workflow"},
}
OURS = set(ALLOWED)
AWS_CRATES = {"journal", "runtime"}
# Only these reach out: to products, and to AWS.
REACHES = {"reqwest": {"connectors"}, "aws-sdk-dynamodb": {"journal", "runtime"}}
MOST_LINES = 500


def manifests() -> list[Path]:
    return sorted([*ROOT.glob("shared/*/Cargo.toml"), *ROOT.glob("functions/*/Cargo.toml")])


def dependencies(manifest: str) -> set[str]:
    """What a crate needs to run; its tests may need more."""
    section = re.search(r"^\[dependencies\]\n(.*?)(?=^\[|\Z)", manifest, re.MULTILINE | re.DOTALL)
    return set(re.findall(r"^([\w-]+)[. =]", section[1], re.MULTILINE)) if section else set()


def breaches(crate: str, manifest: str) -> Iterator[str]:
    """What a crate depends on and may not."""
    used = dependencies(manifest)
    allowed = ALLOWED.get(crate, OURS)
    for name in sorted((used & OURS) - allowed):
        yield f"{crate} depends on {name}"
    if crate not in AWS_CRATES:
        for name in sorted(n for n in used if n.startswith("aws-sdk") or n == "aws-config"):
            yield f"{crate} depends on {name}: AWS types stay in {' and '.join(sorted(AWS_CRATES))}"
    for name, crates in REACHES.items():
        if name in used and crate not in crates:
            yield f"{crate} depends on {name}: only {' and '.join(sorted(crates))} may"


@pytest.mark.parametrize("path", manifests(), ids=lambda p: p.parent.name)
def test_dependencies_point_one_way(path: Path) -> None:
    """Proves ARC-01 in part, ARC-02 in part and ARC-08 in part: no connector shapes the domain, no SDK leaves its
    layer. Proves API-19 in part: products are reached through `connectors` alone. Proves ARC-07 in part: state is
    kept by `journal` alone."""
    assert list(breaches(path.parent.name, path.read_text(encoding="utf-8"))) == []


def test_a_breach_is_found() -> None:
    manifest = "[dependencies]\nconnectors.workspace = true\naws-sdk-sqs.workspace = true\nreqwest = {}\n\n[dev-dependencies]\njournal = {}\n"
    assert len(list(breaches("domain", manifest))) == 3


def sources() -> list[Path]:
    return [p for folder in ("shared", "functions") for p in sorted((ROOT / folder).rglob("*.rs"))]


def test_no_file_grows_beyond_reading() -> None:
    assert [str(p) for p in sources() if len(p.read_text(encoding="utf-8").splitlines()) > MOST_LINES] == []


def test_main_only_wires() -> None:
    long = [p for p in ROOT.glob("functions/*/src/main.rs") if len(p.read_text(encoding="utf-8").splitlines()) > 40]
    assert long == []


def named_by_configuration() -> set[str]:
    """Every entity and connection of the shipped configuration."""
    tenant = json.loads((ROOT / "infra/config/northwind.json").read_text(encoding="utf-8"))
    entities = {entity["code"] for entity in tenant["legal_entities"]}
    return entities | {rule["gives"] for rule in tenant["routing"]} | {tenant["tenant"]}


def test_no_code_names_what_is_configured() -> None:
    """Proves MEC-08 in part and ARC-05 in part: whose system serves whom stands in the configuration alone."""
    names = named_by_configuration()
    assert {"northwind", "NW-US", "tryton-us"} <= names
    deployed = [p for folder in ("functions", "shared") for p in (ROOT / folder).glob("*/src/**/*.rs")]
    found = {
        str(path): named for path in deployed if path.name not in {"sample.rs", "fake.rs"}
        if (named := [n for n in names if f'"{n}' in path.read_text(encoding="utf-8").split("#[cfg(test)]")[0]])
    }
    assert not found


def test_functions_do_not_meet_the_vendors() -> None:
    """Proves API-19 in part: a vendor's module is private to `connectors`; nobody else names a product's record."""
    pattern = re.compile(r"connectors::(hubspot|kantata|tryton|stripe|docusign)\b")
    assert [str(p) for p in sources() if pattern.search(p.read_text(encoding="utf-8"))] == []


DECIDES = re.compile(r"domain::\{?[^;]*\b(activation::(?!CustomerFacts)|approval|cash|change_order|consistency|decision|"
                     r"ownership::(?!Role)|policy|routing|setup::compare|staffing)\b")
"""What decides, routes, enforces or watches: it is for all connectors alike, and none has its own."""


def test_no_connector_decides() -> None:
    """Proves ARC-03 in part: routing, policy, approval and comparison are no connector's."""
    vendors = [p for p in (ROOT / "shared/connectors/src").glob("*/**/*.rs") if p.parent.name != "operation"]
    assert {p.relative_to(ROOT / "shared/connectors/src").parts[0] for p in vendors} >= {"hubspot", "kantata", "tryton"}
    assert [str(p) for p in vendors if DECIDES.search(p.read_text(encoding="utf-8"))] == []
    assert DECIDES.search("use domain::routing::Selects;") and DECIDES.search("use domain::{Money, policy::Rule};")
