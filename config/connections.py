"""The connections of the database pool: who finds one dead asks after the others at once."""

from __future__ import annotations

from typing import Any, Final

import psycopg
from django.db import connections

# What `psycopg_pool` sends to learn whether a connection that it is about to lend still lives.
_QUESTION: Final = ""


class PooledConnection(psycopg.Connection[Any]):
    """
    A connection that takes those along that died with it.

    A pool finds dead connections one at a time, and waits a second longer after each. When the
    server was away and every idle connection died, a request would wait out its patience and fail
    although the server is back. So the first that is found dead has the whole pool checked.
    """

    def execute(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            return super().execute(query, *args, **kwargs)
        except psycopg.OperationalError:
            if query == _QUESTION:
                _replace_the_dead()
            raise


def _replace_the_dead() -> None:
    """Have the pool close and replace what it holds and nobody uses."""
    pool = connections["default"].pool  # type: ignore[attr-defined]  # no stub has it
    if pool is not None and not pool.closed:
        pool.drain()
