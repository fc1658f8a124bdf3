"""The list of tickets, and one ticket with its conversation."""

from __future__ import annotations

from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe
from django_htmx.http import trigger_client_event

from helpdesk.access import Right, has_right
from helpdesk.errors import HelpdeskError
from helpdesk.models import Attachment, Channel, Message, Ticket
from helpdesk.selectors import keyset, messages, users
from helpdesk.selectors import tickets as reads
from helpdesk.services import tickets
from helpdesk.web.forms import ChangeForm, MoveForm, TicketFilterForm
from helpdesk.web.gate import client_ip, page, problem_page, signed_in, wants_fragment
from helpdesk.web.rows import message_line, moment, named, ticket_line

PAGE_MESSAGES: Final = 50
_MAX_DIGITS: Final = 10  # of a number that the column holds
# The order of the buttons, and the word for each move.
_VERBS: Final = {
    Ticket.Status.OPEN: "Reopen",
    Ticket.Status.PENDING: "Wait for customer",
    Ticket.Status.RESOLVED: "Resolve",
    Ticket.Status.CLOSED: "Close",
}
_GONE: Final = "The value you chose is not on offer; here is the ticket as it stands."


class BadPosition(HelpdeskError):
    code = "invalid"


@require_safe
@page(Right.READ)
def list_tickets(request: HttpRequest) -> HttpResponse:
    """Show tickets, newest activity first; htmx gets the list alone, or the next page of it."""
    user, cursor, now = signed_in(request), request.GET.get("cursor", ""), timezone.now()
    wanted, chosen = TicketFilterForm.parse(request.GET, user_id=user.pk)
    found = reads.list_newest(wanted=wanted, cursor=cursor, limit=keyset.DEFAULT_LIMIT)
    older = urlencode({**chosen, "cursor": found.next_cursor}) if found.next_cursor else ""
    context: dict[str, Any] = {
        "tickets": [ticket_line(row, now=now) for row in found.rows],
        "older_query": older,
        "is_older": bool(cursor),
        "chosen": chosen,
    }
    if wants_fragment(request):
        part = "_ticket_rows" if cursor else "_ticket_list"
        return render(request, f"helpdesk/{part}.html", context)
    return render(request, "helpdesk/tickets.html", context | _choices())


def _choices() -> dict[str, Any]:
    return {
        "statuses": Ticket.Status.choices,
        "priorities": Ticket.Priority.choices[::-1],
        "channels": Channel.choices,
        "people": users.list_assignable(),
    }


