"""What a deliberate breakage is, and how it is put into a tree of sources."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SIMULATION = "simulation"
"""The last judge of every breakage that no named test notices."""


class Misfit(Exception):
    """A breakage that does not fit the sources any more."""


@dataclass(frozen=True)
class Mutation:
    """A slip that a programmer could make: it removes one guard."""

    name: str
    harm: str
    """What would follow, in one sentence for people."""
    file: str
    edits: tuple[tuple[str, str], ...]
    """Text that stands in the file exactly once, and what takes its place."""
    tests: tuple[str, ...] = ()
    """Arguments of `cargo test` that are expected to notice it; the simulation is asked after them."""

    def broken(self, source: str) -> str:
        """The source without the guard; says why where the breakage does not fit."""
        result = source
        for text, instead in self.edits:
            found = source.count(text)
            if found != 1:
                raise Misfit(f"{self.name}: its text stands {found} times in {self.file}: {text.strip()[:80]}")
            result = result.replace(text, instead)
        if result == source:
            raise Misfit(f"{self.name} changes nothing")
        return result

    def apply(self, tree: Path) -> str:
        """Breaks the file in a tree; gives back what it was."""
        path = tree / self.file
        source = path.read_text(encoding="utf-8")
        path.write_text(self.broken(source), encoding="utf-8")
        return source
