"""A forward proxy on loopback, as companies have them between a server and the internet."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import requests
from werkzeug.serving import make_server
from werkzeug.wrappers import Request, Response

OWN = ("connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding")


class Proxy:
    """Passes requests on; `refuses` has it answer 403 with a page of its own instead."""

    def __init__(self) -> None:
        self.passed = 0
        self.refuses = False

    def answer(self, request: Request) -> Response:
        """What the other side says."""
        if self.refuses:
            return Response("<html>Blocked by policy</html>", 403, content_type="text/html")
        self.passed += 1
        session = requests.Session()
        session.trust_env = False
        answer = session.request(
            request.method,
            # a request to a proxy names the whole address
            str(request.environ["RAW_URI"]),
            data=request.get_data(),
            headers={k: v for k, v in request.headers.items() if k.lower() not in OWN},
            allow_redirects=False,
            timeout=10,
        )
        kept = {k: v for k, v in answer.headers.items() if k.lower() not in OWN}
        return Response(answer.content, answer.status_code, headers=kept)


@contextmanager
def proxy() -> Iterator[tuple[Proxy, str]]:
    """The proxy, and its address."""
    there = Proxy()
    server = make_server("127.0.0.1", 0, Request.application(there.answer), threaded=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield there, f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join(timeout=5)
        server.server_close()
