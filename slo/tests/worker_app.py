"""A Celery app for the tests of the queue metrics; run as a real worker."""

import os
import time

from celery import Celery
from django.conf import settings

if not settings.configured:
    settings.configure(SLO={"QUEUE_LAG_BUCKETS": (0.5, 1.0, 2.0, 5.0)})

from slo.instruments import celery as instruments

# Tests import this beside the product, whose own app must stay the current one.
app = Celery("t", broker=os.environ["REDIS_URL"], set_as_current=False)
app.conf.task_ignore_result = True
app.conf.task_acks_late = True
app.conf.task_reject_on_worker_lost = True
app.conf.worker_hijack_root_logger = False
instruments.connect()
instruments.connect()  # twice counts once


@app.task(name="t.fine")
def fine():
    """Succeed."""


@app.task(name="t.slow")
def slow():
    """Take a quarter of a second."""
    time.sleep(0.25)


@app.task(name="t.broken")
def broken():
    """Fail."""
    raise RuntimeError("broken on purpose")


@app.task(name="t.killed_once")
def killed_once(path):
    """Die with the worker's child the first time, a second after it started."""
    try:
        with open(path, "x", encoding="ascii"):  # noqa: PTH123 - exclusive creation
            pass
    except FileExistsError:
        return
    time.sleep(1)
    os.kill(os.getpid(), 9)


@app.task(bind=True, name="t.retried_once")
def retried_once(self):
    """Ask to be run again a second later."""
    if not self.request.retries:
        raise self.retry(countdown=1)
