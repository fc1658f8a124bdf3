"""Canary jobs: one row a queue, so that a quiet queue is measured and a dead worker is seen."""

from __future__ import annotations

from django.db import models


class Canary(models.Model):
    """
    The canary of one queue.

    It is outstanding while `started_at` is empty or before `due_at`; a worker that takes it sets
    `started_at`. The row, not Redis, says that it is due.
    """

    queue = models.CharField(max_length=30, primary_key=True)
    due_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name_plural = "canaries"

    def __str__(self) -> str:
        return self.queue
