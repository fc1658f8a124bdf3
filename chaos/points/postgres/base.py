"""What Django loads for `ENGINE = "chaos.points.postgres"`: connections that can be broken."""

from __future__ import annotations

from typing import Any

import psycopg
from django.db.backends.postgresql import base

from chaos import kernel
from chaos.points.postgres import sockets, statements


class DatabaseWrapper(base.DatabaseWrapper):
    """
    Django's own backend over connections and cursors that meet faults.

    A call that no fault may hit (an exempt request, say) connects past the pool while any fault of
    PostgreSQL is armed, because what the pool holds is broken or taken.
    """

    _is_direct = False

    @property
    def pool(self) -> Any:
        """Return the pool, or None for as long as this wrapper goes past it."""
        pool = None if self._is_direct else super().pool
        if pool is not None:
            pool.connection_class = sockets.faulty(pool.connection_class)
        return pool

    def close_pool(self) -> None:
        self._is_direct = False
        super().close_pool()

    def get_connection_params(self) -> dict[str, Any]:
        params = super().get_connection_params()
        params["cursor_factory"] = statements.faulty(params["cursor_factory"])
        return params

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        sockets.start_control()
        self._is_direct = False
        if kernel.ARMED:
            conn_params = self._meet_fault(conn_params)
        try:
            connection = super().get_new_connection(conn_params)
        except psycopg.Error:
            sockets.mark_down()
            raise
        sockets.add(connection, is_exempt=kernel.is_bypassed())
        return connection

    def _meet_fault(self, conn_params: dict[str, Any]) -> dict[str, Any]:
        """Return where to connect: elsewhere than asked when no server shall be there."""
        pool = self.pool
        if pool is None:
            return sockets.nobody_listens(conn_params)
        if kernel.is_bypassed():
            self._is_direct = "postgres" in kernel.ARMED
        else:
            self._meet_held_slots(pool)
        return conn_params

    def _meet_held_slots(self, pool: Any) -> None:
        """Queue with everybody else for a slot, or go past the pool when this call is spared."""
        from chaos.points.postgres import slots  # noqa: PLC0415 - needs psycopg_pool

        if not slots.is_armed():
            return
        if kernel.pick("postgres", modes=slots.MODES):
            slots.hold(pool)
        else:
            self._is_direct = True

    def _configure_connection(self, connection: Any) -> bool:
        with kernel.bypass():  # no statement of the application's
            return bool(super()._configure_connection(connection))  # type: ignore[misc]  # no stub

    def _close(self) -> Any:
        if self.connection is not None:
            self.connection.chaos_is_exempt = False
        return super()._close()  # type: ignore[misc]  # no stub has it
