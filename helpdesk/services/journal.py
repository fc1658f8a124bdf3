"""
The only writer of the journal: numbers an event under the ticket's lock and rings sockets.

Who is told by webhook is written in the same statement, so without an endpoint it costs nothing.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from django.db import connection
from django.db.backends.postgresql.psycopg_any import Jsonb

from helpdesk import dispatch, events, trace
from helpdesk.models import Ticket
from helpdesk.selectors.events import frame
from helpdesk.selectors.keyset import moment
from helpdesk.services import webhook_delivery

# A transaction that got its id first may get the ticket's lock second. Its event then moves up to
# its predecessor's place (GREATEST), so that the global order agrees with each ticket's own;
# moving up is safe, because a reader passes no place at or above a running transaction's.
# KEY SHARE keeps an endpoint from being deleted between this and the commit.
_APPEND: Final = """
WITH event AS (
  INSERT INTO helpdesk_event (ticket_id, seq, transaction, type, data, trace_id, occurred_at)
  VALUES (
    %(ticket)s, %(seq)s,
    GREATEST(
      pg_current_xact_id()::text::bigint,
      (SELECT transaction FROM helpdesk_event
       WHERE ticket_id = %(ticket)s::bigint AND seq = %(seq)s::integer - 1)
    ),
    %(type)s, %(data)s, %(trace_id)s, %(now)s
  )
  RETURNING id, transaction, data
), delivery AS (
  INSERT INTO helpdesk_webhookdelivery (
    endpoint_id, key, event_type, payload, status, attempts, next_attempt_at, rung_at, error,
    trace_id, traceparent, created_at
  )
  SELECT
    endpoint.id, gen_random_uuid(), %(type)s,
    jsonb_build_object(
      'type', %(type)s::text, 'timestamp', %(timestamp)s::text,
      'ticket', %(ticket)s::bigint, 'seq', %(seq)s::integer, 'data', event.data
    ),
    'pending', 0, %(now)s, %(now)s, '', %(trace_id)s, %(traceparent)s, %(now)s
  FROM event, helpdesk_webhookendpoint endpoint
  WHERE endpoint.is_active AND %(type)s = ANY (endpoint.events)
  FOR KEY SHARE OF endpoint
  RETURNING id
)
SELECT id, transaction, ARRAY (SELECT id FROM delivery) FROM event
"""


def record(*, ticket: Ticket, type: str, data: dict[str, Any], now: datetime) -> None:  # noqa: A002 - the frame's own word
    """
    Append an event to the journal of `ticket` and ring its sockets after commit.

    The caller holds the ticket's row lock and saves `event_seq` with the rest of its change, so
    the numbers have no holes and equal the order of commits.
    """
    ticket.event_seq += 1
    row = _append(ticket_id=ticket.pk, seq=ticket.event_seq, type=type, data=data, now=now)
    dispatch.announce_on_commit(events.ticket_group(ticket.pk), frame(row))


def record_apart(*, type: str, data: dict[str, Any], now: datetime) -> None:  # noqa: A002 - the frame's own word
    """Append an event that belongs to no ticket: it has no `seq`, the global cursor finds it."""
    _append(ticket_id=None, seq=None, type=type, data=data, now=now)


def _append(
    *,
    ticket_id: int | None,
    seq: int | None,
    type: str,  # noqa: A002 - the frame's own word
    data: dict[str, Any],
    now: datetime,
) -> dict[str, Any]:
    """Write the event and the deliveries of it; return its row as `frame` takes it."""
    trace_id = trace.current_id()
    given = {
        "ticket": ticket_id,
        "seq": seq,
        "type": type,
        "data": Jsonb(data),
        "trace_id": trace_id,
        "traceparent": trace.traceparent() if trace_id else "",
        "timestamp": moment(now),
        "now": now,
    }
    with connection.cursor() as cursor:
        cursor.execute(_APPEND, given)
        event_id, place, delivery_ids = cursor.fetchone()
    dispatch.ring_inbox_on_commit((place, event_id))
    webhook_delivery.ring_on_commit(delivery_ids=delivery_ids, due_at=now)
    return {
        "id": event_id,
        "ticket_id": ticket_id,
        "seq": seq,
        "transaction": place,
        "type": type,
        "data": data,
        "trace_id": trace_id,
        "occurred_at": now,
    }
