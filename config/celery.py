"""The Celery app: settings from Django, tasks from the apps, measured by slo."""

from __future__ import annotations

import os

from celery import Celery

from config import env

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

# Production names no class that knows of chaos.
TASK_CLASS = "faulty_tasks:FaultyTask" if env.CHAOS_ENABLED else "acknowledgement:LeavingTask"
app = Celery("steadydesk", task_cls=f"config.{TASK_CLASS}")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
