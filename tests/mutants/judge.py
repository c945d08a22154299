"""Whether a breakage is noticed, and by what."""

from __future__ import annotations

from dataclasses import dataclass, field

from .mutation import SIMULATION, Mutation
from .workshop import TREE, Clock, DoesNotCompile, simulated, tested


class NotSound(Exception):
    """The sources fail without any breakage: nothing can be concluded from a failure."""


@dataclass(frozen=True)
class Verdict:
    """What came of one breakage."""

    mutation: Mutation
    caught_by: str | None
    """The test, or the seed with the rule that it breaks."""
    seconds: float
    error: str | None = None
    """Why it proves nothing: it does not compile, or what shall notice it fails without it."""

    def __str__(self) -> str:
        if self.error:
            return f"PROVES NOTHING: {self.mutation.name}: {self.error}"
        return f"{self.mutation.name}: {self.caught_by or 'SURVIVES'} ({self.seconds:.0f} s)"


@dataclass(frozen=True)
class Judge:
    """Asks the named tests first, then the simulation; each must pass once before its failure means anything."""

    jobs: int
    seeds: int
    first: int
    sound: set[str] = field(default_factory=set)
    """What passed where nothing is broken."""

    def of(self, mutation: Mutation) -> Verdict:
        """Breaks the copy, asks, and mends it again."""
        for way in mutation.tests:
            self._must_be_sound(way)
        clock, path = Clock(), TREE / mutation.file
        source = mutation.apply(TREE)
        try:
            for way in mutation.tests:
                if failure := self._asked(way):
                    return Verdict(mutation, failure, clock.seconds())
            if SIMULATION not in self.sound:
                path.write_text(source, encoding="utf-8")
                self._must_be_sound(SIMULATION)
                mutation.apply(TREE)
            return Verdict(mutation, self._asked(SIMULATION), clock.seconds())
        except DoesNotCompile as error:
            return Verdict(mutation, None, clock.seconds(), str(error))
        finally:
            path.write_text(source, encoding="utf-8")

    def _must_be_sound(self, way: str) -> None:
        if way in self.sound:
            return
        try:
            failure = self._asked(way)
        except DoesNotCompile as error:
            raise NotSound(f"{way}: {error}") from error
        if failure:
            raise NotSound(f"{way} fails: {failure}")
        self.sound.add(way)

    def _asked(self, way: str) -> str | None:
        if way == SIMULATION:
            return simulated(self.seeds, self.first, self.jobs)
        return tested(way, self.jobs)
