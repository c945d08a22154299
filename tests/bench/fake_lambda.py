"""The Lambda service as a function sees it: hands out invocations, takes the answers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_PREFIX = "/2018-06-01/runtime"
_MINUTE_MS = 60_000


class FakeLambda:
    """Serves the Runtime API to one process; `at_poll(n)` is called when it asks for its n-th invocation."""

    def __init__(self, invocations: list[bytes], at_poll: Callable[[int], None]) -> None:
        self.invocations = invocations
        self.at_poll = at_poll
        self.errors: list[str] = []
        self.finished = threading.Event()
        self.closed = threading.Event()
        self.polls = 0
        self._server = _Server(("127.0.0.1", 0), self)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @property
    def address(self) -> str:
        """What AWS_LAMBDA_RUNTIME_API says."""
        return f"127.0.0.1:{self._server.server_port}"

    def next_invocation(self) -> bytes | None:
        """The next invocation; none when the measurement is over."""
        poll, self.polls = self.polls, self.polls + 1
        self.at_poll(poll)
        if poll < len(self.invocations):
            return self.invocations[poll]
        self.finished.set()
        self.closed.wait()
        return None

    def close(self) -> None:
        """Stop answering."""
        self.closed.set()
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], service: FakeLambda) -> None:
        super().__init__(address, _Handler)
        self.service = service


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        self.request.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        super().setup()

    def do_GET(self) -> None:
        service: FakeLambda = self.server.service
        invocation = service.next_invocation()
        if invocation is None:
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(invocation)))
        self.send_header("lambda-runtime-aws-request-id", f"request-{service.polls}")
        self.send_header("lambda-runtime-deadline-ms", str(int(time.time() * 1000) + _MINUTE_MS))
        self.send_header("lambda-runtime-invoked-function-arn", "arn:aws:lambda:us-east-1:123456789012:function:bench")
        self.end_headers()
        self.wfile.write(invocation)

    def do_POST(self) -> None:
        service: FakeLambda = self.server.service
        body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
        if self.path == f"{_PREFIX}/init/error" or self.path.endswith("/error"):
            service.errors.append(body)
        elif '"itemIdentifier"' in body:
            service.errors.append(f"events failed: {body}")
        self.send_response(202)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nobody reads a log of it."""
