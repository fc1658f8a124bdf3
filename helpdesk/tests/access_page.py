"""
Writes `docs/reference/access.md` from the code that decides.

`.venv/bin/python manage.py shell -c "from helpdesk.tests.access_page import write; write()"`
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from rest_framework.permissions import AllowAny

from helpdesk.access import ALLOWED, Right, Role
from helpdesk.api import urls

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "access.md"
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
MEANING = {
    Right.READ: "see tickets, messages, attachments, events, campaigns, dead letters, the "
    "dashboard and SLOs",
    Right.WRITE: "open, answer, change and move tickets; upload attachments",
    Right.MANAGE: "users, audit log, settings, webhook endpoints, campaign moves, re-drive, "
    "the admin",
    Right.INJECT: "inject faults (never in production)",
}
HEAD = """# Access

Who may do what, from `helpdesk/access.py` and the `rights` of each view; a test compares this page
with both, and another asks every route as every role. A method whose right no view names is closed
to everybody. Without credentials the answer is 401, without the right 403.

## Roles and rights

"""
ROUTES = """
## Routes below `/api/v1`

`everybody` needs no credentials. Chaos routes need `inject`, SLO routes `read`; the provider's
webhook is let in by its signature alone.

"""
TAIL = """
## Users

- Only an OWNER makes an OWNER or changes one. Nobody changes their own role or deactivates
  themselves, so the last OWNER stays one: two who lower each other take turns, and one is refused.
- Losing rights, a deactivation and a new password revoke every refresh token and socket ticket of
  that user at once.
- A deactivation and a new password also end access tokens (they carry a fingerprint of the
  password's hash) and browser sessions, with their next request. After a loss of rights both go on
  with what the new role may do: the role is read at every request.
- The user's sockets close at once (4403, after a new password 4401), and with their next heartbeat
  at the latest when Redis lost the news.

## Audit log

Entries are written in the transaction of the act, and a trigger refuses to change or remove them.
Told are: refused logins, changes of users, of settings and of webhook endpoints, moves of
campaigns, re-drives, and who assigns or moves a ticket. `ip` is the peer of the connection.
"""


def text() -> str:
    """Return the page as the code has it."""
    return HEAD + _roles() + ROUTES + _routes() + TAIL


def write() -> None:
    PAGE.write_text(text())


def _table(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in lines)


def _roles() -> str:
    def may(right: Right) -> list[str]:
        return ["yes" if right in ALLOWED[role] else "no" for role in Role]

    rows = [[f"`{right}`", MEANING[right], *may(right)] for right in Right]
    return _table(["right", "to", *Role], rows)


def _routes() -> str:
    rows = []
    for pattern in urls.urlpatterns:
        view: Any = pattern.callback.view_class  # type: ignore[attr-defined]  # Django sets it on as_view's result
        path = re.sub(r"<int:\w+>", "{id}", str(pattern.pattern))
        rows += [
            [f"`{method} /{path}`", _right(view, method)]
            for method in METHODS
            if hasattr(view, method.lower())
        ]
    return _table(["route", "right"], rows)


def _right(view: Any, method: str) -> str:
    if AllowAny in view.permission_classes:
        return "everybody"
    return f"`{view.rights[method]}`" if method in view.rights else "nobody"
