"""HubSpot's side of the control API: the target of webhooks, deals, approvals, deliveries."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, jsonify

from ..common.control import body
from . import deals
from .crm import Crm
from .errors import Refusal
from .webhooks import Variation, Webhooks, strict


def blueprint(crm: Crm, webhooks: Webhooks) -> Blueprint:
    """The routes under ``/_sandbox``; README.md describes each."""
    control = Blueprint("hubspot_control", __name__, url_prefix="/_sandbox")

    def saved(**answer: Any) -> Response:
        crm.books.save()
        return jsonify(**answer)

    @control.errorhandler(Refusal)
    def refusal(problem: Refusal) -> tuple[Response, int]:
        return jsonify(error=problem.message), problem.status

    @control.get("/webhook")
    def show_target() -> Response:
        return jsonify(vars(webhooks.target))

    @control.put("/webhook")
    def configure() -> Response:
        return jsonify(vars(webhooks.configure(body())))

    @control.post("/deals")
    def create_deal() -> tuple[Response, int]:
        return saved(**deals.create(crm, deals.described(body()))), 201

    @control.post("/deals/<deal_id>/approve")
    def approve(deal_id: str) -> Response:
        """Approve and notify; approving again notifies again, as a second click in the CRM would."""
        wanted = body()
        notify = wanted.pop("notify", True)
        variation = strict(Variation, wanted)
        deal, changed = deals.approve(crm, deal_id)
        changed = changed or {"quote_status": deal["properties"]["quote_status"]}
        notifications = webhooks.changed("deals", deal, changed, "CRM_UI")
        sent = webhooks.deliver(notifications, variation) if notify and notifications else []
        return saved(deal_id=deal_id, notifications=notifications, deliveries=sent)

    @control.post("/deals/<deal_id>/revise")
    def revise(deal_id: str) -> tuple[Response, int]:
        """Clone the newest quote as its next version, in draft; approving the deal approves it."""
        return saved(**deals.revise(crm, deal_id, body())), 201

    @control.post("/deals/<deal_id>/win")
    def win(deal_id: str) -> Response:
        """Approve the quote silently, and close the deal as won; winning again notifies again."""
        variation = strict(Variation, body())
        deal, changed = deals.win(crm, deal_id)
        notifications = webhooks.changed("deals", deal, changed, "CRM_UI")
        sent = webhooks.deliver(notifications, variation) if notifications else []
        return saved(deal_id=deal_id, notifications=notifications, deliveries=sent)

    @control.patch("/objects/<kind>/<key>")
    def edit(kind: str, key: str) -> Response:
        """A person edits a record in the CRM; subscribed properties are notified."""
        wanted = body()
        notify = wanted.pop("notify", True)
        record = crm.get(kind, key)
        notifications = webhooks.changed(kind, record, crm.update(kind, record, wanted.get("properties")), "CRM_UI")
        sent = webhooks.deliver(notifications, Variation()) if notify and notifications else []
        return saved(record=record, deliveries=sent)

    @control.post("/deliveries")
    def deliver() -> Response:
        """One delivery of several notifications: those given, and one per deal named."""
        wanted = body()
        notifications = wanted.pop("notifications", [])
        for deal_id in wanted.pop("deals", []):
            deal = crm.get("deals", str(deal_id))
            value = deal["properties"].get("quote_status")
            notifications.append(webhooks.notification("deals", deal, "quote_status", value, "CRM_UI"))
        return saved(deliveries=webhooks.deliver(notifications, strict(Variation, wanted)))

    @control.get("/deliveries")
    def deliveries() -> Response:
        return jsonify(deliveries=crm.books.dump()["records"]["deliveries"])

    @control.post("/deliveries/<ident>/resend")
    def resend(ident: str) -> Response:
        """The same notifications again, unchanged but for time and signature."""
        past = webhooks.delivery(ident)
        return saved(deliveries=webhooks.deliver(past["notifications"], strict(Variation, body())))

    return control
