"""The books of one stand-in: its records, and every mutating call it received.

Tests read them to assert "no second write" and "no write at all", so a call is entered before anything
can go wrong with it and its outcome is filled in afterwards.
"""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from . import clock

Record = dict[str, Any]


class Books:
    """Records by collection and id, in insertion order, optionally kept in a file between runs.

    Whoever changes a record already stored holds ``lock`` while doing so, because ``dump`` may be reading.
    """

    def __init__(self, collections: list[str], file: Path | None = None) -> None:
        self.lock = threading.RLock()
        self._names = collections
        self._next_id = time.time_ns() // 10_000_000
        self._file = file
        self.settings: Record = {}
        self.clear()
        if file and file.exists():
            self._load(json.loads(file.read_text(encoding="utf-8")))

    def clear(self) -> None:
        """Empty everything but the settings.

        Numbering goes on, and starts from the clock: an id given once must never name another record, because
        whoever is tested remembers it longer than the stand-in does.
        """
        with self.lock:
            self.records: dict[str, dict[str, Record]] = {name: {} for name in self._names}
            self.calls: list[Record] = []
            self.reads: Counter[str] = Counter()

    def next_id(self) -> str:
        """A fresh id. Products print ids as strings; the digits are theirs."""
        with self.lock:
            self._next_id += 1
            return str(self._next_id)

    def add(self, collection: str, record: Record) -> Record:
        """Store a record under its own ``id``."""
        with self.lock:
            self.records[collection][record["id"]] = record
            return record

    def find(self, collection: str, **equal: Any) -> list[Record]:
        """All records whose fields equal the given values, oldest first."""
        with self.lock:
            rows = list(self.records[collection].values())
        return [row for row in rows if all(row.get(name) == value for name, value in equal.items())]

    def enter_call(self, method: str, path: str, query: str, body: Any) -> Record:
        """Enter a mutating call; ``status`` stays null if the caller never got an answer."""
        with self.lock:
            call: Record = {
                "n": len(self.calls) + 1, "time": clock.millis(clock.now()), "method": method, "path": path,
                "query": query, "body": body, "status": None, "fault": None,
            }
            self.calls.append(call)
            return call

    def dump(self) -> Record:
        """Everything, for ``GET /_sandbox/dump``."""
        with self.lock:
            return json.loads(json.dumps({"records": self.records, "calls": self.calls, "reads": dict(self.reads)}))

    def save(self) -> None:
        """Write the books to their file, whole or not at all."""
        if self._file is None:
            return
        with self.lock:
            state = {"next_id": self._next_id, "settings": self.settings, **self.dump()}
            self._file.parent.mkdir(parents=True, exist_ok=True)
            fresh = self._file.with_suffix(".new")
            fresh.write_text(json.dumps(state), encoding="utf-8")
            fresh.replace(self._file)

    def _load(self, state: Record) -> None:
        self.records = {name: state["records"].get(name, {}) for name in self._names}
        self.calls = state["calls"]
        self.reads = Counter(state["reads"])
        self.settings = state["settings"]
        self._next_id = state["next_id"]
