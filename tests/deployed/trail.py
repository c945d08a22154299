"""The calls to AWS that the deployed functions made: the emulator's CloudTrail, read while it still remembers."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from local import build
from local.calls import request_json
from local.instance import REGION
from local.stack import Stack

from . import processes

_PAGE = 50
_LOOKUP = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents"
_OURS = "aws-sdk-rust"
_ITEM_ACTIONS = {
    "Put": "PutItem", "Update": "UpdateItem", "Delete": "DeleteItem", "ConditionCheck": "ConditionCheckItem",
}


@dataclass(frozen=True)
class Used:
    """A call as IAM judges it: the action, what it names, and the kinds of partition key it is about."""

    action: str
    resource: str
    keys: tuple[str, ...] = ()


class Trail:
    """What each function called since this began. The emulator keeps the last 10,000 calls: a thread carries them off.

    Calls are told apart by the access key of the function's role, which its process has in its environment.
    """

    def __init__(self, deployed: Stack, seconds: float = 2.0):
        self._stack = deployed
        self._seconds = seconds
        self._newest: dict[str, Any] | None = None
        self._calls: dict[str, set[Used]] = {}
        self._callers: dict[str, str] = {}
        self._ended = threading.Event()
        self._reading = threading.Lock()
        self.gaps = 0
        """How often more was called between two readings than the emulator remembers."""
        setting = {"cloudtrail._recording_enabled": "true"}
        answer = request_json("POST", f"{deployed.instance.endpoint}/_ministack/config", setting)
        assert answer["applied"] == {"cloudtrail._recording_enabled": True}, answer
        self._thread = threading.Thread(target=self._follow, name="trail", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Stop reading."""
        self._ended.set()
        self._thread.join()

    def used(self) -> dict[str, set[Used]]:
        """What each function called so far, by its short name; a caller that is no known function by its access key."""
        self._read()
        found: dict[str, set[Used]] = {}
        for caller, calls in self._calls.items():
            found.setdefault(self._callers.get(caller, caller), set()).update(calls)
        return found

    def _follow(self) -> None:
        while not self._ended.wait(self._seconds):
            self._read()

    def _read(self) -> None:
        with self._reading:
            fresh, met = [], self._newest is None
            for event in self._since():
                if self._newest and event["EventId"] == self._newest["EventId"]:
                    met = True
                    break
                fresh.append(event)
            self.gaps += not met
            if fresh:
                self._newest = fresh[0]
            for event in fresh:
                self._note(event)
            if set(self._calls) - set(self._callers):
                self._recognise()

    def _since(self) -> Iterator[dict[str, Any]]:
        """The events since the last reading and the one that ended it, newest first."""
        before: float | None = None
        known: set[str] = set()
        while True:
            times = {"StartTime": self._newest["EventTime"]} if self._newest else {}
            page = self._lookup({**times, **({"EndTime": before} if before else {})})
            new = [event for event in page if event["EventId"] not in known]
            yield from new
            if len(page) < _PAGE or not new:
                return
            known = {event["EventId"] for event in page}
            before = page[-1]["EventTime"]

    def _lookup(self, limits: dict[str, float]) -> list[dict[str, Any]]:
        """A page of events. Not by the SDK, which cuts times to the second."""
        instance = self._stack.instance
        scope = f"{instance.account}/20260101/{REGION}/cloudtrail/aws4_request"
        return request_json("POST", instance.endpoint, {"MaxResults": _PAGE, **limits}, {
            "content-type": "application/x-amz-json-1.1", "x-amz-target": _LOOKUP,
            "authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=root",
        })["Events"]

    def _note(self, event: dict[str, Any]) -> None:
        told = json.loads(event["CloudTrailEvent"])
        # The root of the account is no function: it is whoever runs one by hand.
        if _OURS not in told["userAgent"] or event["AccessKeyId"] == self._stack.instance.account:
            return
        service = event["EventSource"].partition(".")[0]
        calls = self._calls.setdefault(event["AccessKeyId"], set())
        calls.update(_calls(service, event["EventName"], told["requestParameters"]))

    def _recognise(self) -> None:
        for name in build.functions():
            for pid in processes.of_function(self._stack.instance.tag, self._stack.function(name)):
                if key := processes.variable(pid, "AWS_ACCESS_KEY_ID"):
                    self._callers[key] = name


def _calls(service: str, name: str, request: dict[str, Any]) -> Iterator[Used]:
    """What IAM is asked for a request: of a transaction and a batch, one question an item."""
    if service == "dynamodb":
        yield from _items(name, request)
    elif service == "events":
        for entry in request["Entries"]:
            yield Used(f"events:{name}", entry["EventBusName"])
    else:
        named = request["QueueUrl"].rpartition("/")[2] if "QueueUrl" in request else request.get("SecretId", "*")
        yield Used(f"{service}:{name}", named)


def _items(name: str, request: dict[str, Any]) -> Iterator[Used]:
    if name == "TransactWriteItems":
        for item in request["TransactItems"]:
            for kind, detail in item.items():
                yield from _items(_ITEM_ACTIONS[kind], detail)
    elif name == "BatchGetItem":
        for table, wanted in request["RequestItems"].items():
            yield Used("dynamodb:BatchGetItem", table, tuple(sorted({_kind(key["pk"]) for key in wanted["Keys"]})))
    elif name == "Query":
        index = request.get("IndexName", "")
        key = request["ExpressionAttributeValues"][":status" if index else ":pk"]
        place = f"{request['TableName']}/index/{index}" if index else request["TableName"]
        yield Used("dynamodb:Query", place, (_kind(key),))
    else:
        held = request.get("Key") or request.get("Item") or {}
        yield Used(f"dynamodb:{name}", request["TableName"], (_kind(held["pk"]),) if held else ())


def _kind(key: dict[str, str]) -> str:
    """A partition key without what makes it one of many: its first word, and that something follows."""
    word, mark, _ = key["S"].partition("#")
    return f"{word}{mark}x" if word in ("tenant", "connection") else key["S"]
