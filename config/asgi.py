"""
One port: HTTP through Django in a pool of threads, WebSockets through Channels on the loop.

Django's own ASGI handler runs each sync request in a thread made for it and hops between threads
at every middleware; a standing pool does neither (docs/adr/0008 has the figures).
"""

from __future__ import annotations

import os
from typing import Any, cast

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from a2wsgi import WSGIMiddleware
from channels.routing import ProtocolTypeRouter
from django.conf import settings
from django.core.wsgi import get_wsgi_application

from config import env, tracing
from config.backlog import TellBacklog

http = WSGIMiddleware(cast("Any", get_wsgi_application()), workers=env.WEB_THREADS)

from django.urls import get_resolver  # noqa: E402 - needs the apps loaded

from helpdesk.routing import application as websocket  # noqa: E402 - needs the apps loaded

# Load every view now: the first user of a process should not wait for its imports.
get_resolver()._populate()  # noqa: SLF001 - nothing public does it


def _sockets() -> Any:
    """Return the sockets' application; where faults may be injected, they can be dropped."""
    if "chaos" not in settings.INSTALLED_APPS:
        return websocket
    from chaos.points.websocket import SocketFaults  # noqa: PLC0415 - only where it is installed

    return SocketFaults(websocket)


tracing.start("web")
application = ProtocolTypeRouter({"http": http, "websocket": TellBacklog(_sockets())})
