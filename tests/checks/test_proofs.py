"""docs/requirements.md says what the tests prove, and its generator reads claims as they are meant."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
import proofs


def test_the_page_is_up_to_date_and_every_claim_names_a_requirement(capsys: pytest.CaptureFixture[str]) -> None:
    status = proofs.main(["--check"])
    assert status == 0, capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Proves WFA-16.", {"WFA-16": True}),
        ("Proves SCN-14, PAY-02.", {"SCN-14": True, "PAY-02": True}),
        ("Proves EVT-29 and RES-02 in part: a redelivery.", {"EVT-29": False, "RES-02": False}),
        ("Proves BIL-13 in part and WFC-06: the ceiling.", {"BIL-13": False, "WFC-06": True}),
        ("Proves BIL-12 in\n part and OWN-12 in part.", {"BIL-12": False, "OWN-12": False}),
        ("Proves A of EVT-26.", {}),
        ("Proves EVT-26: registered, and GOV-03 in part: an edit.", {"EVT-26": True, "GOV-03": False}),
        ("As in EVT-26, and GOV-03.", {}),
        ("Proves OWN-08. Proves WFA-04 in part.", {"OWN-08": True, "WFA-04": False}),
    ],
)
def test_a_claim_is_read(text: str, expected: dict[str, bool]) -> None:
    assert dict(proofs.claims(text)) == expected


RUST = '''
/// Proves WFA-03.
#[tokio::test]
async fn a_test() {}

/// Proves WFA-06.
fn a_helper() {}

/// Proves WFA-07.
#[test]
#[ignore = "slow"]
fn an_ignored_test() {}
'''

PYTHON = '''
def test_one():
    """Proves WFA-03 in part."""

def helper():
    """Proves WFA-06."""

def test_two():
    """Proves WFA-99, and Proves WFA16."""
'''


def test_only_a_test_that_runs_proves_anything() -> None:
    known = {"WFA-03", "WFA-06", "WFA-07"}
    found, problems = proofs.examine(proofs.docs_of_rust("shared/x/src/y.rs", RUST), known)
    assert [(p.id, p.whole, p.doc.name) for p in found] == [("WFA-03", True, "a_test")]
    assert [p.split(": ")[0].split()[-1] for p in problems] == ["a_helper", "an_ignored_test"]

    found, problems = proofs.examine(proofs.docs_of_python("tests/x/test_y.py", PYTHON), known)
    assert [(p.id, p.whole, p.doc.name) for p in found] == [("WFA-03", False, "test_one")]
    assert len(problems) == 3  # the helper's claim, an unknown ID, a misspelt one


def test_a_requirement_is_proved_whole_if_one_test_does() -> None:
    row = proofs.Requirement("WFA-03", "Activation", "Confirm approval.")
    docs = [proofs.Doc("a.rs", "part", "", True), proofs.Doc("b.rs", "whole", "", True)]
    both = [proofs.Proof("WFA-03", False, docs[0]), proofs.Proof("WFA-03", True, docs[1])]
    page = proofs.page([row], both)
    assert "**1 requirements: 1 proved, 0 proved in part, 0 not yet.**" in page
    assert "| WFA-03 | Confirm approval. | [whole](../b.rs); in part: [part](../a.rs) |" in page
    assert "1 requirements: 0 proved, 1 proved in part" in proofs.page([row], both[:1])
