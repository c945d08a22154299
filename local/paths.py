"""Where things lie: the working copy, its virtual environments, what the local default writes."""

from __future__ import annotations

import os
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LOCAL = ROOT / "local"

VENV = ROOT / ".venv"
STATE = ROOT / ".local"
CACHE = STATE / "cache"
BUILD = STATE / "build"
RUN = STATE / "run"
SETUP_LOGS = STATE / "log"

TEMPLATE = ROOT / "infra" / "template.yaml"
SAMCONFIG = ROOT / "samconfig.toml"
BUILT_TEMPLATE = BUILD / "template.yaml"
REQUIREMENTS = LOCAL / "requirements"
TRYTON = LOCAL / "tryton"
TRYTON_MODULE = TRYTON / "q2c_module"
ERP_CACHE = CACHE / "erp"


def environment_python(name: str) -> Path:
    """The interpreter of one of the virtual environments."""
    return VENV / name / "bin" / "python"


def environment_command(name: str, command: str) -> Path:
    """A console command installed in one of the virtual environments."""
    return VENV / name / "bin" / command


def cargo_target() -> Path:
    """Cargo's target directory; `CARGO_TARGET_DIR` moves it."""
    return Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target")


def shown(path: Path) -> str:
    """A path as a reader in the working copy would type it."""
    try:
        return str(path.relative_to(ROOT))
    except ValueError:
        return str(path)
