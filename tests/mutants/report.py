"""What is left of a run: a table for people and a file for machines."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

from .judge import Verdict
from .workshop import PLACE

TABLE = PLACE / "table.md"
LONGEST_CELL = 140
REPORT = PLACE / "report.json"


def write(verdicts: Sequence[Verdict]) -> None:
    """Writes both files; after every breakage, so that a run that is ended leaves what it found."""
    PLACE.mkdir(parents=True, exist_ok=True)
    REPORT.write_text(
        json.dumps(
            [
                {
                    "name": verdict.mutation.name,
                    "file": verdict.mutation.file,
                    "harm": verdict.mutation.harm,
                    "caught_by": verdict.caught_by,
                    "error": verdict.error,
                    "seconds": round(verdict.seconds, 1),
                }
                for verdict in verdicts
            ],
            indent=2,
        )
        + "\n",
        encoding="utf-8",
    )
    TABLE.write_text(markdown(verdicts), encoding="utf-8")


def markdown(verdicts: Sequence[Verdict]) -> str:
    """The table: what was broken, what would have followed, what noticed."""
    rows = ["| what was broken | what would follow | noticed by |", "|---|---|---|"]
    for verdict in verdicts:
        by = verdict.caught_by or ("proves nothing" if verdict.error else "**nothing**")
        cells = (verdict.mutation.name, verdict.mutation.harm, _short(by))
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_CELL else f"{text[:LONGEST_CELL]}…"


def conclude(verdicts: Sequence[Verdict], seconds: float) -> int:
    """Says what is left to be done; the exit status of the run."""
    by_histories = sum(1 for v in verdicts if v.caught_by and v.caught_by.startswith(("seed ", "a history")))
    by_tests = sum(1 for v in verdicts if v.caught_by) - by_histories
    print(
        f"\n{len(verdicts)} breakages in {seconds:.0f} s: {by_tests} noticed by tests,"
        f" {by_histories} by the simulation. {REPORT} and {TABLE} say which."
    )
    missed = [v for v in verdicts if not v.caught_by]
    for verdict in missed:
        print(f"  {verdict}", file=sys.stderr)
    return 1 if missed else 0
