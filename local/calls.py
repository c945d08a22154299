"""JSON over HTTP to the services of an instance, with nothing but the standard library."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Mapping
from typing import Any

from .problem import Problem

_DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Everything here runs on this machine; a proxy of the reader's network must not see it."""


def answers(url: str, headers: Mapping[str, str]) -> bool:
    """Whether a GET succeeds."""
    try:
        with _DIRECT.open(urllib.request.Request(url, headers=dict(headers)), timeout=5) as answer:
            return answer.status < 300
    except OSError:
        return False


def request_json(
    method: str, url: str, body: Any = None, headers: Mapping[str, str] | None = None, *, timeout: float = 60,
) -> Any:
    """Send JSON, get JSON back; an error status is a Problem that quotes the answer."""
    data = None if body is None else json.dumps(body).encode()
    return _send(method, url, data, {"content-type": "application/json", **(headers or {})}, timeout)


def request_form(url: str, fields: Mapping[str, str], headers: Mapping[str, str]) -> Any:
    """POST a form, get JSON back."""
    return _send("POST", url, urllib.parse.urlencode(fields).encode(), headers, 60)


def _send(method: str, url: str, data: bytes | None, headers: Mapping[str, str], timeout: float) -> Any:
    request = urllib.request.Request(url, data=data, method=method, headers=dict(headers))
    try:
        with _DIRECT.open(request, timeout=timeout) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        detail = error.read().decode(errors="replace")[:500]
        raise Problem(f"{method} {url} was answered with {error.code}: {detail}") from error
    except OSError as error:
        raise Problem(f"{method} {url} was not answered: {error}") from error
    return json.loads(text) if text.strip() else None
