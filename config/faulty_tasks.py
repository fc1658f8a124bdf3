"""The base of every task where faults may be injected: what `config.celery` names instead."""

from __future__ import annotations

from chaos.points.queue import TaskFaults
from config.acknowledgement import LeavingTask


class FaultyTask(TaskFaults, LeavingTask):
    """Fails or dies by a fault, outside of everything that the task itself does."""
