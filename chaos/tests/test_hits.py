"""Every hit is counted on its fault's row, and named in the logs of what it touched."""

import logging
import math

import psycopg
import pytest
from celery import Celery, Task

from chaos import control, hits, kernel
from chaos.kernel import ActiveFault
from chaos.logs import FaultFilter
from chaos.points.queue import TaskFaults
from chaos.tests.conftest import armed_names, other_process, read_json, wait_until


def counted(fault):
    fault.refresh_from_db()
    return fault.hits


def test_hits_of_all_processes_add_up(inject, running_control):
    fault = inject("latency", "slow")
    wait_until(armed_names, 30)
    with other_process("-m", "chaos.tests.picker", "5") as process:
        assert read_json(process) == {"hits": 5}
        for _number in range(3):
            kernel.pick("latency")
        wait_until(lambda: counted(fault) == 8, 30)


def test_hits_of_first_n_are_counted_once(inject, running_control):
    wait_until(lambda: math.isfinite(kernel.VALID_UNTIL), 30)
    fault = inject("latency", "slow", firstN=3)
    wait_until(armed_names, 30)
    assert [kernel.pick("latency") is not None for _number in range(5)].count(True) == 3
    assert hits._hits.take() == {}
    assert counted(fault) == 3


def test_count_that_could_not_be_added_is_kept(transactional_db):
    hits.forget()
    hits.count(ActiveFault("one", "latency", "slow"))
    connection = control.connect()
    connection.close()
    with pytest.raises(psycopg.OperationalError):
        hits.flush(connection)
    assert hits._hits.take() == {"one": 1}


def test_log_lines_of_a_touched_request_name_the_fault():
    record = logging.makeLogRecord({})
    assert FaultFilter().filter(record)
    assert not hasattr(record, "chaos_fault")
    kernel.arm([ActiveFault("slow", "latency", "slow")])
    with kernel.traced():
        kernel.pick("latency")
        FaultFilter().filter(record)
    assert vars(record)["chaos_fault"] == "latency/slow"


class Records(logging.Handler):
    """Keeps what a handler with the filter would show."""

    def __init__(self):
        super().__init__()
        self.shown = []
        self.addFilter(FaultFilter())

    def emit(self, record):
        self.shown.append((record.getMessage(), getattr(record, "chaos_fault", "")))


def divide(number):
    return 1 / number


class FaultyTask(TaskFaults, Task):  # type: ignore[type-arg]  # generic for mypy only
    """What a project names as its `task_cls`."""


def test_what_celery_logs_of_a_failed_task_names_the_fault():
    app = Celery("logs", task_cls=FaultyTask, set_as_current=False)
    records = Records()
    logging.getLogger("celery.app.trace").addHandler(records)
    try:
        kernel.arm([ActiveFault("errors", "queue", "errors")])
        app.task(divide).apply((1,))
        kernel.arm([])
        app.task(divide).apply((0,))
    finally:
        logging.getLogger("celery.app.trace").removeHandler(records)
    named = [fault for message, fault in records.shown if "raised unexpected" in message]
    assert named == ["queue/errors", ""]
    assert kernel.fault_names() == ()
