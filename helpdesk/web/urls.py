"""The agent's pages."""

from __future__ import annotations

from django.urls import path
from django.views.generic import RedirectView

from helpdesk.web.views import accounts, tickets

app_name = "web"
urlpatterns = [
    path("", RedirectView.as_view(pattern_name="web:tickets"), name="home"),
    path("login", accounts.log_in, name="login"),
    path("logout", accounts.log_out, name="logout"),
    path("tickets", tickets.list_tickets, name="tickets"),
    path("tickets/<int:ticket_id>", tickets.show_ticket, name="ticket"),
    path("tickets/<int:ticket_id>/header", tickets.show_header, name="ticket-header"),
    path("tickets/<int:ticket_id>/messages", tickets.show_messages, name="ticket-messages"),
    path("tickets/<int:ticket_id>/move", tickets.move_ticket, name="ticket-move"),
    path("tickets/<int:ticket_id>/change", tickets.change_ticket, name="ticket-change"),
]
