"""The Celery app: settings from Django, tasks from the apps, measured by slo."""

from __future__ import annotations

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

app = Celery("steadydesk", task_cls="config.acknowledgement:LeavingTask")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
