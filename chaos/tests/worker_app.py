"""A Celery app of the minimal project: `celery -A chaos.tests.worker_app worker`."""

import json
import os

import django

django.setup()

import redis  # noqa: E402 - settings first
from celery import Celery  # noqa: E402

from chaos import kernel  # noqa: E402

BROKER_URL = os.environ["TEST_BROKER_URL"]
app = Celery("chaos-tests", broker=BROKER_URL, set_as_current=False)
app.conf.update(
    broker_transport="chaos.points.broker:Transport",
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={"socket_connect_timeout": 0.5, "socket_timeout": 2},
    task_ignore_result=True,
    worker_prefetch_multiplier=1,
)


@app.task(name="report")
def report(label):
    """Tell, past every fault, which faults this forked child knows."""
    names = [fault.name for fault in kernel.active() if kernel.is_armed(fault)]
    line = json.dumps({"label": label, "pid": os.getpid(), "ppid": os.getppid(), "names": names})
    redis.Redis.from_url(BROKER_URL).rpush("reports", line)
