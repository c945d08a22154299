"""Which tests prove which requirement: writes docs/requirements.md, or checks that it is up to date.

    python3 tests/proofs.py            writes docs/requirements.md
    python3 tests/proofs.py --check    fails when it is stale, or when a claim can't be right

A test claims a proof in its doc comment (Rust) or docstring (Python):

    Proves WFA-16.                                   both whole: Proves SCN-14, PAY-02.
    Proves BIL-13 in part and WFC-06: …              BIL-13 in part, WFC-06 whole
    Proves EVT-29 and RES-02 in part: …              both in part
    Proves EVT-31: …, and GOV-03 in part: …          the list may go on after ", and"

"in part" covers every ID before it since the last "in part": where a sentence can be read two
ways, less is claimed. The requirements themselves are the rows of docs/requirements.tsv.
"""

from __future__ import annotations

import argparse
import ast
import re
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ROWS = ROOT / "docs" / "requirements.tsv"
PAGE = ROOT / "docs" / "requirements.md"
SOURCES = ("functions/**/*.rs", "shared/**/*.rs", "tests/**/*.rs", "tests/**/*.py")

_ID = r"[A-Z]{3}-\d{2}"
_LIST = re.compile(rf"(?P<lead>Proves|, and)\s+(?P<list>{_ID}(?:\s+in\s+part|\s*,\s*and\s+{_ID}|\s*,\s*{_ID}|\s+and\s+{_ID})*)")
_MISSPELT = re.compile(rf"Proves\s+(?!{_ID}\b)(?P<word>[A-Z]{{2,}}\S*)")
_RUST_DOC = re.compile(r"(?P<doc>(?:^[ \t]*///.*\n)+)(?P<attributes>(?:^[ \t]*#\[.*\n)*)(?=^[ \t]*(?P<item>.*))", re.MULTILINE)
_RUST_MODULE_DOC = re.compile(r"(?:^//!.*\n)+", re.MULTILINE)
_RUST_FUNCTION = re.compile(r"\bfn\s+(\w+)")


@dataclass(frozen=True)
class Requirement:
    """A row of the list."""

    id: str
    section: str
    sentence: str


@dataclass(frozen=True)
class Doc:
    """What a test, or a file of tests, says of itself."""

    path: str
    name: str
    text: str
    is_test: bool


@dataclass(frozen=True)
class Proof:
    """A test that proves a requirement, whole or in part."""

    id: str
    whole: bool
    doc: Doc


def requirements(path: Path = ROWS) -> list[Requirement]:
    """The rows, in order."""
    lines = path.read_text(encoding="utf-8").splitlines()[1:]
    return [Requirement(*line.split("\t")) for line in lines]


def claims(text: str) -> Iterator[tuple[str, bool]]:
    """Each ID that a text says is proved, and whether whole."""
    text, begun = " ".join(text.split()), False
    for found in _LIST.finditer(text):
        begun = begun or found["lead"] == "Proves"
        if not begun:
            continue
        pending: list[str] = []
        for token in re.findall(rf"{_ID}|in\s+part", found["list"]):
            if token.startswith("in"):
                yield from ((known, False) for known in pending)
                pending = []
            else:
                pending.append(token)
        yield from ((known, True) for known in pending)


def docs_of_rust(path: str, source: str) -> Iterator[Doc]:
    """The doc comments of a Rust file."""
    for found in _RUST_MODULE_DOC.finditer(source):
        yield Doc(path, "", _without_marks(found[0], "//!"), "/tests/" in path)
    for found in _RUST_DOC.finditer(source):
        function = _RUST_FUNCTION.search(found["item"])
        attributes = found["attributes"]
        runs = "test]" in attributes or "test(" in attributes
        yield Doc(path, function[1] if function else found["item"].strip(), _without_marks(found["doc"], "///"),
                  bool(function) and runs and "#[ignore" not in attributes)


def docs_of_python(path: str, source: str) -> Iterator[Doc]:
    """The docstrings of a Python file."""
    in_tests = Path(path).name.startswith("test_")
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            name = "" if isinstance(node, ast.Module) else node.name
            named = not name or name.startswith(("test_", "Test"))
            yield Doc(path, name, ast.get_docstring(node) or "", in_tests and named)


def docs(root: Path = ROOT) -> Iterator[Doc]:
    """Every doc of the project, in the order of files."""
    for pattern in SOURCES:
        for path in sorted(root.glob(pattern)):
            shown, source = path.relative_to(root).as_posix(), path.read_text(encoding="utf-8")
            read = docs_of_rust if path.suffix == ".rs" else docs_of_python
            # This file and its test are about claims; they make none.
            if not path.stem.endswith("proofs"):
                yield from read(shown, source)


