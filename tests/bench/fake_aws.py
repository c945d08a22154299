"""Endpoints of AWS that answer at once from memory, over TLS like the real ones."""

from __future__ import annotations

import json
import shutil
import socket
import ssl
import subprocess
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Item = dict[str, Any]


class FakeAws:
    """DynamoDB that never changes, a bus that takes everything, secrets that open nothing."""

    def __init__(self, scratch: Path, items: list[Item]) -> None:
        self.items = {(item["pk"], item["sk"]): _attributes(item) for item in items}
        self.calls: Counter[str] = Counter()
        self.ca_bundle = _certificate(scratch)
        self._server = _Server(("127.0.0.1", 0), self)
        if self.ca_bundle:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(scratch / "leaf.pem", scratch / "leaf.key")
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False,
            )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def endpoint(self) -> str:
        """Where the clients find it."""
        return f"{'https' if self.ca_bundle else 'http'}://localhost:{self._server.server_port}"

    def answer(self, operation: str, request: Item) -> Item:
        """The answer to an operation; only reads say anything."""
        if operation == "GetItem":
            key = (request["Key"]["pk"]["S"], request["Key"]["sk"]["S"])
            return {"Item": self.items[key]} if key in self.items else {}
        if operation == "Query":
            return {"Items": [], "Count": 0, "ScannedCount": 0}
        if operation == "PutEvents":
            return {"FailedEntryCount": 0, "Entries": [{"EventId": "1"} for _ in request["Entries"]]}
        if operation == "GetSecretValue":
            return {"SecretString": json.dumps({"signing_secrets": ["not-a-secret"], "api_token": "not-a-token"})}
        return {}

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], aws: FakeAws) -> None:
        super().__init__(address, _Handler)
        self.aws = aws


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().setup()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        aws: FakeAws = self.server.aws
        operation = (self.headers.get("x-amz-target") or "").rpartition(".")[2]
        aws.calls[operation] += 1
        answer = json.dumps(aws.answer(operation, json.loads(body or b"{}"))).encode()
        self.send_response(200)
        self.send_header("content-type", "application/x-amz-json-1.0")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        """Nobody reads a log of it."""


def _attributes(item: Item) -> Item:
    """An item as DynamoDB's API writes it."""
    return {name: _attribute(value) for name, value in item.items()}


def _attribute(value: Any) -> Item:
    if value is None:
        return {"NULL": True}
    if isinstance(value, bool):
        return {"BOOL": value}
    if isinstance(value, int):
        return {"N": str(value)}
    if isinstance(value, str):
        return {"S": value}
    if isinstance(value, list):
        return {"L": [_attribute(element) for element in value]}
    return {"M": _attributes(value)}


def _certificate(scratch: Path) -> Path | None:
    """A root and a certificate for localhost, as long-keyed as AWS's own; none without openssl."""
    openssl = shutil.which("openssl")
    if openssl is None:
        return None

    def run(*arguments: str) -> None:
        subprocess.run([openssl, *arguments], cwd=scratch, check=True, capture_output=True)

    new = ("-newkey", "rsa:2048", "-nodes", "-days", "2")
    run("req", "-x509", *new, "-keyout", "root.key", "-out", "root.pem", "-subj", "/CN=bench root")
    run("req", *new[:3], "-keyout", "leaf.key", "-out", "leaf.csr", "-subj", "/CN=localhost")
    (scratch / "leaf.ext").write_text("subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n", encoding="utf-8")
    run(
        "x509", "-req", "-in", "leaf.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial",
        "-days", "2", "-extfile", "leaf.ext", "-out", "leaf.pem",
    )
    return scratch / "root.pem"
