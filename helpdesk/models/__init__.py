"""Fields, constraints and indexes; models constrain, services write, selectors read."""

from helpdesk.models.attachments import Attachment
from helpdesk.models.audit import AuditEntry
from helpdesk.models.campaigns import Campaign, CampaignRecipient
from helpdesk.models.events import Event
from helpdesk.models.jobs import Canary
from helpdesk.models.messages import DeadLetter, IdempotencyKey, Message
from helpdesk.models.settings import DailyMetric, Setting, SettingsVersion
from helpdesk.models.tickets import Channel, Contact, Ticket
from helpdesk.models.users import RefreshToken, SocketTicket, User
from helpdesk.models.webhooks import ProviderEvent, WebhookDelivery, WebhookEndpoint

__all__ = [
    "Attachment",
    "AuditEntry",
    "Campaign",
    "CampaignRecipient",
    "Canary",
    "Channel",
    "Contact",
    "DailyMetric",
    "DeadLetter",
    "Event",
    "IdempotencyKey",
    "Message",
    "ProviderEvent",
    "RefreshToken",
    "Setting",
    "SettingsVersion",
    "SocketTicket",
    "Ticket",
    "User",
    "WebhookDelivery",
    "WebhookEndpoint",
]
