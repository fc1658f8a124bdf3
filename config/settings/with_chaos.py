"""
What changes when faults may be injected: stock classes give way to those of `chaos.points`.

Imported only when `CHAOS_ENABLED` is true, so production never names, imports or runs a line of
`chaos`. Each swap sits directly on the driver, below retries, pools and metrics, so the code that
recovers is the code that runs in production.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from chaos.points.redis import class_for
from config import env
from config.settings import admin, base, celery, helpdesk, logs, redis, slo

INSTALLED_APPS = [*base.INSTALLED_APPS, "chaos"]
# Early: the other middlewares' share of an exempt request is exempt as well. Last:
# `process_view` runs inside the metrics' clock and knows which view it delays.
MIDDLEWARE = [
    base.MIDDLEWARE[0],
    "chaos.points.http.ExemptionMiddleware",
    *base.MIDDLEWARE[1:],
    "chaos.points.http.ChaosMiddleware",
]

DATABASES: dict[str, Any] = deepcopy(base.DATABASES)
# Under the metrics, so that they count what is injected.
DATABASES["default"]["ENGINE"] = "chaos.points.postgres.prometheus"

CACHES: dict[str, Any] = deepcopy(redis.CACHES)
# django-redis and channels-redis hand this to redis-py as it is: a class, not its dotted name.
CACHES["default"]["OPTIONS"]["CONNECTION_POOL_KWARGS"]["connection_class"] = class_for(
    "cache", redis.CACHE_URL
)
CHANNEL_LAYERS: dict[str, Any] = deepcopy(redis.CHANNEL_LAYERS)
CHANNEL_LAYERS["default"]["CONFIG"]["hosts"][0]["connection_class"] = class_for(
    "channels", redis.CHANNELS_URL
)
# The URL's scheme may not name a class (kombu refuses a dot in it); this setting may.
CELERY_BROKER_TRANSPORT = "chaos.points.broker:Transport"
CELERY_BEAT_SCHEDULE: dict[str, Any] = celery.CELERY_BEAT_SCHEDULE
HELPDESK: dict[str, Any] = helpdesk.HELPDESK
if not env.PROVIDER_IS_SIMULATED:  # one of the two injects: our simulator, or else our client
    HELPDESK = {**HELPDESK, "PROVIDER_TRANSPORT": "config.provider_faults.faulty"}
SLO: dict[str, Any] = {**slo.SLO, "CHAOS_INTERVALS": "config.fault_history.between"}

TEMPLATES: list[dict[str, Any]] = deepcopy(base.TEMPLATES)
TEMPLATES[0]["OPTIONS"]["context_processors"].append("config.notices.site_notice")
UNFOLD: dict[str, Any] = {
    **admin.UNFOLD,
    "STYLES": ["chaos.banner.style"],
    "SCRIPTS": ["chaos.banner.script"],
}
LOGGING: dict[str, Any] = deepcopy(logs.LOGGING)
LOGGING["filters"] = {"fault": {"()": "chaos.logs.FaultFilter"}}
LOGGING["handlers"]["console"]["filters"] = ["fault"]

CHAOS: dict[str, Any] = {
    "ENVIRONMENT": env.ENVIRONMENT,
    "MAX_TTL_SECONDS": env.CHAOS_MAX_TTL_SECONDS,
    "MAX_ACTIVE_FAULTS": 10,
    "MAX_CONCURRENT_SLEEPS": 24,
    # Empty: where the default alias connects, but on a connection of its own. Behind PgBouncer
    # name the server itself, for LISTEN needs a session.
    "CONTROL_DATABASE_URL": "",
    "EXEMPT_PATHS": (
        "/admin/",
        "/api/v1/dev/chaos",
        "/livez",
        "/readyz",
        "/metrics",
        "/static/",
        "/chaos/",
    ),
    "MAY_INJECT": "helpdesk.access.is_owner",
    "EXERCISES": "config.exercises.EXERCISES",
    # Whoever reaches the disk stops everything with `touch`, whatever else is dead.
    "STOP_FILE": str(base.BASE_DIR / ".run" / "chaos-stop"),
    "PROBES": "config.probes.PROBES",
    "EXPERIMENTS": str(base.BASE_DIR / "config" / "experiments"),
    "ON_INJECTED": "config.marking.mark_span",
}
