"""
What does a page of 25 tickets cost, and does page 10,000 cost more than page 1?

`python -m tests.bench.lists` makes a million tickets in SQL in a throwaway PostgreSQL and asks
for pages in this process, without a network: the list (selector + JSON) against the same page as
raw, prepared SQL + JSON, and, to show what a request adds, the whole stack through its WSGI door
(middleware, token, look-up of the user, view). Readers take turns, and the fastest tenths are
compared: what else the machine does is no cost of ours. Exits 1 when a ratio is over its limit.
"""

from __future__ import annotations

import argparse
import io
import os
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any, Final

from config.embedded import Services

LIMIT: Final = 25
FAR_PAGE: Final = 10_000
MAX_TO_RAW: Final = 3.0
MAX_FAR_TO_FIRST: Final = 1.2
RAW_SQL, LIST, API = "raw SQL + JSON", "list + JSON", "whole request"
FAR_LIST, FAR_API = f"{LIST}, far page", f"{API}, far page"

PEOPLE: Final = """
INSERT INTO helpdesk_user (email, name, role, is_active, is_staff, is_superuser, password,
                           created_at, updated_at)
SELECT 'bench' || n || '@desk.test', 'Bench ' || n, 'AGENT', true, false, false, '!',
       now(), now()
FROM generate_series(1, 50) n;
INSERT INTO helpdesk_contact (name, channel, address, created_at)
SELECT 'Contact ' || n, 'whatsapp', '+5511' || n, now() FROM generate_series(1, 10000) n;
"""
TICKETS: Final = """
-- Two indexes that searches use, and pages do not, would take most of the filling's time.
DROP INDEX ticket_subject_trgm, ticket_tags;
INSERT INTO helpdesk_ticket (
    subject, status, priority, channel, contact_id, assignee_id, tags, version, message_seq,
    event_seq, message_count, last_message_preview, last_message_direction, last_message_at,
    created_at, updated_at, last_activity_at, first_response_at, resolved_at)
SELECT
    'Parcel ' || n || ' is late', (ARRAY['open', 'pending', 'closed'])[1 + n %% 3],
    (ARRAY['low', 'medium', 'high', 'urgent'])[1 + n %% 4], 'whatsapp', c.id,
    CASE WHEN n %% 5 > 0 THEN u.id END, ARRAY['late', 'parcel'], 1, 5, 5, 5,
    'It should have been here by now, where is it?', 'inbound', t, t - interval '2 days', t, t,
    t - interval '1 day', NULL
FROM generate_series(1, %(rows)s) n
CROSS JOIN LATERAL (SELECT timestamptz '2026-07-01' - n * interval '7 seconds' AS t) times
JOIN (SELECT id, row_number() OVER (ORDER BY id) AS i FROM helpdesk_contact) c
  ON c.i = 1 + n %% 10000
JOIN (SELECT id, row_number() OVER (ORDER BY id) AS i FROM helpdesk_user) u ON u.i = 1 + n %% 50;
"""
RAW: Final = """
SELECT t.id, t.number, t.subject, t.status, t.priority, t.channel, t.contact_id, c.name,
       c.address, t.assignee_id, u.name, t.tags, t.last_message_preview,
       t.last_message_direction, t.last_message_at, t.message_count, t.created_at, t.updated_at,
       t.last_activity_at, t.first_response_at, t.resolved_at
FROM helpdesk_ticket t
JOIN helpdesk_contact c ON c.id = t.contact_id
LEFT JOIN helpdesk_user u ON u.id = t.assignee_id
WHERE (t.last_activity_at, t.id) < (%s, %s)
ORDER BY t.last_activity_at DESC, t.id DESC LIMIT 26
"""

type Ask = Callable[[], object]


def fill(rows: int) -> None:
    """Make `rows` tickets of 10,000 contacts."""
    from django.db import connection  # noqa: PLC0415 - needs settings, as all of Django below

    with connection.cursor() as cursor:
        cursor.execute("SET statement_timeout = 0")
        cursor.execute(PEOPLE)
        cursor.execute(TICKETS, {"rows": rows})
        cursor.execute("ANALYZE")
        cursor.execute("RESET statement_timeout")


def raw_page(position: tuple[Any, int]) -> Ask:
    """Return a reader of one page as raw SQL, shaped as the API shapes it, as JSON."""
    import orjson  # noqa: PLC0415
    import psycopg  # noqa: PLC0415

    connection = psycopg.connect(os.environ["DATABASE_URL"], autocommit=True)

    def shape(row: tuple[Any, ...]) -> dict[str, Any]:
        contact = {"id": row[6], "name": row[7], "address": row[8]}
        last = {"preview": row[12], "direction": row[13], "created_at": row[14]}
        return {
            "id": row[0], "number": row[1], "subject": row[2], "status": row[3],
            "priority": row[4], "channel": row[5], "contact": contact,
            "assignee": {"id": row[9], "name": row[10]} if row[9] else None, "tags": row[11],
            "last_message": last, "message_count": row[15], "created_at": row[16],
            "updated_at": row[17], "last_activity_at": row[18], "first_response_at": row[19],
            "resolved_at": row[20],
        }  # fmt: skip

    def ask() -> bytes:
        found = connection.execute(RAW, position).fetchall()
        return orjson.dumps({"results": [shape(row) for row in found[:LIMIT]]})

    return ask