def examine(found: Iterable[Doc], known: set[str]) -> tuple[list[Proof], list[str]]:
    """The proofs, and what is wrong with claims."""
    proofs: list[Proof] = []
    problems: list[str] = []
    for doc in found:
        where = f"{doc.path} {doc.name}".strip()
        problems += [f"{where}: `{m['word']}` is no requirement ID" for m in _MISSPELT.finditer(doc.text)]
        for requirement, whole in claims(doc.text):
            if requirement not in known:
                problems.append(f"{where}: there is no requirement {requirement}")
            elif not doc.is_test:
                problems.append(f"{where}: claims {requirement} but is no test that runs")
            else:
                proofs.append(Proof(requirement, whole, doc))
    return proofs, problems


def page(rows: list[Requirement], proofs: list[Proof]) -> str:
    """docs/requirements.md."""
    by_id: dict[str, list[Proof]] = {row.id: [] for row in rows}
    for proof in proofs:
        by_id[proof.id].append(proof)
    sections: dict[str, list[Requirement]] = {}
    for row in rows:
        sections.setdefault(row.section, []).append(row)
    counts = {name: _count(members, by_id) for name, members in sections.items()}
    total = tuple(map(sum, zip(*counts.values(), strict=True)))
    lines = [
        "# Requirements and what proves them", "",
        "Generated by `python3 tests/proofs.py` from `requirements.tsv` and the tests; edit those, not this page.",
        "What the finished product does, one testable sentence a row. The ID is stable. A test that proves a row names",
        "it in its doc comment (`Proves WFA-16.`), or says that it does so in part. Rows overlap on purpose: a check, the",
        "exception it raises and the scenario that exercises it are three rows. A row without a test is not claimed,",
        "whether or not some of it is built.", "",
        f"**{total[0]} requirements: {total[1]} proved, {total[2]} proved in part, {total[3]} not yet.**", "",
        "| section | rows | proved | in part | not yet |", "|---|--:|--:|--:|--:|",
        *(f"| {name} | {' | '.join(map(str, count))} |" for name, count in counts.items()),
        f"| **all** | {' | '.join(f'**{number}**' for number in total)} |",
    ]
    for name, members in sections.items():
        lines += ["", f"## {name}", "", "| ID | the software must | proved by |", "|---|---|---|"]
        lines += [f"| {row.id} | {row.sentence.replace('|', '&#124;')} | {_shown(by_id[row.id])} |" for row in members]
    return "\n".join(lines) + "\n"


def main(arguments: list[str]) -> int:
    """Writes the page, or checks it; the exit status says whether all is well."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", maxsplit=1)[0])
    parser.add_argument("--check", action="store_true", help="write nothing; fail when the page is stale")
    check = parser.parse_args(arguments).check
    rows = requirements()
    proofs, problems = examine(docs(), {row.id for row in rows})
    text = page(rows, proofs)
    if check and (not PAGE.exists() or PAGE.read_text(encoding="utf-8") != text):
        problems.append("docs/requirements.md is stale: run python3 tests/proofs.py")
    if problems:
        print("\n".join(problems), file=sys.stderr)
        return 1
    if not check:
        PAGE.write_text(text, encoding="utf-8")
    proved = {proof.id for proof in proofs}
    print(f"{len(rows)} requirements, {len(proved)} with a test; docs/requirements.md is up to date.")
    return 0


def _without_marks(comment: str, mark: str) -> str:
    return "\n".join(line.strip().removeprefix(mark) for line in comment.splitlines())


def _count(members: list[Requirement], by_id: dict[str, list[Proof]]) -> tuple[int, int, int, int]:
    whole = sum(any(proof.whole for proof in by_id[row.id]) for row in members)
    touched = sum(bool(by_id[row.id]) for row in members)
    return len(members), whole, touched - whole, len(members) - touched


def _shown(proofs: list[Proof]) -> str:
    whole, part = ([_link(p.doc) for p in proofs if p.whole is kind] for kind in (True, False))
    return ", ".join(dict.fromkeys(whole)) + ("; " if whole and part else "") + (
        "in part: " + ", ".join(dict.fromkeys(part)) if part else "")


def _link(doc: Doc) -> str:
    return f"[{doc.name or Path(doc.path).name}](../{doc.path})"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
