"""WebSocket routes, and the two ways through their door."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import parse_qs, urlsplit

from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from channels.security.websocket import OriginValidator
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.urls import path
from django.utils import timezone

from helpdesk.consumers.base import in_thread
from helpdesk.consumers.inbox import InboxConsumer
from helpdesk.consumers.ticket import TicketConsumer
from helpdesk.services.accounts import redeem_socket_ticket

_router = URLRouter(
    [
        path("ws/v1/tickets/<int:ticket_id>", TicketConsumer.as_asgi()),
        path("ws/v1/inbox", InboxConsumer.as_asgi()),
    ]
)


class SocketDoor:
    """
    Lets a socket in by its single-use `?ticket=`, or by session cookie from an Origin of ours.

    A session needs the Origin because browsers send cookies along for any page that asks; a
    ticket had to be fetched with credentials, so it needs none.
    """

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self._with_session = AuthMiddlewareStack(inner)
        self._origins = OriginValidator(inner, settings.ALLOWED_HOSTS)

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        tickets = parse_qs(scope["query_string"].decode("latin-1")).get("ticket")
        if tickets:
            redeem = partial(redeem_socket_ticket, ticket=tickets[0], now=timezone.now())
            user = await in_thread(redeem) or AnonymousUser()
            await self._inner({**scope, "user": user}, receive, send)
        elif self._comes_from_us(scope):
            await self._with_session(scope, receive, send)
        else:
            await self._inner({**scope, "user": AnonymousUser()}, receive, send)

    def _comes_from_us(self, scope: dict[str, Any]) -> bool:
        origin = dict(scope["headers"]).get(b"origin", b"").decode("latin-1")
        return bool(origin) and bool(self._origins.valid_origin(urlsplit(origin)))


class NoSuchSocket:
    """Closes sockets at unknown addresses instead of failing them."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> None:
        try:
            await self._inner(scope, receive, send)
        except ValueError as error:
            if "No route found" not in str(error):
                raise
            await send({"type": "websocket.close", "code": 4404})


application = NoSuchSocket(SocketDoor(_router))
