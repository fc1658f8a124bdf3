"""The REST API: authentication, errors as problem documents, schema."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from config import env

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "helpdesk.api.authentication.BearerAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["helpdesk.api.permissions.MayUseRoute"],
    "DEFAULT_RENDERER_CLASSES": [
        "helpdesk.api.renderers.OrjsonRenderer",
        "helpdesk.api.browsable.BrowsableRenderer",
    ],
    "DEFAULT_PARSER_CLASSES": [
        "helpdesk.api.parsers.BoundedJSONParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "helpdesk.api.errors.problem_response",
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
    "DATETIME_FORMAT": "%Y-%m-%dT%H:%M:%S.%fZ",
}
SIMPLE_JWT: dict[str, Any] = {
    "ACCESS_TOKEN_LIFETIME": timedelta(minutes=15),
    "REFRESH_TOKEN_LIFETIME": timedelta(days=14),
    "ALGORITHM": "HS256",
    "SIGNING_KEY": env.SECRET_KEY,
    "ISSUER": "steadydesk",
    "AUDIENCE": "steadydesk-api",
    "UPDATE_LAST_LOGIN": False,
    # Tokens carry a fingerprint of the password's hash: a new password ends the old tokens.
    "CHECK_REVOKE_TOKEN": True,
    "REVOKE_TOKEN_CLAIM": "pwd",
}
SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Steadydesk API",
    "VERSION": "1.0.0",
    "DESCRIPTION": "A helpdesk that proves it holds its service levels while it is being broken.",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "COMPONENT_SPLIT_REQUEST": True,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "helpdesk.api.documented.add_common_answers",
    ],
    "ENUM_NAME_OVERRIDES": {
        "TicketStatus": "helpdesk.models.Ticket.Status",
        "MessageStatus": "helpdesk.models.Message.Status",
        "MessageKind": "helpdesk.models.Message.Kind",
        "CampaignStatus": "helpdesk.models.Campaign.Status",
        "RecipientStatus": "helpdesk.models.CampaignRecipient.Status",
        "WebhookDeliveryStatus": "helpdesk.models.WebhookDelivery.Status",
        "WebhookEventType": "helpdesk.events.FOR_WEBHOOKS",
    },
}
