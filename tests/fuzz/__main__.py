"""`python3 -m tests.fuzz [--seconds N] [TARGET …]`: fuzz with libFuzzer, print executions, coverage and crashes.

Everything that is installed, built or found lies in target/. An input that found something is shown; once
understood it goes to tests/fuzz/regressions/<target>/, which every `cargo test` plays.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path

from local import build, paths
from local.problem import Problem

from . import seeds

VERSION = "0.13.2"
HERE = paths.ROOT / "tests" / "fuzz"
TOOLS = paths.ROOT / "target" / "tools"
TARGET_DIR = paths.ROOT / "target" / "fuzz"
# A body of 256 KiB, in base64 and JSON, fits.
LONGEST_INPUT = 512 * 1024
SECONDS = 300
# One input may take this long before it counts as a hang, and this much memory.
HANG_SECONDS, MOST_MIB = 10, 2048
WIDTHS = (12, 8, 8, 9, 7, 6)


@dataclass(frozen=True)
class Result:
    """What came of one target."""

    target: str
    executions: int
    a_second: int
    edges: int
    features: int
    corpus: int
    found: list[Path]

    def line(self) -> str:
        """As a row of the table."""
        cells = (self.executions, self.a_second, self.edges, self.features, self.corpus, len(self.found))
        return f"{self.target:<10} " + " ".join(f"{n:,}".rjust(width) for n, width in zip(cells, WIDTHS, strict=True))


def main() -> int:
    """Fuzzes one target after the other; fails when one of them found something."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n", maxsplit=1)[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"of {', '.join(seeds.SEEDS)}; all by default")
    parser.add_argument("--seconds", type=int, default=SECONDS, help=f"for each target; {SECONDS} by default")
    parser.add_argument("--anew", action="store_true", help="forget what earlier runs found, begin with the fixtures")
    asked = parser.parse_args()
    if unknown := set(asked.targets) - set(seeds.SEEDS):
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    if asked.seconds < 1:
        parser.error("--seconds must be at least 1")  # 0 means without end to libFuzzer
    try:
        binaries = compile_targets()
        results = [fuzz(target, binaries, asked.seconds, asked.anew) for target in asked.targets or seeds.SEEDS]
    except Problem as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    titles = ("executions", "a second", "edges", "features", "corpus", "found")
    print(f"\n{'target':<10} " + " ".join(title.rjust(width) for title, width in zip(titles, WIDTHS, strict=True)))
    for result in results:
        print(result.line())
    found = [path for result in results for path in result.found]
    for path in found:
        print(f"FOUND {path}: `{binaries / path.parent.name} {path}` plays it alone.", file=sys.stderr)
    return 1 if found else 0


def compile_targets() -> Path:
    """Build every target with libFuzzer; returns the folder of the binaries.

    The pinned toolchain of the project serves: without a sanitizer cargo-fuzz needs nothing that only nightly
    has. The code forbids `unsafe`, so what a sanitizer would find is a panic or an overflow, and both stop it.
    """
    cargo = build.find_cargo()
    for difference in drift():
        print(f"Not the product's version: {difference}.", file=sys.stderr)
    run([cargo, "install", "cargo-fuzz", "--version", VERSION, "--locked", "--root", str(TOOLS)], "cargo-fuzz")
    command = [str(TOOLS / "bin" / "cargo-fuzz"), "fuzz", "build", "--fuzz-dir", str(HERE), "--sanitizer", "none"]
    run(command, "the fuzz targets")
    triple = re.search(r"^host: (\S+)$", subprocess.run(
        ["rustc", "-vV"], cwd=paths.ROOT, capture_output=True, text=True, check=True).stdout, re.MULTILINE)
    if not triple:
        raise Problem("`rustc -vV` does not name its host.")
    return TARGET_DIR / triple[1] / "release"


def drift() -> list[str]:
    """Crates that are fuzzed in another version than the product has, by the two lock files."""
    def versions(lock: Path) -> dict[str, set[str]]:
        found: dict[str, set[str]] = {}
        for package in tomllib.loads(lock.read_text(encoding="utf-8"))["package"]:
            found.setdefault(package["name"], set()).add(package["version"])
        return found

    product, fuzzed = versions(paths.ROOT / "Cargo.lock"), versions(HERE / "Cargo.lock")
    return [f"{name} {', '.join(sorted(fuzzed[name]))}, product {', '.join(sorted(product[name]))}"
            for name in sorted(product.keys() & fuzzed.keys()) if not fuzzed[name] <= product[name]]


def run(command: list[str], what: str) -> None:
    """Run a command of cargo with its output shown."""
    env = {**os.environ, "CARGO_TARGET_DIR": str(TARGET_DIR)}
    if subprocess.run(command, cwd=HERE, env=env, check=False).returncode != 0:
        raise Problem(f"Cannot build {what}.", f"The command was: {' '.join(command)}")


def fuzz(target: str, binaries: Path, seconds: int, anew: bool) -> Result:
    """Fuzz one target for a while, from the fixtures and what earlier runs found."""
    corpus, artifacts = TARGET_DIR / "corpus" / target, TARGET_DIR / "found" / target
    if anew:
        seeds.forget(corpus)
    count = seeds.sow(target, corpus)
    artifacts.mkdir(parents=True, exist_ok=True)
    words = TARGET_DIR / "words.dict"
    seeds.dictionary(words)
    before = set(artifacts.iterdir())
    print(f"\n== {target}: {count} seeds, {seconds} s", flush=True)
    command = [
        str(binaries / target), str(corpus), *regressions(target), f"-max_total_time={seconds}",
        f"-max_len={LONGEST_INPUT}", f"-timeout={HANG_SECONDS}", f"-rss_limit_mb={MOST_MIB}", f"-dict={words}", f"-artifact_prefix={artifacts}/",
        "-print_final_stats=1", "-len_control=20",
    ]
    log = TARGET_DIR / f"{target}.log"
    with log.open("w", encoding="utf-8") as output:
        status = subprocess.run(command, stdout=output, stderr=subprocess.STDOUT, check=False).returncode
    found = sorted(set(artifacts.iterdir()) - before)
    text = log.read_text(encoding="utf-8", errors="replace")
    if status and not found:
        raise Problem(f"{target} ended with {status} and left no input behind.", log=log)
    if found:
        print(text[-4_000:], flush=True)
    return read(target, text, found)


def regressions(target: str) -> list[str]:
    """The folder of inputs that once found something, where there is one."""
    folder = HERE / "regressions" / target
    return [str(folder)] if folder.is_dir() else []


def read(target: str, log: str, found: list[Path]) -> Result:
    """What libFuzzer says it did; a run of which it says nothing is no run."""
    cover = re.findall(r"cov: (\d+) ft: (\d+) corp: (\d+)", log)
    executed = re.search(r"stat::number_of_executed_units: (\d+)", log)
    speed = re.search(r"stat::average_exec_per_sec:\s+(\d+)", log)
    if not cover or (not executed and not found):
        raise Problem(f"{target} did not run: libFuzzer reports neither coverage nor executions.")
    last = re.findall(r"^#(\d+)\t", log, re.MULTILINE)
    edges, features, corpus = (int(number) for number in cover[-1])
    executions = int(executed[1]) if executed else int(last[-1])
    return Result(target, executions, int(speed[1]) if speed else 0, edges, features, corpus, found)


if __name__ == "__main__":
    sys.exit(main())
