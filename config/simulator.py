"""The simulated message provider as an ASGI app: `daphne -p 8090 config.simulator:app`."""

from __future__ import annotations

import os
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django

django.setup()

from django.conf import settings  # noqa: E402 - settings first

from config import tracing  # noqa: E402
from helpdesk.provider.simulator.app import build_app  # noqa: E402
from helpdesk.provider.simulator.callbacks import Callbacks  # noqa: E402


def _build() -> Any:
    """
    Return the simulator; where faults may be injected, its own socket is what misbehaves.

    Unless the desk's client injects them (`PROVIDER_IS_SIMULATED`), for none shall hit twice.
    """
    simulator = build_app(
        token=settings.HELPDESK["PROVIDER_TOKEN"],
        callbacks=Callbacks(
            url=settings.HELPDESK["PROVIDER_CALLBACK_URL"],
            secret=settings.HELPDESK["PROVIDER_WEBHOOK_SECRETS"][0],
        ),
    )
    is_client_faulty = bool(settings.HELPDESK["PROVIDER_TRANSPORT"])
    if is_client_faulty or "chaos" not in settings.INSTALLED_APPS:
        return simulator
    from chaos.points.provider import ProviderFaults  # noqa: PLC0415 - only where chaos is installed

    return ProviderFaults(simulator)


tracing.start("provider")
app = _build()
