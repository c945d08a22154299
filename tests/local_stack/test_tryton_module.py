"""The ERP's module signs what it sends as Standard Webhooks prescribes, and never fails the business transaction."""

from __future__ import annotations

import base64
import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

from local import erp_base
from local.calls import request_json
from local.instance import Instance

Delivery = tuple[dict[str, str], bytes]


@pytest.fixture(scope="module")
def books(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Instance]:
    """An instance of which only the ERP is used."""
    with Instance.start(tmp_path_factory.mktemp("books")) as instance:
        yield instance


@pytest.fixture
def deliveries(books: Instance) -> Iterator[list[Delivery]]:
    """What the module delivers while a receiver listens."""
    received: list[Delivery] = []

    class Receiver(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            received.append(({name.lower(): value for name, value in self.headers.items()}, body))
            self.send_response(202)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        target(books, f"http://127.0.0.1:{server.server_port}/hook")
        yield received
        server.shutdown()


def target(books: Instance, url: str) -> None:
    record = {"url": url, "secret": books.secrets["tryton_webhook_secret"]}
    (books.books / "webhook.json").write_text(json.dumps(record), encoding="utf-8")


def post_invoice(books: Instance, external_id: str, customer: str = "") -> dict[str, Any]:
    """Create and post an invoice over REST; returns number and state."""
    ids = erp_base.identifiers(books.books)
    base = f"{books.url('tryton')}/{erp_base.DATABASE}/rest/model"
    context = base64.urlsafe_b64encode(json.dumps({"company": ids["company"]}).encode()).decode()
    headers = {"authorization": f"bearer {ids['key']}", "x-tryton-context": context}
    party = request_json("POST", f"{base}/party.party?f=addresses", {
        "external_id": customer or f"cus_of_{external_id}", "name": "Globex",
        "addresses": [["create", [{"city": "Springfield", "invoice": True}]]],
    }, headers)
    line = {
        "type": "line", "product": ids["fixed_product"], "unit": ids["fixed_unit"], "quantity": 1,
        "unit_price": "1000.00", "account": ids["revenue_account"], "taxes": [["add", [ids["taxes"]["SALES-10"]]]],
    }
    invoice = request_json("POST", f"{base}/account.invoice", {
        "external_id": external_id, "company": ids["company"], "type": "out", "party": party["id"],
        "invoice_address": party["addresses"][0], "account": ids["receivable_account"], "journal": ids["journal"],
        "currency": ids["currencies"]["USD"], "lines": [["create", [line]]],
    }, headers)
    return request_json("POST", f"{base}/account.invoice/{invoice['id']}/post?f=number&f=state", {}, headers)


def test_a_posted_invoice_is_told_once_with_a_valid_signature(books: Instance, deliveries: list[Delivery]) -> None:
    posted = post_invoice(books, "inv_signed")
    (headers, body), = deliveries
    message = Webhook(books.secrets["tryton_webhook_secret"]).verify(body, headers)
    assert message["type"] == "invoice.posted"
    assert message["data"] | {"id": 0, "write_date": ""} == {
        "model": "account.invoice", "id": 0, "external_id": "inv_signed", "state": "posted",
        "number": posted["number"], "write_date": "",
    }
    assert headers["webhook-id"] == f"account-invoice-{posted['id']}-posted"


def test_posting_succeeds_while_nobody_listens(books: Instance) -> None:
    target(books, "http://127.0.0.1:9/nobody")
    assert post_invoice(books, "inv_unheard")["state"] == "posted"


def test_an_external_id_is_given_once(books: Instance) -> None:
    post_invoice(books, "inv_once")
    with pytest.raises(Exception, match="The external ID must be unique"):
        post_invoice(books, "inv_once", customer="cus_another")


def test_a_party_belongs_to_another(books: Instance) -> None:
    """The hierarchy that the ERP keeps is written and read in the form that the connector knows."""
    ids = erp_base.identifiers(books.books)
    base = f"{books.url('tryton')}/{erp_base.DATABASE}/rest/model/party.party"
    headers = {"authorization": f"bearer {ids['key']}"}
    above = request_json("POST", base, {"external_id": "cus_above", "name": "Globex Holdings Ltd"}, headers)
    below = request_json("POST", base, {"external_id": "cus_below", "name": "Globex Corporation"}, headers)
    read = f"{base}/{below['id']}?f=parent_party.name"
    assert request_json("GET", read, None, headers)["parent_party"] is None
    put = request_json("PUT", read, {"parent_party": above["id"]}, headers)
    assert (put["parent_party"]["id"], put["parent_party"]["name"]) == (above["id"], "Globex Holdings Ltd")
