"""On which line of a JSON text each value stands."""

from __future__ import annotations

import json
import re

TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]:,]|[^\s{}\[\]:,"]+')


def lines_of(text: str) -> dict[str, int]:
    """The line of each value, by its path (`routing[2].gives`), of a text that is JSON."""
    tokens = [(found.group(), text.count("\n", 0, found.start()) + 1) for found in TOKEN.finditer(text)]
    found: dict[str, int] = {}
    _value(tokens, 0, "", found)
    return found


def _value(tokens: list[tuple[str, int]], at: int, path: str, found: dict[str, int]) -> int:
    """Notes the value that begins at a token and all that is in it; returns where it has ended."""
    opened, line = tokens[at]
    found[path] = line
    at += 1
    if opened not in "{[":
        return at
    index = 0
    while tokens[at][0] not in "}]":
        if opened == "{":
            # The line of a member is that of its name: a value may begin below it.
            name, line = json.loads(tokens[at][0]), tokens[at][1]
            below, at = (f"{path}.{name}" if path else name), at + 2
        else:
            below, line, index = f"{path}[{index}]", tokens[at][1], index + 1
        at = _value(tokens, at, below, found)
        found[below] = line
        if tokens[at][0] == ",":
            at += 1
    return at + 1
