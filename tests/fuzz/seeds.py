"""What fuzzing begins with: the fixtures, in the form that each target reads (see src/)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from local import paths

FIXTURES = paths.ROOT / "tests" / "fixtures"
PAYLOADS = [*sorted((FIXTURES / "payloads").glob("*.json")), *sorted((FIXTURES / "vendors").glob("*/*.json"))]
PRODUCTS = ("hubspot", "stripe", "tryton", "kantata", "docusign")


def sow(target: str, folder: Path) -> int:
    """Write the seeds of a target into its corpus, which keeps what earlier runs found; returns how many."""
    folder.mkdir(parents=True, exist_ok=True)
    seeds = list(SEEDS[target]())
    for number, seed in enumerate(seeds):
        (folder / f"seed-{number:03}").write_bytes(seed)
    return len(seeds)


def dictionary(file: Path) -> None:
    """Words that a mutator would not guess: every name in the fixtures and every short value."""
    words: set[str] = set()
    for path in [*PAYLOADS, *sorted((FIXTURES / "invoke").glob("*.json"))]:
        collect(json.loads(path.read_text(encoding="utf-8")), words)
    for vector in vectors():
        words.update(name for name, _ in vector["headers"])
    plain = (word for word in sorted(words) if word.isascii() and word.isprintable() and not set(word) & set('"\\'))
    lines = [f'"{word}"' for word in plain]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")


def collect(value: Any, words: set[str]) -> None:
    """Names and short texts of a JSON value."""
    if isinstance(value, dict):
        words.update(value)
        for inner in value.values():
            collect(inner, words)
    elif isinstance(value, list):
        for inner in value:
            collect(inner, words)
    elif isinstance(value, str) and 1 < len(value) <= 40:
        words.add(value)


def vectors() -> list[dict[str, Any]]:
    """Requests signed by the vendors' own SDKs."""
    return json.loads((FIXTURES / "signatures.json").read_text(encoding="utf-8"))


def invoked(function: str) -> dict[str, Any]:
    """What Lambda hands to a function."""
    return json.loads((FIXTURES / "invoke" / f"{function}.json").read_text(encoding="utf-8"))


def signed_requests() -> Iterator[bytes]:
    """Of `verify`: each vector."""
    for vector in vectors():
        first = "\t".join(str(vector[part]) for part in ("scheme", "secret", "now", "method", "url"))
        lines = [first, *(f"{name}: {value}" for name, value in vector["headers"])]
        yield "\n".join(lines).encode() + b"\n\n" + vector["body"].encode()


def bodies() -> Iterator[bytes]:
    """Of `translate`: each payload behind its product's letter."""
    for path in PAYLOADS:
        product = path.parent.name if path.parent.name in PRODUCTS else path.name.partition("-")[0]
        yield product[:1].encode() + path.read_bytes()


def deliveries() -> Iterator[bytes]:
    """Of `webhook`: each payload as text, as base64 and unsigned; and what API Gateway hands over."""
    for body in bodies():
        for how in b"tbu":
            yield body[:1] + bytes([how]) + body[1:]
    yield json.dumps(invoked("webhook")).encode()


def messages() -> Iterator[bytes]:
    """Of `messages`: the message of each queue, the record of the stream, batches of publish-outbox."""
    for path in sorted((FIXTURES / "invoke").glob("*.json")):
        event = json.loads(path.read_text(encoding="utf-8"))
        for record in event.get("Records", []) if isinstance(event, dict) else []:
            if "body" in record:
                yield b"m" + record["body"].encode()
                pending = {"events": [json.loads(record["body"]).get("detail")], "release": []}
                yield b"o" + json.dumps({"Records": [{**record, "body": json.dumps(pending)}]}).encode()
    stream = invoked("publish-outbox")
    yield b"o" + json.dumps(stream).encode()
    for record in stream["Records"]:
        yield b"s" + json.dumps(record).encode()


def letters() -> Iterator[bytes]:
    """Of `letters`: dead letters alone, two of a kind, and what is none."""
    found = [record["body"].encode() for record in invoked("dead-letter")["Records"]]
    for letter in found:
        yield letter
        yield letter + b"\0" + letter + b"\0not json\0{}"
        yield json.dumps({"events": [json.loads(letter)["detail"]], "release": []}).encode()


SEEDS = {
    "verify": signed_requests,
    "translate": bodies,
    "webhook": deliveries,
    "messages": messages,
    "letters": letters,
}


def forget(folder: Path) -> None:
    """Begin anew, without what earlier runs found."""
    shutil.rmtree(folder, ignore_errors=True)
