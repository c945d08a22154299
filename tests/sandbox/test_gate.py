"""What every call passes: authentication, rate limit, faults, and the books."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import requests

from .common.gate import ConnectionClosed, falsified
from .conftest import Client
from .hubspot.app import build

WORKSPACES = "/api/v1/workspaces"
PROJECT = {"workspace": {"title": "Globex", "creator_role": "maven", "currency": "USD"}}


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Basic abc"])
def test_both_refuse_a_call_without_the_token(hubspot: Client, kantata: Client, authorization: str | None) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    refused = hubspot.call("GET", "/crm/v3/objects/deals/1", headers=headers)
    assert refused.status_code == 401
    assert {"category", "correlationId", "message"} <= set(refused.get_json())
    refused = kantata.call("POST", WORKSPACES, PROJECT, headers=headers)
    assert refused.status_code == 401
    assert refused.get_json()["errors"][0]["type"] == "oauth"
    assert kantata.control("GET", "/dump")["records"]["workspaces"] == {}


def test_every_write_is_in_the_books_even_a_refused_one(kantata: Client) -> None:
    kantata.call("POST", WORKSPACES, PROJECT)
    kantata.call("POST", WORKSPACES, {"workspace": {}})
    kantata.call("GET", WORKSPACES)
    assert [(c["method"], c["path"], c["status"]) for c in kantata.writes()] == [
        ("POST", WORKSPACES, 200), ("POST", WORKSPACES, 422)]
    assert kantata.writes()[0]["body"] == PROJECT
    assert kantata.control("GET", "/dump")["reads"] == {f"GET {WORKSPACES}": 1}


def test_reading_by_post_is_not_a_write(hubspot: Client) -> None:
    deal = hubspot.control("POST", "/deals")
    read = hubspot.call("POST", "/crm/v3/objects/line_items/batch/read",
                        {"properties": ["price"], "inputs": [{"id": deal["line_item_ids"][0]}]})
    assert read.get_json()["results"][0]["properties"]["price"] == "20000.00"
    assert hubspot.writes() == []


def test_the_rate_limit_answers_as_documented(hubspot: Client, kantata: Client) -> None:
    for client in (hubspot, kantata):
        client.control("PUT", "/rate_limit", {"limit": 2, "window_seconds": 30})
    answers = [hubspot.call("GET", "/crm/v3/objects/deals") for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert answers[2].get_json()["errorType"] == "RATE_LIMIT"
    assert answers[2].get_json()["policyName"] == "TEN_SECONDLY_ROLLING"
    assert answers[0].headers["X-HubSpot-RateLimit-Remaining"] == "1"
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 30
    assert [kantata.call("GET", WORKSPACES).status_code for _ in range(3)] == [200, 200, 429]


def test_a_status_fault_has_no_effect_and_is_used_up(kantata: Client) -> None:
    kantata.control("POST", "/faults", {"mode": "status", "status": 503, "retry_after": 7, "count": 2, "skip": 1,
                                        "method": "POST", "path": WORKSPACES})
    answers = [kantata.call("POST", WORKSPACES, PROJECT) for _ in range(4)]
    assert [a.status_code for a in answers] == [200, 503, 503, 200]
    assert answers[1].headers["Retry-After"] == "7"
    assert len(kantata.control("GET", "/dump")["records"]["workspaces"]) == 2


def test_a_429_fault_has_the_products_own_body(hubspot: Client) -> None:
    hubspot.control("POST", "/faults", {"mode": "status", "status": 429, "path": "/crm"})
    assert hubspot.call("GET", "/crm/v3/objects/deals").get_json()["errorType"] == "RATE_LIMIT"


@pytest.mark.parametrize(("mode", "effects"), [("timeout-before", 0), ("commit-then-timeout", 1)])
def test_a_timeout_looks_the_same_before_and_after_the_effect(kantata: Client, mode: str, effects: int) -> None:
    kantata.control("POST", "/faults", {"mode": mode, "method": "POST", "path": WORKSPACES})
    with pytest.raises(ConnectionClosed):
        kantata.call("POST", WORKSPACES, PROJECT)
    assert len(kantata.control("GET", "/dump")["records"]["workspaces"]) == effects
    (call,) = kantata.writes()
    assert (call["status"], call["fault"]) == (None, mode)


def test_slow_is_late_but_right(kantata: Client) -> None:
    kantata.control("POST", "/faults", {"mode": "slow", "seconds": 0.2, "path": "/api"})
    started = time.monotonic()
    assert kantata.call("POST", WORKSPACES, PROJECT).status_code == 200
    assert time.monotonic() - started >= 0.2


def test_a_wrong_amount_is_answered_but_not_stored(kantata: Client) -> None:
    project = next(iter(kantata.call("POST", WORKSPACES, PROJECT).get_json()["workspaces"]))
    kantata.control("POST", "/faults", {"mode": "wrong-amount", "path": "/api/v1/billing_milestones"})
    body = {"billing_milestone": {"title": "M1", "workspace_id": project, "amount_in_cents": 2_000_000}}
    answer = kantata.call("POST", "/api/v1/billing_milestones", body).get_json()
    (answered,) = answer["billing_milestones"].values()
    (stored,) = kantata.control("GET", "/dump")["records"]["billing_milestones"].values()
    assert (answered["amount_in_cents"], stored["amount_in_cents"]) == (2_000_001, 2_000_000)


def test_only_amounts_are_falsified() -> None:
    assert falsified({"id": "7", "amount": "10.50", "q2c_invoice_total": "1", "count": 3, "rate": 5}) == {
        "id": "7", "amount": "11.50", "q2c_invoice_total": "2", "count": 3, "rate": 6}


@pytest.mark.parametrize("fault", [
    {"mode": "explode"}, {"mode": "slow", "colour": 1}, {"mode": "status", "status": 200},
    {"mode": "slow", "count": 0}, {},
])
def test_a_fault_that_makes_no_sense_is_refused(kantata: Client, fault: dict[str, object]) -> None:
    assert kantata.flask.post("/_sandbox/faults", json=fault).status_code == 400


def test_reset_empties_books_and_faults_but_never_reuses_an_id(kantata: Client) -> None:
    first = kantata.call("POST", WORKSPACES, PROJECT).get_json()["results"][0]["id"]
    kantata.control("POST", "/faults", {"mode": "status", "path": "/api"})
    kantata.control("POST", "/reset")
    dump = kantata.control("GET", "/dump")
    assert dump["records"]["workspaces"] == {} and dump["calls"] == []
    assert len(dump["records"]["custom_fields"]) == 1
    assert int(kantata.call("POST", WORKSPACES, PROJECT).get_json()["results"][0]["id"]) > int(first)


def test_state_survives_a_restart(tmp_path: Path) -> None:
    file = tmp_path / "state" / "hubspot.json"
    first = Client(build(file=file), "hubspot-sandbox-token")
    first.control("PUT", "/webhook", {"url": "http://localhost:1/x", "client_secret": "s"})
    deal = first.control("POST", "/deals")["deal_id"]
    second = Client(build(file=file), "hubspot-sandbox-token")
    assert second.call("GET", f"/crm/v3/objects/deals/{deal}").status_code == 200
    assert second.control("GET", "/webhook")["client_secret"] == "s"
    assert int(second.control("POST", "/deals")["deal_id"]) > int(deal)


def test_the_page_escapes_what_it_shows(hubspot: Client, kantata: Client) -> None:
    hubspot.control("POST", "/deals", {"deal": {"dealname": "<script>alert(1)</script>"}})
    page = hubspot.flask.get("/")
    assert page.content_type.startswith("text/html") and "<script>" not in page.text
    assert "&lt;script&gt;" in page.text and "Globex Corporation" in page.text
    assert "Projects (0)" in kantata.flask.get("/").text


@pytest.fixture
def served() -> object:
    """A Kantata in a process of its own, because hanging up needs a real socket."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    root = Path(__file__).parents[2]
    process = subprocess.Popen([sys.executable, "-m", "tests.sandbox.kantata", "--port", str(port)],
                               cwd=root, stdout=subprocess.PIPE, text=True)
    assert process.stdout and str(port) in process.stdout.readline()
    yield f"http://127.0.0.1:{port}"
    process.terminate()
    process.wait(timeout=10)
    process.stdout.close()


def test_over_a_socket_the_connection_ends_without_an_answer(served: str) -> None:
    headers = {"Authorization": "Bearer kantata-sandbox-token"}
    for mode in ("timeout-before", "commit-then-timeout"):
        requests.post(f"{served}/_sandbox/faults", json={"mode": mode, "path": WORKSPACES}, timeout=5)
        with pytest.raises(requests.ConnectionError):
            requests.post(served + WORKSPACES, json=PROJECT, headers=headers, timeout=5)
    dump = requests.get(f"{served}/_sandbox/dump", timeout=5).json()
    assert len(dump["records"]["workspaces"]) == 1
    assert json.dumps([call["status"] for call in dump["calls"]]) == "[null, null]"
