"""The simulator's HTTP face."""

from __future__ import annotations

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from helpdesk.provider.simulator.callbacks import Callbacks

_REQUIRED: Final = ("channel", "to", "body", "reference")
KEPT_MESSAGES: Final = 100_000


@dataclass(slots=True)
class Simulator:
    """What the pretend provider knows: one message a key, and how often each key was sent."""

    token: str
    callbacks: Callbacks
    accepted: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls_by_key: dict[str, int] = field(default_factory=dict)
    running: set[asyncio.Task[None]] = field(default_factory=set)

    def accept(self, key: str, message: dict[str, Any]) -> dict[str, Any]:
        """Take a message once; a repeated key gets the first answer and has no second effect."""
        self.calls_by_key[key] = self.calls_by_key.get(key, 0) + 1
        if key in self.accepted:
            return self.accepted[key]
        answer = {"id": f"pm_{uuid.uuid4().hex}", "status": "accepted"}
        self.accepted[key] = answer
        self._forget_oldest()
        self._call_back(answer["id"], message)
        return answer

    def _forget_oldest(self) -> None:
        """Bound the memory of a simulator that runs through a soak."""
        while len(self.accepted) > KEPT_MESSAGES:
            oldest = next(iter(self.accepted))
            del self.accepted[oldest], self.calls_by_key[oldest]

    def _call_back(self, provider_id: str, message: dict[str, Any]) -> None:
        told = self.callbacks.tell_progress(
            provider_id=provider_id,
            reference=message["reference"],
            traceparent=message["traceparent"],
        )
        task = asyncio.get_running_loop().create_task(told)
        self.running.add(task)  # the loop itself keeps only a weak reference
        task.add_done_callback(self.running.discard)


def build_app(*, token: str, callbacks: Callbacks) -> Starlette:
    """
    Return the ASGI app of a simulated provider.

    `POST /messages` takes a message; `GET /messages` tells, for tests, how often each key was
    seen; `POST /inbound` makes a pretend customer write; `GET /health` answers 204.
    """
    simulator = Simulator(token=token, callbacks=callbacks)

    async def post_message(request: Request) -> Response:
        if request.headers.get("authorization") != f"Bearer {simulator.token}":
            return JSONResponse({"error": "unauthorized"}, status_code=401)
        message = _json(await request.body())
        key = request.headers.get("idempotency-key", "")
        if message is None or not key or any(not message.get(name) for name in _REQUIRED):
            return JSONResponse({"error": "invalid message or no key"}, status_code=422)
        message["traceparent"] = request.headers.get("traceparent", "")
        return JSONResponse(simulator.accept(key, message), status_code=202)

    async def get_messages(_request: Request) -> Response:
        return JSONResponse({"calls_by_key": simulator.calls_by_key})

    async def post_inbound(request: Request) -> Response:
        message = _json(await request.body())
        if message is None:
            return JSONResponse({"error": "invalid"}, status_code=422)
        status = await callbacks.tell_inbound(message)
        return JSONResponse({"helpdesk_answered": status})

    async def health(_request: Request) -> Response:
        return Response(status_code=204)

    return Starlette(
        routes=[
            Route("/messages", post_message, methods=["POST"]),
            Route("/messages", get_messages, methods=["GET"]),
            Route("/inbound", post_inbound, methods=["POST"]),
            Route("/health", health, methods=["GET"]),
        ]
    )


def _json(body: bytes) -> dict[str, Any] | None:
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return value if isinstance(value, dict) else None
