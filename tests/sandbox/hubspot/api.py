"""The routes of HubSpot CRM v3 that are played: ``/crm/v3/objects/…`` [C: CRM object specs]."""

from __future__ import annotations

import threading
from typing import Any

from flask import Blueprint, Response, jsonify, request

from ..common import clock
from ..common.books import Record
from . import crm as objects
from .crm import Crm
from .errors import Refusal, error
from .webhooks import Variation, Webhooks

PREFIX = "/crm/v3/objects"
MAX_BATCH = 100
MAX_PAGE = 100


def listed(name: str) -> list[str]:
    """A query parameter that may be comma-separated, repeated, or both."""
    return [item for value in request.args.getlist(name) for item in value.split(",") if item]


def payload() -> Record:
    """The request's JSON object."""
    value = request.get_json(silent=True)
    if not isinstance(value, dict):
        raise Refusal(400, "Invalid input JSON")
    return value


def inputs() -> list[Record]:
    """The inputs of a batch call: 1 to 100 [GK: the number]."""
    rows = payload().get("inputs")
    if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_BATCH:
        raise Refusal(400, f"inputs must hold 1 to {MAX_BATCH} entries")
    return rows


def batch(results: list[Record], problems: list[Record] = ()) -> Response:
    """A batch answer; 207 when some inputs failed [GK: the number]."""
    moment = clock.millis(clock.now())
    answer = jsonify(status="COMPLETE", results=results, startedAt=moment, completedAt=moment,
                     **({"numErrors": len(problems), "errors": list(problems)} if problems else {}))
    answer.status_code = 207 if problems else 200
    return answer


def blueprint(crm: Crm, webhooks: Webhooks) -> Blueprint:
    """The API's routes over one portal."""
    api = Blueprint("hubspot_api", __name__, url_prefix=PREFIX)

    @api.errorhandler(Refusal)
    def refused(problem: Refusal) -> Response:
        return error(problem.status, problem.message, **problem.more)

    def notify(kind: str, record: Record, changes: dict[str, str | None]) -> None:
        """Writes through the API are notified too, with another source, and without holding up the answer."""
        notifications = webhooks.changed(kind, record, changes, "INTEGRATION")
        if notifications and webhooks.target.url:
            threading.Thread(target=webhooks.deliver, args=(notifications, Variation()), daemon=True).start()

    def change(kind: str, record: Record, properties: Any) -> None:
        notify(kind, record, crm.update(kind, record, properties))

    @api.get("/<kind>/<key>")
    def read(kind: str, key: str) -> Response:
        record = crm.get(kind, key, request.args.get("idProperty"))
        return jsonify(objects.view(kind, record, listed("properties"), listed("associations")))

    @api.get("/<kind>")
    def page(kind: str) -> Response:
        """A page, 10 unless asked otherwise; ``after`` is where the last one ended [C]."""
        known(kind)
        limit = request.args.get("limit", 10, type=int)
        after = request.args.get("after", 0, type=int)
        if not 1 <= limit <= MAX_PAGE:
            raise Refusal(400, f"limit must be between 1 and {MAX_PAGE}")
        return jsonify(paged(kind, crm.books.find(kind), after, limit, listed("properties")))

    @api.post("/<kind>")
    def create(kind: str) -> tuple[Response, int]:
        known(kind)
        objects.writable(kind)
        record = crm.create(kind, payload().get("properties"))
        return jsonify(objects.view(kind, record, list(payload()["properties"]))), 201

    @api.patch("/<kind>/<key>")
    def update(kind: str, key: str) -> Response:
        objects.writable(kind)
        record = crm.get(kind, key, request.args.get("idProperty"))
        properties = payload().get("properties")
        change(kind, record, properties)
        return jsonify(objects.view(kind, record, list(properties)))

    @api.post("/<kind>/batch/read")
    def batch_read(kind: str) -> Response:
        """Order of the results is not that of the inputs; missing ones are reported beside the others."""
        known(kind)
        wanted, id_property = payload().get("properties", []), payload().get("idProperty")
        found, missing = {}, []
        for entry in inputs():
            try:
                record = crm.get(kind, str(entry.get("id")), id_property)
                found[record["id"]] = objects.view(kind, record, wanted)
            except Refusal:
                missing.append({"status": "error", "category": "OBJECT_NOT_FOUND",
                                "message": f"Could not get some {kind.upper()} objects, they may be deleted or not "
                                           "exist. Check that ids are valid.",
                                "context": {"ids": [str(entry.get("id"))]}})
        return batch([found[key] for key in sorted(found)], missing)

    @api.post("/<kind>/batch/upsert")
    def batch_upsert(kind: str) -> Response:
        """Create or update by a unique property: the one idempotent write of this API [C: schema]."""
        known(kind)
        objects.writable(kind)
        results = []
        for entry in inputs():
            key, name = entry.get("id"), entry.get("idProperty")
            if name not in objects.DEFINED[kind] or not key:
                raise Refusal(400, "each input needs id and an idProperty that the portal defines")
            properties = {**(entry.get("properties") or {}), name: key}
            same = [row for row in crm.books.find(kind) if row["properties"].get(name) == key]
            if same:
                change(kind, same[0], properties)
            record = same[0] if same else crm.create(kind, properties)
            results.append({**objects.view(kind, record, list(properties)), "new": not same})
        return batch(results)

    @api.post("/<kind>/search")
    def search(kind: str) -> Response:
        known(kind)
        wanted = payload()
        rows = crm.search(kind, wanted)
        answer = paged(kind, rows, int(wanted.get("after", 0)), int(wanted.get("limit", 10)),
                       wanted.get("properties", []))
        return jsonify(total=len(rows), **answer)

    return api


def known(kind: str) -> None:
    """404 for an object type that is not played."""
    if kind not in objects.KINDS:
        raise Refusal(404, f"Unable to infer object type from: {kind}")


def paged(kind: str, rows: list[Record], after: int, limit: int, wanted: list[str]) -> Record:
    """Results and, when there are more, ``paging.next.after`` [C]."""
    answer: Record = {"results": [objects.view(kind, row, wanted) for row in rows[after:after + limit]]}
    if after + limit < len(rows):
        answer["paging"] = {"next": {"after": str(after + limit), "link": ""}}
    return answer


def is_read(method: str, path: str) -> bool:
    """Batch reads and searches are POSTs that change nothing."""
    return method == "GET" or path.endswith(("/batch/read", "/search"))
