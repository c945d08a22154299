"""The tables: figures, each with its bar and whether it is met."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class Section:
    """A table. A row is one figure or several with one bar; `met` is none where there is no bar."""

    title: str
    columns: tuple[str, ...]
    note: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)

    def add(self, *cells: Any, bar: str = "", met: bool | None = None) -> None:
        """One more row."""
        self.rows.append({**dict(zip(self.columns, cells, strict=True)), "bar": bar, "met": met})

    def text(self) -> str:
        """The table as it is printed."""
        header = [*self.columns, "bar", ""]
        verdict = {None: "", True: "✓", False: "✗ over"}
        lines = [[_cell(row[c]) for c in self.columns] + [row["bar"], verdict[row["met"]]] for row in self.rows]
        widths = [max(len(line[i]) for line in [header, *lines]) for i in range(len(header))]
        texts = [i for i in range(len(header)) if not all(_numeric(line[i]) for line in lines)]

        def written(line: list[str]) -> str:
            pairs = enumerate(zip(line, widths, strict=True))
            cells = (cell.ljust(width) if i in texts else cell.rjust(width) for i, (cell, width) in pairs)
            return "  ".join(cells).rstrip()

        rule = "  ".join("─" * width for width in widths)
        note = f"\n{self.note}" if self.note else ""
        return "\n".join([f"\n{self.title}", "", written(header), rule, *map(written, lines)]) + note


def write(path: Path, sections: list[Section], context: dict[str, Any]) -> None:
    """Everything as JSON, for comparison over time."""
    tables = [{"title": s.title, "note": s.note, "rows": s.rows} for s in sections]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**context, "tables": tables}, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _cell(value: Any) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:.2f}"
    if isinstance(value, int):
        return f"{value:,}"
    return str(value)


def _numeric(text: str) -> bool:
    return text in ("–", "") or text.replace(",", "").replace(".", "").isdigit()
