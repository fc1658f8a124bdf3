"""Routes below `/api/v1`. Namespace `api` is what the API objectives count."""

from __future__ import annotations

from django.urls import path

from helpdesk.api.views import (
    auth,
    campaigns,
    dead_letters,
    desk,
    messages,
    people,
    provider,
    tickets,
    webhooks,
)

app_name = "api"
urlpatterns = [
    path("auth/login", auth.LoginView.as_view(), name="login"),
    path("auth/refresh", auth.RefreshView.as_view(), name="refresh"),
    path("auth/logout", auth.LogoutView.as_view(), name="logout"),
    path("auth/me", auth.MeView.as_view(), name="me"),
    path("auth/ws-ticket", auth.SocketTicketView.as_view(), name="ws-ticket"),
    path("tickets", tickets.TicketListView.as_view(), name="tickets"),
    path("tickets/<int:ticket_id>", tickets.TicketView.as_view(), name="ticket"),
    path(
        "tickets/<int:ticket_id>/transition",
        tickets.TicketMoveView.as_view(),
        name="ticket-transition",
    ),
    path("tickets/<int:ticket_id>/messages", messages.MessageListView.as_view(), name="messages"),
    path("attachments", messages.AttachmentListView.as_view(), name="attachments"),
    path("attachments/<int:attachment_id>", messages.AttachmentView.as_view(), name="attachment"),
    path("events", messages.EventListView.as_view(), name="events"),
    path("campaigns", campaigns.CampaignListView.as_view(), name="campaigns"),
    path("campaigns/<int:campaign_id>", campaigns.CampaignView.as_view(), name="campaign"),
    path(
        "campaigns/<int:campaign_id>/recipients",
        campaigns.RecipientListView.as_view(),
        name="campaign-recipients",
    ),
    path(
        "campaigns/<int:campaign_id>/start",
        campaigns.CampaignStartView.as_view(),
        name="campaign-start",
    ),
    path(
        "campaigns/<int:campaign_id>/pause",
        campaigns.CampaignPauseView.as_view(),
        name="campaign-pause",
    ),
    path(
        "campaigns/<int:campaign_id>/resume",
        campaigns.CampaignResumeView.as_view(),
        name="campaign-resume",
    ),
    path(
        "campaigns/<int:campaign_id>/cancel",
        campaigns.CampaignCancelView.as_view(),
        name="campaign-cancel",
    ),
    path(
        "campaigns/<int:campaign_id>/retry-failed",
        campaigns.CampaignRetryFailedView.as_view(),
        name="campaign-retry-failed",
    ),
    path("dashboard", desk.DashboardView.as_view(), name="dashboard"),
    path("settings", desk.SettingsView.as_view(), name="settings"),
    path("webhook-endpoints", webhooks.WebhookEndpointListView.as_view(), name="webhook-endpoints"),
    path(
        "webhook-endpoints/<int:endpoint_id>",
        webhooks.WebhookEndpointView.as_view(),
        name="webhook-endpoint",
    ),
    path(
        "webhook-endpoints/<int:endpoint_id>/test",
        webhooks.WebhookEndpointTestView.as_view(),
        name="webhook-endpoint-test",
    ),
    path(
        "webhook-endpoints/<int:endpoint_id>/deliveries",
        webhooks.WebhookDeliveryListView.as_view(),
        name="webhook-deliveries",
    ),
    path("dead-letters", dead_letters.DeadLetterListView.as_view(), name="dead-letters"),
    path(
        "dead-letters/<int:dead_letter_id>/redrive",
        dead_letters.DeadLetterRedriveView.as_view(),
        name="dead-letter-redrive",
    ),
    path("users", people.UserListView.as_view(), name="users"),
    path("users/<int:user_id>", people.UserView.as_view(), name="user"),
    path("audit-log", people.AuditLogView.as_view(), name="audit-log"),
]
# Apart, because the provider's calls are no promise to users.
hooks_urlpatterns = (
    [path("provider", provider.ProviderWebhookView.as_view(), name="provider")],
    "hooks",
)
