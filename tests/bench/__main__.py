"""`python3 -m tests.bench`: measure, print the tables, write target/bench/bench.json."""

from __future__ import annotations

import platform
import sys

from local import paths
from local.problem import Problem

from . import binaries, prices, report
from .sections import Bench


def main() -> int:
    """Measures everything. A figure over its bar is reported, not a failure; a missing figure is one."""
    try:
        print("Compiling in the release profile; the first time takes many minutes.", flush=True)
        binaries.compile_release()
        bench, sections = Bench(), []
        for section in bench.sections():
            print(section.text(), flush=True)
            sections.append(section)
    except Problem as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    results = paths.cargo_target() / "bench" / "bench.json"
    machine = {"system": platform.platform(), "processor": platform.machine()}
    context = {"machine": machine, "usd_per_million": prices.listed(), "unmeasured": bench.unmeasured}
    report.write(results, sections, context)
    print(f"\nWritten to {paths.shown(results)}.")
    for missing in bench.unmeasured:
        print(f"Not measured: {missing}.", file=sys.stderr)
    return 1 if bench.unmeasured else 0


if __name__ == "__main__":
    sys.exit(main())
