"""The routes of the API: ``/api/v1/<collection>`` with ``only``, ``include``, ``order``, filters and paging [C]."""

from __future__ import annotations

import math
from typing import Any

from flask import Blueprint, Response, jsonify, request

from ..common.books import Record
from .errors import Refusal, error
from .schema import COLLECTIONS, CREATED_STATUS, INCLUDED
from .store import Store

PREFIX = "/api/v1"
PAGE, MAX_PAGE = 20, 200
"""A page holds 20 unless asked, as the published example shows; at most 200 [GK]."""
CONTROLS = frozenset({"only", "include", "page", "per_page", "order"})
EVENT_FILTERS = frozenset({"created_after", "created_before", "event_types", "most_recent"})


def blueprint(store: Store) -> Blueprint:
    """The API's routes over one account."""
    api = Blueprint("kantata_api", __name__, url_prefix=PREFIX)

    @api.errorhandler(Refusal)
    def refused(problem: Refusal) -> Response:
        return error(problem.status, *problem.messages)

    @api.get("/subscribed_events")
    def events() -> Response:
        if unknown := sorted(set(request.args) - CONTROLS - EVENT_FILTERS):
            raise Refusal(422, f"unknown parameters {unknown}")
        try:
            rows = store.events.visible(
                request.args.get("created_after"), request.args.get("created_before"),
                names("event_types"), request.args.get("most_recent") == "true")
        except ValueError as problem:
            raise Refusal(422, f"not a timestamp: {problem}") from problem
        return jsonify(page(store, "subscribed_events", rows))

    @api.get("/<collection>")
    def index(collection: str) -> Response:
        known(collection)
        return jsonify(page(store, collection, filtered(store, collection)))

    @api.get("/<collection>/<key>")
    def show(collection: str, key: str) -> Response:
        known(collection)
        return jsonify(page(store, collection, [store.get(collection, key)]))

    @api.post("/external_references/create_or_update")
    def create_or_update() -> tuple[Response, int]:
        record = store.refer(attributes("external_references"))
        return jsonify(page(store, "external_references", [record])), CREATED_STATUS

    @api.post("/<collection>")
    def create(collection: str) -> tuple[Response, int]:
        known(collection)
        sent = attributes(collection)
        if not COLLECTIONS[collection].create:
            raise Refusal(404, f"{collection} cannot be created")
        if collection == "external_references":
            raise Refusal(404, "use external_references/create_or_update")
        if collection == "custom_field_values":
            record = custom_value(sent)
        else:
            record = store.create(collection, sent)
        return jsonify(page(store, collection, [record])), CREATED_STATUS

    def custom_value(sent: Record) -> Record:
        if missing := [name for name in COLLECTIONS["custom_field_values"].required if sent.get(name) is None]:
            raise Refusal(422, *(f"{name} can't be blank" for name in missing))
        if str(sent["subject_type"]).lower() != "story":
            raise Refusal(422, "only custom fields of stories are played")
        return store.value(str(sent["subject_id"]), store.get("custom_fields", str(sent["custom_field_id"])),
                           sent["value"])

    @api.put("/<collection>/<key>")
    def update(collection: str, key: str) -> Response:
        known(collection)
        record = store.get(collection, key)
        sent = attributes(collection)
        if collection == "custom_field_values":
            record = store.value(record["subject_id"], store.get("custom_fields", record["custom_field_id"]),
                                 sent.get("value"))
        else:
            record = store.update(collection, record, sent)
        return jsonify(page(store, collection, [record]))

    @api.delete("/<collection>/<key>")
    def delete(collection: str, key: str) -> tuple[str, int]:
        known(collection)
        store.delete(collection, store.get(collection, key))
        return "", 204

    return api


def known(collection: str) -> None:
    """404 for a collection that is not played."""
    if collection not in COLLECTIONS:
        raise Refusal(404, f"no collection {collection}")


def attributes(collection: str) -> Record:
    """What was sent under the collection's singular name [C]."""
    value: Any = request.get_json(silent=True)
    singular = COLLECTIONS[collection].singular
    if not isinstance(value, dict) or not isinstance(value.get(singular), dict):
        raise Refusal(422, f"{singular} is required")
    return dict(value[singular])


def names(parameter: str) -> list[str]:
    """A comma-separated parameter."""
    return [item for item in request.args.get(parameter, "").split(",") if item]


def filtered(store: Store, collection: str) -> list[Record]:
    """The records a GET asks for. Any attribute filters by equality; a parameter that is none is refused, because
    a filter that is silently ignored returns everybody's records."""
    rows = store.books.find(collection)
    schema = COLLECTIONS[collection]
    attributes_known = schema.create | set(schema.defaults) | {name for row in rows for name in row}
    filters = {name: value for name, value in request.args.items() if name not in CONTROLS}
    if unknown := sorted(set(filters) - attributes_known):
        raise Refusal(422, f"unknown parameters {unknown}")
    if "only" in request.args:
        wanted = set(names("only"))
        rows = [row for row in rows if row["id"] in wanted]
    for name, value in filters.items():
        rows = [row for row in rows if text(row.get(name)) == value]
    if order := request.args.get("order"):
        field, _, direction = order.partition(":")
        rows.sort(key=lambda row: str(row.get(field) or ""), reverse=direction == "desc")
    return rows


def text(value: Any) -> str:
    """A value as it is written in a query."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def page(store: Store, collection: str, rows: list[Record]) -> Record:
    """One page: order in ``results``, records in maps by id, one map per collection [C]."""
    number = max(1, request.args.get("page", 1, type=int))
    size = min(MAX_PAGE, max(1, request.args.get("per_page", PAGE, type=int)))
    shown = rows[(number - 1) * size:number * size]
    answer: Record = {
        "count": len(rows),
        "meta": {"count": len(rows), "page_count": math.ceil(len(rows) / size), "page_number": number,
                 "page_size": size},
        "results": [{"key": collection, "id": row["id"]} for row in shown],
        collection: {row["id"]: dict(row) for row in shown},
    }
    for name in names("include"):
        include(store, answer, collection, name)
    return answer


def include(store: Store, answer: Record, collection: str, name: str) -> None:
    """Add an association: its records in a map of their own, its keys in the records that have it."""
    if collection not in COLLECTIONS or name not in COLLECTIONS[collection].includes:
        raise Refusal(422, f"{collection} cannot include {name}")
    subject = COLLECTIONS[collection].subject
    for row in answer[collection].values():
        if name in INCLUDED:
            key = row.get(f"{name}_id")
            found = [store.books.records[INCLUDED[name]][key]] if key in store.books.records[INCLUDED[name]] else []
        elif name == "stories":
            found = store.books.find("stories", workspace_id=row["id"])
            row["story_ids"] = [item["id"] for item in found]
        elif name == "expenses":
            found = [store.books.records[name][key] for key in row["expense_ids"] if key in store.books.records[name]]
        elif name == "custom_field_values":
            found = store.books.find(name, subject_id=row["id"])
            row["custom_field_value_ids"] = [item["id"] for item in found]
        else:
            found = store.books.find("external_references", subject_type=subject, subject_id=row["id"])
            row["external_reference_ids"] = [item["id"] for item in found]
        answer.setdefault(INCLUDED.get(name, name), {}).update({item["id"]: dict(item) for item in found})
