"""A Celery app of the minimal project: `celery -A chaos.tests.worker_app worker`."""

import json
import os

import django

django.setup()

import redis  # noqa: E402 - settings first
from celery import Celery, Task  # noqa: E402

from chaos import kernel  # noqa: E402
from chaos.points.queue import TaskFaults  # noqa: E402

BROKER_URL = os.environ["TEST_BROKER_URL"]


class FaultyTask(TaskFaults, Task):  # type: ignore[type-arg]  # generic for mypy only
    """What a project names as its `task_cls`."""


app = Celery("chaos-tests", broker=BROKER_URL, task_cls=FaultyTask, set_as_current=False)
app.conf.update(
    broker_transport="chaos.points.broker:Transport",
    broker_connection_retry_on_startup=True,
    broker_connection_max_retries=None,
    broker_transport_options={"socket_connect_timeout": 0.5, "socket_timeout": 2},
    task_ignore_result=True,
    task_acks_late=True,
    task_reject_on_worker_lost=True,
    worker_prefetch_multiplier=1,
)


@app.task(name="report")
def report(label):
    """Tell, past every fault, which faults this forked child knows."""
    names = [fault.name for fault in kernel.active() if kernel.is_armed(fault)]
    line = json.dumps({"label": label, "pid": os.getpid(), "ppid": os.getppid(), "names": names})
    redis.Redis.from_url(BROKER_URL).rpush("reports", line)
