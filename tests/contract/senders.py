"""Deliveries signed by the vendors' own SDKs, and the posting of them.

Nothing here computes a signature: whatever the SDK produces is what the webhook must accept. DocuSign's SDK signs
nothing; what signs for it is the sample in its documentation.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
import uuid
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

import requests
from hubspot.utils.signature import Signature
from standardwebhooks import Webhook as StandardWebhook
from stripe import WebhookSignature

TIMEOUT = 30
HEADERS = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class Delivery:
    """A signed request, before it is sent."""

    url: str
    body: str
    headers: dict[str, str]

    def post(self) -> requests.Response:
        """Send it as it is."""
        return requests.post(self.url, data=self.body.encode(), headers={**HEADERS, **self.headers}, timeout=TIMEOUT)

    def with_body(self, body: str) -> Delivery:
        """The same headers over another body."""
        return replace(self, body=body)

    def without(self, *names: str) -> Delivery:
        """The same request less some headers."""
        return replace(self, headers={name: value for name, value in self.headers.items() if name not in names})


@dataclass(frozen=True)
class HubSpot:
    """Signs as HubSpot. ``signed_url`` is the URL as configured, which is what HubSpot signs."""

    url: str
    signed_url: str
    version: str = "v3"

    def sign(self, secret: str, body: str, offset: int = 0) -> Delivery:
        millis = str(int((time.time() + offset) * 1000))
        signed = Signature.get_signature(secret, body, self.version, self.signed_url, "POST", millis)
        if self.version == "v3":
            headers = {"X-HubSpot-Signature-v3": signed, "X-HubSpot-Request-Timestamp": millis}
        else:
            headers = {"X-HubSpot-Signature-Version": self.version, "X-HubSpot-Signature": signed}
        return Delivery(self.url, body, headers)


@dataclass(frozen=True)
class Stripe:
    """Signs as Stripe."""

    url: str

    def sign(self, secret: str, body: str, offset: int = 0) -> Delivery:
        header = WebhookSignature.generate_signature_header(body, secret, int(time.time()) + offset)
        return Delivery(self.url, body, {"Stripe-Signature": header})


@dataclass(frozen=True)
class Standard:
    """Signs as Standard Webhooks; the message id is the idempotency key and stays the same on redelivery."""

    url: str
    message: str = field(default_factory=lambda: f"contract-{uuid.uuid4().hex}")

    def sign(self, secret: str, body: str, offset: int = 0) -> Delivery:
        moment = datetime.fromtimestamp(int(time.time()) + offset, tz=timezone.utc)
        signed = StandardWebhook(secret).sign(self.message, moment, body)
        stamp = str(int(moment.timestamp()))
        return Delivery(self.url, body, {"webhook-id": self.message, "webhook-timestamp": stamp,
                                         "webhook-signature": signed})


@dataclass(frozen=True)
class DocuSign:
    """Signs as DocuSign Connect: the body alone, so that a moment can't be given."""

    url: str

    def sign(self, secret: str, body: str, offset: int = 0) -> Delivery:
        assert not offset, "Connect signs no moment"
        digest = hmac.new(secret.encode("utf-8"), msg=body.encode("utf-8"), digestmod=hashlib.sha256).digest()
        return Delivery(self.url, body, {"X-DocuSign-Signature-1": base64.b64encode(digest).decode()})


Sender = HubSpot | Stripe | Standard | DocuSign


def compact(value: Any) -> str:
    """JSON as the products send it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def hubspot_body(deal: int, **changes: Any) -> str:
    """One notification that a deal's quote was approved."""
    return compact([{
        "eventId": deal, "subscriptionId": 12345, "portalId": 62515, "appId": 54321,
        "occurredAt": int(time.time() * 1000), "subscriptionType": "deal.propertyChange", "attemptNumber": 0,
        "objectId": deal, "propertyName": "quote_status", "propertyValue": "APPROVED", "changeSource": "CRM_UI",
        "sourceId": "userId:99", **changes}])


def stripe_body(unique: int, kind: str = "payment_intent.succeeded") -> str:
    """A payment for an invoice that nobody knows."""
    return compact({
        "id": f"evt_{unique}", "object": "event", "created": int(time.time()), "livemode": False, "type": kind,
        "data": {"object": {"id": f"pi_{unique}", "object": "payment_intent", "amount": 1100, "amount_received": 1100,
                            "currency": "usd", "status": "succeeded", "created": int(time.time()),
                            "metadata": {"q2c_invoice_number": f"CONTRACT-{unique}"}}}})


def docusign_body(unique: int, deal: str | None = None) -> str:
    """A completed envelope, of a deal that nobody knows unless one is given."""
    moment = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
    fields = [{"fieldId": "1", "name": "q2c_deal", "show": "false", "required": "true", "value": deal or str(unique)}]
    return compact({
        "event": "envelope-completed", "uri": f"/restapi/v2.1/accounts/a-1/envelopes/e-{unique}", "retryCount": 0,
        "configurationId": 12345, "apiVersion": "v2.1", "generatedDateTime": moment,
        "data": {"accountId": "a-1", "userId": "u-1", "envelopeId": f"e-{unique}", "envelopeSummary": {
            "status": "completed", "emailSubject": "Statement of work", "envelopeId": f"e-{unique}",
            "completedDateTime": moment, "customFields": {"textCustomFields": fields, "listCustomFields": []}}}})


def standard_body(unique: int) -> str:
    """The ERP's notice that an invoice nobody knows was posted."""
    moment = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return compact({"type": "invoice.posted", "timestamp": moment, "data": {
        "model": "account.invoice", "id": unique, "external_id": f"inv_{uuid.uuid4().hex}", "state": "posted",
        "number": f"CONTRACT-{unique}", "write_date": moment}})