def api_page(token: str, cursor: str) -> Ask:
    """Return a reader of one page through the WSGI door, middleware and all."""
    from django.core.wsgi import get_wsgi_application  # noqa: PLC0415

    application: Any = get_wsgi_application()
    environ = {
        "REQUEST_METHOD": "GET", "PATH_INFO": "/api/v1/tickets", "SERVER_NAME": "localhost",
        "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "REMOTE_ADDR": "127.0.0.1",
        "HTTP_ACCEPT": "application/json", "HTTP_AUTHORIZATION": f"Bearer {token}",
        "QUERY_STRING": f"limit={LIMIT}&cursor={cursor}", "wsgi.url_scheme": "http",
        "wsgi.errors": sys.stderr,
    }  # fmt: skip

    def ask() -> bytes:
        statuses: list[str] = []
        begin = {**environ, "wsgi.input": io.BytesIO()}
        response: Any = application(begin, lambda status, _headers: statuses.append(status))
        body = b"".join(response)
        response.close()
        if statuses != ["200 OK"]:
            raise SystemExit(f"the list answered {statuses}: {body[:300]!r}")
        return body

    return ask


def listed_page(cursor: str) -> Ask:
    """Return a reader of one page through the selector alone, as JSON."""
    import orjson  # noqa: PLC0415

    from helpdesk.selectors import tickets  # noqa: PLC0415
    from helpdesk.selectors.ticket_pages import TicketFilter  # noqa: PLC0415

    wanted = TicketFilter()
    return lambda: orjson.dumps(tickets.list_newest(wanted=wanted, cursor=cursor, limit=LIMIT).rows)


def time_ms(readers: dict[str, Ask], rounds: int, calls: int) -> dict[str, float]:
    """Return each reader's time that a tenth of its calls keep; they take turns."""
    taken: dict[str, list[float]] = {name: [] for name in readers}
    for number in range(rounds + 1):  # the first round warms up and does not count
        for name, ask in readers.items():
            for _ in range(calls):
                began = time.perf_counter()
                ask()
                if number:
                    taken[name].append((time.perf_counter() - began) * 1000)
    return {name: statistics.quantiles(times, n=10)[0] for name, times in taken.items()}


def position_before(skip: int) -> tuple[Any, int]:
    """Return the place after which the page begins that follows `skip` tickets."""
    from helpdesk.models import Ticket  # noqa: PLC0415

    newest = Ticket.objects.order_by("-last_activity_at", "-id")
    row = newest.values_list("last_activity_at", "id")[skip - 1]
    return row[0], row[1]


def measure(rows: int, rounds: int, calls: int) -> dict[str, float]:
    """Fill the database and return the milliseconds of every reader."""
    from django.core.management import call_command  # noqa: PLC0415
    from rest_framework_simplejwt.tokens import AccessToken  # noqa: PLC0415

    from helpdesk.models import User  # noqa: PLC0415
    from helpdesk.selectors import keyset  # noqa: PLC0415

    call_command("migrate", verbosity=0)
    fill(rows)
    token = str(AccessToken.for_user(User.objects.get(email="bench1@desk.test")))
    # Both pages begin after a cursor: it is the depth that is compared, not the cursor's parsing.
    first, far = position_before(1), position_before(min(FAR_PAGE * LIMIT, rows - 2 * LIMIT))
    cursors = [keyset.encode("tickets", *place) for place in (first, far)]
    readers = {
        RAW_SQL: raw_page(first),
        LIST: listed_page(cursors[0]),
        FAR_LIST: listed_page(cursors[1]),
        API: api_page(token, cursors[0]),
        FAR_API: api_page(token, cursors[1]),
    }
    return time_ms(readers, rounds, calls)


def judge(found: dict[str, float]) -> bool:
    """Print the figures and their ratios; return whether all are within their limits."""
    for name, milliseconds in found.items():
        print(f"{name:<24}{milliseconds:>8.2f} ms")
    ratios = (
        (LIST, RAW_SQL, MAX_TO_RAW),
        (FAR_LIST, LIST, MAX_FAR_TO_FIRST),
        (FAR_API, API, MAX_FAR_TO_FIRST),
    )
    within = [_is_within(found, *ratio) for ratio in ratios]
    print(f"{API} / {RAW_SQL}: {found[API] / found[RAW_SQL]:.2f} (no limit)")
    return all(within)


def _is_within(found: dict[str, float], name: str, base: str, limit: float) -> bool:
    ratio = found[name] / found[base]
    print(f"{name} / {base}: {ratio:.2f} (limit {limit}){'' if ratio <= limit else ' OVER'}")
    return ratio <= limit


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--calls", type=int, default=10)
    options = parser.parse_args()
    services = Services("bench-lists", is_durable=False, given={})
    services.start()
    try:
        os.environ.update(services.env)
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.bench.settings")
        os.environ.setdefault("CHAOS_ENABLED", "false")
        import django  # noqa: PLC0415

        django.setup()
        is_within = judge(measure(options.rows, options.rounds, options.calls))
    finally:
        services.stop()
    sys.exit(0 if is_within else 1)


if __name__ == "__main__":
    main()
