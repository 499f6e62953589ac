"""The sandbox Katana's HTTP side: key, quota and dispatch."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

import msgspec
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Map, Rule
from werkzeug.wrappers import Request, Response

from katana_woo_sync.sandbox.katana.errors import VALIDATION_FAILED, Refusal
from katana_woo_sync.sandbox.katana.quota import Quota
from katana_woo_sync.sandbox.katana.routes import ROUTES, Call, Handler, Reply
from katana_woo_sync.sandbox.katana.schema import Problem
from katana_woo_sync.sandbox.katana.state import State

PREFIX = "/v1"

_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True)
class RefusedRequest:
    """A request that was answered 422, and what the client was told."""

    method: str
    path: str
    message: str
    details: tuple[Problem, ...]
    body: bytes


HANDLERS: list[Handler] = [handler for _, _, handler in ROUTES]
MAP = Map(
    Rule(PREFIX + path, methods=[method], endpoint=index)
    for index, (method, path, _) in enumerate(ROUTES)
)
MAP.update()
"""Compiled once: it takes longer than most of what a test asks."""


class KatanaApp:
    """Answers requests from one `State`; safe to call from several threads."""

    def __init__(
        self, state: State, quota: Quota, api_key: str, *, batch_shortage_refused: bool
    ) -> None:
        self._state = state
        self._quota = quota
        self._api_key = api_key
        self._shortage_refused = batch_shortage_refused
        self.violations: list[RefusedRequest] = []
        """Requests that broke the published contract."""
        self.refusals: list[RefusedRequest] = []
        """Requests that kept the contract and could not be done all the same."""

    def handle(self, request: Request) -> Response:
        """Answer one request."""
        headers, too_many = self._quota.take()
        try:
            self._check_key(request)
            if too_many is not None:
                raise too_many
            with self._state.lock:
                reply = self._dispatch(request)
        except Refusal as refusal:
            self._note(request, refusal)
            body = _encoder.encode(refusal.body())
            all_headers = {**headers, **refusal.headers}
            return Response(body, refusal.status, all_headers, content_type="application/json")
        if reply.body is None:
            return Response(b"", 204, headers)
        body = _encoder.encode(reply.body)
        all_headers = {**headers, **reply.headers}
        return Response(body, 200, all_headers, content_type="application/json")

    def _check_key(self, request: Request) -> None:
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._api_key}".encode()):
            raise Refusal(401, "Unauthorized")

    def _dispatch(self, request: Request) -> Reply:
        try:
            index, arguments = MAP.bind_to_environ(request.environ).match()
        except HTTPException:
            message = f'Endpoint "{request.method} {request.path}" not found.'
            raise Refusal(404, message) from None
        key = int(arguments.get("key", 0))
        return HANDLERS[int(index)](
            Call(
                state=self._state,
                request=request,
                key=key,
                shortage_refused=self._shortage_refused,
            )
        )

    def _note(self, request: Request, refusal: Refusal) -> None:
        if refusal.status != 422:
            return
        noted = RefusedRequest(
            request.method, request.path, refusal.message, refusal.details, request.get_data()
        )
        with self._state.lock:
            broken = refusal.code == VALIDATION_FAILED
            (self.violations if broken else self.refusals).append(noted)
