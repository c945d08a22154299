"""The list of deliberate breakages fits the sources: a breakage whose text is gone would prove nothing."""

from __future__ import annotations

import re
from collections import Counter
from pathlib import Path

import pytest

from tests.mutants import domain
from tests.mutants.catalogue import ALL
from tests.mutants.judge import Verdict
from tests.mutants.mutation import Misfit, Mutation
from tests.mutants.report import markdown
from tests.mutants.workshop import ROOT

FEWEST = 30


def test_there_are_enough_and_each_has_a_name_of_its_own() -> None:
    assert len(ALL) >= FEWEST
    twice = [name for name, times in Counter(m.name for m in ALL).items() if times > 1]
    assert not twice
    edits = [(m.file, m.edits) for m in ALL]
    assert [m.name for m in ALL if edits.count((m.file, m.edits)) > 1] == []


@pytest.mark.parametrize("mutation", ALL, ids=lambda m: m.name)
def test_it_still_fits_the_sources(mutation: Mutation) -> None:
    source = (ROOT / mutation.file).read_text(encoding="utf-8")
    assert mutation.broken(source) != source
    assert mutation.harm.endswith(".")


@pytest.mark.parametrize("mutation", ALL, ids=lambda m: m.name)
def test_the_tests_that_shall_notice_it_are_there(mutation: Mutation) -> None:
    for arguments in mutation.tests:
        command, _, name = arguments.partition(" -- ")
        crate = re.search(r"-p (\S+)", command)
        assert crate, arguments
        folder = next(ROOT / top / crate[1] for top in ("shared", "functions") if (ROOT / top / crate[1]).is_dir())
        if target := re.search(r"--test (\S+)", command):
            places = (folder / "tests" / f"{target[1]}.rs", folder / "tests" / target[1] / "main.rs")
            declared = f'name = "{target[1]}"' in (folder / "Cargo.toml").read_text(encoding="utf-8")
            assert declared or any(place.is_file() for place in places), arguments
        if name:
            sources = "".join(path.read_text(encoding="utf-8") for path in folder.rglob("*.rs"))
            assert f"fn {name}(" in sources, arguments


def test_what_does_not_fit_is_refused() -> None:
    twice = Mutation("a", "b.", "f", (("x", "y"),))
    with pytest.raises(Misfit, match="stands 2 times"):
        twice.broken("x x")
    with pytest.raises(Misfit, match="stands 0 times"):
        twice.broken("z")
    with pytest.raises(Misfit, match="changes nothing"):
        Mutation("a", "b.", "f", (("x", "x"),)).broken("x")


def test_only_explained_survivors_are_let_through(capsys: pytest.CaptureFixture[str]) -> None:
    missed = domain.survivors("shared/domain/src/money.rs:12:5: replace | with ^ in Money::is_zero\n")
    row = "| `shared/domain/src/money.rs` | `replace \\| with ^ in Money::is_zero` | the two differ never |\n"
    assert domain.conclude(missed, domain.explained(row)) == 0
    assert domain.conclude(missed, domain.explained("")) == 1
    assert "SURVIVES: shared/domain/src/money.rs" in capsys.readouterr().err
    assert domain.conclude(domain.survivors(""), domain.explained(row)) == 1
    assert domain.explained(row.replace("the two differ never", "")) == Counter()


def test_the_table_says_what_nothing_noticed() -> None:
    table = markdown([Verdict(ALL[0], None, 1.0), Verdict(ALL[1], "seed 7: a rule | another", 1.0)])
    first, second = table.splitlines()[2:]
    assert first.endswith("| **nothing** |")
    assert second.endswith("| seed 7: a rule \\| another |")


def test_every_explanation_names_a_file_that_is_there() -> None:
    for file, _ in domain.explained(domain.SURVIVORS.read_text(encoding="utf-8")):
        assert (Path(ROOT) / file).is_file()
