"""Ends an instance whose owner is gone.

usage: keeper.py INSTANCE_FILE TAG      (reads standard input until it closes)

The owner, a test run, holds the other end of the pipe. However it ends, by a
kill that leaves it no time to clean up too, the pipe closes and the keeper
stops what the instance's file names and whatever carries its tag. After an
orderly stop the file is gone and there is nothing to do.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from local import processes  # noqa: E402  (run as a file, so that it needs no package on the path)


def main(record: Path, tag: str) -> None:
    """Wait for the owner's end, then stop the instance."""
    sys.stdin.buffer.read()
    try:
        services = json.loads(record.read_text(encoding="utf-8"))["services"]
    except FileNotFoundError:
        services = {}
    processes.stop((processes.Process(**service) for service in services.values()), tag)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
