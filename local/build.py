"""Build the functions once, for `make run` and for the tests alike, and package them for deployment.

`sam build` would compile each function by itself and in release; here one
`cargo build` in the dev profile makes them all. What is deployed is still
infra/template.yaml: only the place of the code is written differently.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from . import paths
from .console import Step, run_logged
from .problem import Problem

_CODE_URI = re.compile(r"^(\s+CodeUri: )\.\./functions/([\w-]+)$", re.MULTILINE)
_BUILD_METADATA = re.compile(r"^    Metadata:\n      BuildMethod: rust-cargolambda\n(?:      .*\n)*", re.MULTILINE)
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


def functions() -> list[str]:
    """The names of the functions, as the template lists them."""
    return [found[1] for found in _CODE_URI.findall(_template())]


def build() -> None:
    """Compile and package all functions."""
    cargo_build()
    package()


def cargo_build() -> None:
    """Compile the workspace's binaries in the dev profile."""
    cargo = find_cargo()
    log = paths.SETUP_LOGS / "cargo-build.log"
    compiled = 0

    def describe(line: str) -> str | None:
        nonlocal compiled
        found = re.match(r"(Compiling|Downloading|Downloaded|Updating|Finished) (\S+)", line)
        if not found:
            return None
        compiled += found[1] == "Compiling"
        return f"{found[1].lower()} {found[2]} ({compiled} crates so far)"

    with Step("Building the functions (the first time takes several minutes)") as step:
        status = run_logged(
            [cargo, "build", "--workspace", "--bins"], log, step=step, describe=describe, cwd=paths.ROOT,
        )
        if status != 0:
            raise Problem("The functions do not compile.", f"The whole output: {paths.shown(log)}", log=log)


def package() -> None:
    """Put what was compiled where the deployment takes it from."""
    names = functions()
    if not names:
        raise Problem(f"{paths.shown(paths.TEMPLATE)} names no function with `CodeUri: ../functions/…`.")
    with _alone():
        for name in names:
            binary = paths.cargo_target() / "debug" / name
            if not binary.exists():
                raise Problem(f"There is no binary for the function {name}: {binary} is missing.", "Run `make run`.")
            _package(name, binary)
        paths.BUILT_TEMPLATE.write_text(deployable(lambda name: f"{name}.zip"), encoding="utf-8")


@contextmanager
def _alone() -> Iterator[None]:
    """Packages are shared: `make test` may run beside `make run`, and one waits for the other here."""
    paths.BUILD.mkdir(parents=True, exist_ok=True)
    with (paths.BUILD / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def deployable(code_uri) -> str:
    """The template with each function's code where `code_uri` says and nothing left to build."""
    text = _BUILD_METADATA.sub("", _template())
    return _CODE_URI.sub(lambda found: found[1] + code_uri(found[2]), text)


def archive(name: str) -> Path:
    """The package of one function."""
    return paths.BUILD / f"{name}.zip"


def find_cargo() -> str:
    """Cargo from the PATH or from where rustup puts it; says how to get it otherwise."""
    beside = Path(os.environ.get("CARGO_HOME") or Path.home() / ".cargo") / "bin"
    found = shutil.which("cargo") or shutil.which("cargo", path=str(beside))
    if found is None:
        raise Problem(
            "Rust is not installed: there is no `cargo` on the PATH.",
            "Install it from https://rustup.rs and run the command again; the version the project "
            "needs (rust-toolchain.toml) is fetched by itself.",
        )
    return found


def _template() -> str:
    return paths.TEMPLATE.read_text(encoding="utf-8")


def _package(name: str, binary: Path) -> None:
    """Write bootstrap and zip of a function unless they are newer than the binary."""
    bootstrap = paths.BUILD / name / "bootstrap"
    target = archive(name)
    if target.exists() and target.stat().st_mtime > binary.stat().st_mtime:
        return
    bootstrap.parent.mkdir(parents=True, exist_ok=True)
    _strip(binary, bootstrap)
    draft = target.with_suffix(".new")
    with zipfile.ZipFile(draft, "w") as out:
        # No time of day in it: the same binary gives the same package, which is then not sent again.
        entry = zipfile.ZipInfo("bootstrap", _ZIP_TIME)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o100755 << 16
        out.writestr(entry, bootstrap.read_bytes(), compresslevel=1)
    draft.replace(target)


def _strip(binary: Path, bootstrap: Path) -> None:
    """Copy without symbols: they are most of a dev binary and nothing here reads them."""
    bootstrap.unlink(missing_ok=True)
    strip = shutil.which("strip")
    if strip and subprocess.run([strip, "-o", bootstrap, binary], capture_output=True, check=False).returncode == 0:
        return
    shutil.copy(binary, bootstrap)
