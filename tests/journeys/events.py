"""What every event on the bus must be: CloudEvents 1.0, and valid by the schema that it names."""

from __future__ import annotations

import functools
import json
import re
from typing import Any

from jsonschema import Draft202012Validator

from local import paths

SCHEMAS = paths.ROOT / "infra" / "schemas"
NAME = re.compile(r"q2c\.[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*\.v\d+")
TRACEPARENT = re.compile(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01")
ATTRIBUTE = re.compile(r"[a-z0-9]{1,20}")


def assert_valid(event: dict[str, Any]) -> None:
    """An event as EventBridge delivers it."""
    detail = event["detail"]
    assert (event["source"], event["detail-type"]) == ("q2c", detail["type"])
    assert NAME.fullmatch(detail["type"]), detail["type"]
    assert detail["specversion"] == "1.0"
    assert detail["datacontenttype"] == "application/json"
    assert detail["dataschema"] == f"urn:quote-to-cash:schema:{detail['type']}"
    assert detail["source"].startswith(f"/{detail['tenant']}/")
    assert TRACEPARENT.fullmatch(detail["traceparent"]), detail
    assert all(ATTRIBUTE.fullmatch(name) for name in detail), sorted(detail)
    assert detail["id"] and detail["subject"] and detail["time"] and detail["correlationid"]
    validator("envelope").validate(detail)
    validator(detail["type"]).validate(detail["data"])


@functools.cache
def validator(name: str) -> Draft202012Validator:
    """The validator of a committed schema."""
    return Draft202012Validator(json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8")))
