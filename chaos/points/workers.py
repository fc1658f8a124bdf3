"""Celery's processes learn of faults as soon as they start, parents and forked children alike."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any, Final

from chaos import control, kernel

_TRACE: Final = "chaos_trace"  # of a task's request, while it runs


def start_control(**_kwargs: Any) -> None:
    control.ensure_running()


def _add_stalls(sender: Any, **_kwargs: Any) -> None:
    from chaos.points import queue  # noqa: PLC0415 - a project may have no Celery

    queue.install(sender.app)


def begin_trace(task: Any, **_kwargs: Any) -> None:
    """Collect what hits this task, until Celery has logged how it ended."""
    setattr(task.request, _TRACE, kernel.begin_trace())


def end_trace(task: Any, **_kwargs: Any) -> None:
    token = getattr(task.request, _TRACE, None)
    if token is not None:
        kernel.end_trace(token)


def connect() -> None:
    """Listen to the start of Celery's processes, where Celery is installed."""
    if find_spec("celery") is None:
        return
    from celery import signals  # noqa: PLC0415 - a project may have no Celery

    signals.worker_init.connect(_add_stalls, weak=False, dispatch_uid="chaos-stalls")
    for signal in (signals.worker_init, signals.worker_process_init, signals.beat_init):
        signal.connect(start_control, weak=False, dispatch_uid="chaos")
    signals.task_prerun.connect(begin_trace, weak=False, dispatch_uid="chaos-trace")
    signals.task_postrun.connect(end_trace, weak=False, dispatch_uid="chaos-trace")
