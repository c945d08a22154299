"""`python3 -m tests.mutants [NAME …]`: breaks our own guards one by one and says what notices.

The sources are broken in a copy. A NAME chooses the breakages whose name or file contains it.
`python3 -m tests.mutants domain` is the other half: cargo-mutants over the crate that decides about money, where
nothing may survive that survivors.md does not explain.
"""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from . import domain, report
from .catalogue import ALL
from .judge import Judge, NotSound, Verdict
from .mutation import Misfit, Mutation
from .workshop import ROOT, Clock, alone, copy_tree


def main(arguments: list[str]) -> int:
    """Returns 0 when every chosen breakage was noticed, else 1."""
    if arguments[:1] == ["domain"]:
        return domain.main(arguments[1:])
    parser = argparse.ArgumentParser(prog="tests.mutants", description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help="part of a breakage's name or file")
    parser.add_argument("--jobs", type=int, default=1, help="compilers at once (default: 1)")
    parser.add_argument("--seeds", type=int, default=3_000, help="histories that are played (default: 3000)")
    parser.add_argument("--from", dest="first", type=int, default=0, help="first seed (default: 0)")
    parser.add_argument("--list", action="store_true", help="only list what would be broken")
    chosen = parser.parse_args(arguments)
    mutations = [m for m in ALL if not chosen.names or any(n in f"{m.name} {m.file}" for n in chosen.names)]
    if not mutations:
        parser.error("no breakage has such a name")
    if chosen.list:
        for mutation in mutations:
            print(f"{mutation.name}\n    {mutation.file}: {mutation.harm}")
        return 0
    if "Q2C_TEST_ENDPOINT" not in os.environ:
        # Some tests run against the emulator as well; it is started once for all breakages.
        again = (sys.executable, "-m", "local", "with-emulator", "--", sys.executable, "-m", "tests.mutants")
        return subprocess.run((*again, *arguments), cwd=ROOT, check=False).returncode
    # Whoever ends the run leaves no compiler behind, and the copy mended.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(130))
    with alone():
        return broken_one_by_one(mutations, Judge(chosen.jobs, chosen.seeds, chosen.first))


def broken_one_by_one(mutations: Sequence[Mutation], judge: Judge) -> int:
    """Breaks, asks and mends; the exit status of the run."""
    clock = Clock()
    copy_tree()
    verdicts = []
    for number, mutation in enumerate(mutations, start=1):
        try:
            verdict = judge.of(mutation)
        except NotSound as reason:
            verdict = Verdict(mutation, None, 0, f"without any breakage, {reason}")
        except Misfit as reason:
            print(reason, file=sys.stderr)
            return 1
        verdicts.append(verdict)
        print(f"{number:3}/{len(mutations)} {verdict}", flush=True)
        report.write(verdicts)
    return report.conclude(verdicts, clock.seconds())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
