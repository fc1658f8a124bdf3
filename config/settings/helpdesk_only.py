"""The product alone: what its tests use to prove that it needs no chaos, SLO or seeding app."""

from config.settings import *
from config.settings import base, celery, redis

_TOOLS = {"slo", "chaos", "qa_seed"}
INSTALLED_APPS = [app for app in base.INSTALLED_APPS if app not in _TOOLS]
MIDDLEWARE = [name for name in base.MIDDLEWARE if name.split(".")[0] not in _TOOLS]
DATABASES = base.DATABASES
CACHES = redis.CACHES
CHANNEL_LAYERS = redis.CHANNEL_LAYERS
globals().pop("CELERY_BROKER_TRANSPORT", None)
CELERY_BEAT_SCHEDULE = {
    name: entry
    for name, entry in celery.CELERY_BEAT_SCHEDULE.items()
    if entry["task"].split(".")[0] not in _TOOLS
}
