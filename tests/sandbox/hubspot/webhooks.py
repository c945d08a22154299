"""Webhook deliveries: a JSON array of notifications, signed, repeated on anything but 2xx.

Limits of the product: up to 100 notifications a delivery, 5 s to answer, up to 10 retries in 24 h, and
neither order nor uniqueness is promised [GK except the array form, C]. Here the retries are few and fast.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass, field, fields
from typing import Any

import requests

from ..common import clock
from ..common.books import Books, Record
from ..common.control import Refused
from . import signing

MAX_BATCH = 100
ANSWER_KEPT = 2_000
COMPANY_PROPERTIES = ("name", "address", "city", "zip", "country", "q2c_tax_id", "q2c_billing_email",
                      "hs_parent_company_id")
"""What the app asks to be told of a company."""
OBJECT = {"deals": "deal", "companies": "company", "quotes": "quote", "line_items": "line_item"}
"""What a subscription type calls each object [C]."""


@dataclass
class Target:
    """Where and how notifications are delivered; kept across resets."""

    url: str = ""
    client_secret: str = ""
    signed_url: str = ""
    versions: list[str] = field(default_factory=lambda: ["v3", "v1"])
    subscriptions: list[str] = field(default_factory=lambda: [
        "deals.quote_status", "deals.dealstage", "deals.contract_status", "deals.sow_status",
        "deals.q2c_approved_statements",
        *(f"companies.{name}" for name in COMPANY_PROPERTIES),
    ])
    portal_id: int = 62515
    app_id: int = 54321
    subscription_id: int = 12345
    attempts: int = 4
    delay_ms: int = 250
    timeout_ms: int = 5_000


@dataclass
class Variation:
    """How one delivery differs from a proper one."""

    repeat: int = 1
    bad_signature: bool = False
    timestamp_offset_seconds: int = 0
    versions: list[str] | None = None
    attempts: int | None = None


def strict(kind: type, values: dict[str, Any]) -> Any:
    """Build a settings object, refusing names it does not have."""
    known = {item.name for item in fields(kind)}
    if unknown := sorted(set(values) - known):
        raise Refused(f"unknown fields {unknown}; known are {sorted(known)}")
    return kind(**values)


class Webhooks:
    """Sends notifications and keeps every delivery with every answer it got."""

    def __init__(self, books: Books) -> None:
        self.books = books

    @property
    def target(self) -> Target:
        """The configured target."""
        return Target(**self.books.settings.get("target", {}))

    def configure(self, values: dict[str, Any]) -> Target:
        """Change the target; fields not given keep their value."""
        target = strict(Target, {**vars(self.target), **values})
        self.books.settings["target"] = vars(target)
        self.books.save()
        return target

    def notification(self, kind: str, record: Record, name: str, value: str | None, source: str) -> Record:
        """One ``propertyChange`` notification [C: fields; propertyName, propertyValue, sourceId GK]."""
        target = self.target
        return {
            "eventId": 3_816_000_000 + int(self.books.next_id()), "subscriptionId": target.subscription_id,
            "portalId": target.portal_id, "appId": target.app_id,
            "occurredAt": int(clock.now().timestamp() * 1000), "subscriptionType": f"{OBJECT[kind]}.propertyChange",
            "attemptNumber": 0, "objectId": int(record["id"]), "propertyName": name, "propertyValue": value or "",
            "changeSource": source, "sourceId": "userId:99",
        }

    def changed(self, kind: str, record: Record, changes: dict[str, str | None], source: str) -> list[Record]:
        """The notifications a change of properties causes, given the app's subscriptions."""
        subscribed = self.target.subscriptions
        return [self.notification(kind, record, name, value, source)
                for name, value in changes.items() if f"{kind}.{name}" in subscribed]

    def deliver(self, notifications: list[Record], variation: Variation) -> list[Record]:
        """Deliver as often as the variation says and return the deliveries with their answers."""
        if not self.target.url:
            raise Refused("no webhook target yet: PUT /_sandbox/webhook {url, client_secret}")
        if not 1 <= len(notifications) <= MAX_BATCH:
            raise Refused(f"a delivery holds 1 to {MAX_BATCH} notifications")
        return [self._deliver(notifications, variation) for _ in range(variation.repeat)]

    def delivery(self, ident: str) -> Record:
        """One past delivery."""
        found = self.books.records["deliveries"].get(ident)
        if found is None:
            raise Refused(f"no delivery {ident}")
        return found

    def _deliver(self, notifications: list[Record], variation: Variation) -> Record:
        target = self.target
        delivery = self.books.add("deliveries", {
            "id": self.books.next_id(), "notifications": notifications, "variation": vars(variation), "answers": [],
        })
        for attempt in range(variation.attempts or target.attempts):
            if attempt:
                time.sleep(target.delay_ms / 1000)
            answer = self._attempt(target, notifications, variation, attempt)
            with self.books.lock:
                delivery["answers"].append(answer)
            if answer["status"] and 200 <= answer["status"] < 300:
                break
        return delivery

    def _attempt(self, target: Target, notifications: list[Record], variation: Variation, attempt: int) -> Record:
        """One POST. The attempt number is part of the body, so a retry's bytes and signature differ [C: field]."""
        numbered = [{**item, "attemptNumber": attempt} for item in notifications]
        body = json.dumps(numbered, separators=(",", ":"), ensure_ascii=False).encode()
        millis = str(int((time.time() + variation.timestamp_offset_seconds) * 1000))
        secret = target.client_secret + ("-not" if variation.bad_signature else "")
        headers = signing.headers(variation.versions or target.versions, secret, target.signed_url or target.url,
                                  body, millis)
        started = time.monotonic()
        answer: Record = {"attempt": attempt, "time": clock.millis(clock.now()), "status": None, "body": None}
        try:
            reply = requests.post(target.url, data=body, timeout=target.timeout_ms / 1000, allow_redirects=False,
                                  headers={"Content-Type": "application/json", "User-Agent": "HubSpot Connect 2.0",
                                           **headers})
            answer.update(status=reply.status_code, body=reply.text[:ANSWER_KEPT])
        except requests.RequestException as problem:
            answer["error"] = type(problem).__name__
        answer["milliseconds"] = round((time.monotonic() - started) * 1000)
        return answer