@require_safe
@page(Right.READ)
def show_ticket(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """
    Show one ticket and its newest messages.

    The ticket is read first: what happens before the messages are read is replayed by the socket,
    which starts after the ticket's `event_seq`, and the page ignores a message it already shows.
    """
    context = _header(request, ticket_id)
    now, contact = timezone.now(), context["ticket"]["contact"]["name"]
    newest = messages.list_last(ticket_id=ticket_id, limit=PAGE_MESSAGES)
    context |= _conversation(newest, contact=contact, now=now)
    limits = {"max_chars": Message.MAX_BODY_CHARS, "max_files": Attachment.MAX_PER_MESSAGE}
    return render(request, "helpdesk/ticket.html", {**context, **limits})


@require_safe
@page(Right.READ)
def show_header(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """Show the header of a ticket as it stands now."""
    return render(request, "helpdesk/_ticket_head.html", _header(request, ticket_id))


@require_safe
@page(Right.READ)
def show_messages(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """Show the messages before `?before=<seq>`; without it the newest ones."""
    contact = reads.get_one(ticket_id=ticket_id)["contact__name"]
    rows = _before(ticket_id, request.GET.get("before", ""))
    context = _conversation(rows, contact=contact, now=timezone.now())
    return render(request, "helpdesk/_messages.html", {**context, "ticket": {"id": ticket_id}})


def _before(ticket_id: int, seq: str) -> list[dict[str, Any]]:
    """Return up to 50 messages before `seq`: numbers have no holes, so counting back is exact."""
    if not seq:
        return messages.list_last(ticket_id=ticket_id, limit=PAGE_MESSAGES)
    is_number = seq.isascii() and seq.isdigit() and len(seq) < _MAX_DIGITS
    if not is_number or int(seq) <= 1:
        raise BadPosition("There are no messages before this position.")
    after = max(0, int(seq) - 1 - PAGE_MESSAGES)
    limit = int(seq) - 1 - after
    return messages.list_of_ticket(ticket_id=ticket_id, after=after, limit=limit).rows


def _conversation(rows: list[dict[str, Any]], *, contact: str, now: datetime) -> dict[str, Any]:
    first = rows[0]["seq"] if rows else 1
    return {
        "messages": [message_line(row, contact=contact, now=now) for row in rows],
        "earlier_than": first if first > 1 else None,
    }


@require_POST
@page(Right.WRITE)
def move_ticket(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """Move a ticket to another status and show its header."""
    form = MoveForm(request.POST)
    if not form.is_valid():
        return _answer(request, ticket_id, status=HTTPStatus.BAD_REQUEST, error=_GONE)
    try:
        tickets.move(
            ticket_id=ticket_id,
            **form.cleaned_data,
            actor=signed_in(request),
            request_ip=client_ip(request),
            now=timezone.now(),
        )
    except tickets.InvalidTransition as refusal:
        return _answer(request, ticket_id, status=refusal.status, error=refusal.detail)
    return _answer(request, ticket_id)


@require_POST
@page(Right.WRITE)
def change_ticket(request: HttpRequest, ticket_id: int) -> HttpResponse:
    """Change a ticket's priority or assignee, unless somebody else was faster."""
    form = ChangeForm(request.POST)
    if not form.is_valid():
        return _answer(request, ticket_id, status=HTTPStatus.BAD_REQUEST, error=_GONE)
    try:
        tickets.change(
            ticket_id=ticket_id,
            changes=form.changes(),
            version=form.cleaned_data["version"],
            actor=signed_in(request),
            request_ip=client_ip(request),
            now=timezone.now(),
        )
    except (tickets.StaleVersion, tickets.UnknownAssignee) as refusal:
        return _answer(request, ticket_id, status=refusal.status, error=refusal.detail)
    return _answer(request, ticket_id)


def _answer(
    request: HttpRequest, ticket_id: int, *, status: int = 200, error: str = ""
) -> HttpResponse:
    """
    Return the fresh header to htmx; a browser without scripts goes back to the ticket.

    A refusal's words travel beside the header, because the next event replaces the header.
    """
    if not wants_fragment(request):
        if error:
            return problem_page(request, status=status, detail=error)
        return redirect("web:ticket", ticket_id=ticket_id)
    context = _header(request, ticket_id)
    response = render(request, "helpdesk/_ticket_head.html", context, status=status)
    return trigger_client_event(response, "refused", {"words": error}) if error else response


def _header(request: HttpRequest, ticket_id: int) -> dict[str, Any]:
    row, user, now = reads.get_one(ticket_id=ticket_id), signed_in(request), timezone.now()
    ticket = named(reads.shape(row))
    may_write = has_right(user, Right.WRITE)
    allowed = tickets.MOVES[ticket["status"]]
    return {
        "ticket": ticket,
        "version": row["version"],
        "event_seq": row["event_seq"],
        "may_write": may_write,
        "moves": [(status.value, verb) for status, verb in _VERBS.items() if status in allowed],
        "priorities": Ticket.Priority.choices[::-1],
        "people": _people(ticket) if may_write else [],
        "created": moment(ticket["created_at"], now=now),
        "activity": moment(ticket["last_activity_at"], now=now),
    }


def _people(ticket: dict[str, Any]) -> list[dict[str, Any]]:
    """Return who may be assigned, and who is even if they no longer may."""
    people, assignee = users.list_assignable(), ticket["assignee"]
    if assignee and all(person["id"] != assignee["id"] for person in people):
        people.append(assignee)
    return people
