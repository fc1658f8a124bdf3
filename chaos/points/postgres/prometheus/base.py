"""What Django loads for `ENGINE = "chaos.points.postgres.prometheus"`."""

from __future__ import annotations

from django_prometheus.db.backends.postgresql import base

from chaos.points.postgres.base import DatabaseWrapper as FaultyWrapper


class DatabaseWrapper(base.DatabaseWrapper, FaultyWrapper):  # type: ignore[misc]  # untyped
    """Counts and times outside, misbehaves inside."""
