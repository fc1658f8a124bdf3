"""The admin's view of the helpdesk; rows that a service owns are read-only here."""

from helpdesk.admin import conversations, desk, outreach, people, users, webhooks

__all__ = ["conversations", "desk", "outreach", "people", "users", "webhooks"]
