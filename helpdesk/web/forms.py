"""What pages accept: filters from the address bar, changes from the header's controls."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict

from helpdesk.models import Channel, Ticket
from helpdesk.selectors.ticket_pages import TicketFilter


def _optional(name: str, choices: Any) -> forms.ChoiceField:
    return forms.ChoiceField(label=name, required=False, choices=[("", f"Any {name}"), *choices])


class TicketFilterForm(forms.Form):
    """The filters of the list; one that makes no sense filters nothing."""

    status = _optional("status", Ticket.Status.choices)
    priority = _optional("priority", Ticket.Priority.choices)
    channel = _optional("channel", Channel.choices)
    assignee = forms.RegexField(r"^(me|none|\d{1,18})$", required=False)
    q = forms.CharField(required=False, max_length=100)

    @classmethod
    def parse(cls, query: QueryDict, *, user_id: int) -> tuple[TicketFilter, dict[str, str]]:
        """Return what to show, and the filters that are on as they came (for links and fields)."""
        form = cls(query)
        form.is_valid()
        chosen = {name: value for name, value in form.cleaned_data.items() if value}
        assignee = {"me": str(user_id), "none": "0"}.get(
            chosen.get("assignee", ""), chosen.get("assignee")
        )
        wanted = TicketFilter(
            status=_tuple(chosen, "status"),
            priority=_tuple(chosen, "priority"),
            channel=_tuple(chosen, "channel"),
            assignee=None if assignee is None else int(assignee),
            q=chosen.get("q", ""),
        )
        return wanted, chosen


def _tuple(chosen: dict[str, str], name: str) -> tuple[str, ...]:
    return (chosen[name],) if name in chosen else ()


class LoginForm(forms.Form):
    """What may be an e-mail and a password at all."""

    email = forms.CharField(max_length=254)
    password = forms.CharField(max_length=128, strip=False)


class MoveForm(forms.Form):
    status = forms.ChoiceField(choices=Ticket.Status.choices)


class ChangeForm(forms.Form):
    """One control of the header at a time; `version` is the ticket as this page saw it."""

    version = forms.IntegerField(min_value=0)
    priority = forms.ChoiceField(choices=Ticket.Priority.choices, required=False)
    assignee = forms.RegexField(r"^(none|\d{1,18})$", required=False)

    def changes(self) -> dict[str, Any]:
        """Return the fields that were sent, as `services.tickets.change` takes them."""
        changes: dict[str, Any] = {}
        if self.cleaned_data["priority"]:
            changes["priority"] = self.cleaned_data["priority"]
        if assignee := self.cleaned_data["assignee"]:
            changes["assignee"] = None if assignee == "none" else int(assignee)
        return changes
