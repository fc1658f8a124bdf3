"""Reads of webhook endpoints and of what was delivered to them; a secret is in none."""

from __future__ import annotations

from typing import Any, Final

from helpdesk.errors import HelpdeskError
from helpdesk.models import WebhookDelivery, WebhookEndpoint
from helpdesk.selectors import keyset
from helpdesk.selectors.keyset import moment, moment_or_none

_ENDPOINT_FIELDS: Final = (
    "id", "url", "description", "events", "is_active", "disabled_reason", "failing_since",
    "created_by_id", "created_by__name", "created_at",
)  # fmt: skip
_DELIVERY_FIELDS: Final = (
    "id", "key", "event_type", "status", "attempts", "next_attempt_at", "response_status",
    "latency_ms", "error", "trace_id", "created_at", "delivered_at",
)  # fmt: skip


class EndpointNotFound(HelpdeskError):
    status = 404
    code = "not_found"


def list_endpoints(*, cursor: str, limit: int) -> keyset.Page:
    """
    Return up to `limit` endpoints after `cursor`, newest first.

    :raises BadCursor: if `cursor` was not issued by this list
    """
    rows = WebhookEndpoint.objects.values(*_ENDPOINT_FIELDS)
    found, next_cursor = keyset.by_id(rows, kind="webhook-endpoints", cursor=cursor, limit=limit)
    return keyset.Page(rows=[_endpoint(row) for row in found], next_cursor=next_cursor)


def list_deliveries(*, endpoint_id: int, cursor: str, limit: int) -> keyset.Page:
    """
    Return up to `limit` deliveries to an endpoint after `cursor`, newest first.

    :raises EndpointNotFound: if there is no such endpoint
    :raises BadCursor: if `cursor` was not issued by the list of this endpoint
    """
    require(endpoint_id=endpoint_id)
    rows = WebhookDelivery.objects.filter(endpoint_id=endpoint_id).values(*_DELIVERY_FIELDS)
    kind = f"webhook-deliveries.{endpoint_id}"
    found, next_cursor = keyset.by_id(rows, kind=kind, cursor=cursor, limit=limit)
    return keyset.Page(rows=[_delivery(row) for row in found], next_cursor=next_cursor)


def require(*, endpoint_id: int) -> WebhookEndpoint:
    """
    Return the endpoint.

    :raises EndpointNotFound: if there is none with this id
    """
    endpoint = WebhookEndpoint.objects.filter(pk=endpoint_id).first()
    if endpoint is None:
        raise EndpointNotFound(f"There is no webhook endpoint {endpoint_id}.")
    return endpoint


def endpoint_shape(endpoint: WebhookEndpoint) -> dict[str, Any]:
    """Return a loaded endpoint (with its creator) in the shape of the API."""
    row = {name: getattr(endpoint, name) for name in _ENDPOINT_FIELDS if name != "created_by__name"}
    row["created_by__name"] = endpoint.created_by.name if endpoint.created_by else None
    return _endpoint(row)


def delivery_shape(delivery: WebhookDelivery) -> dict[str, Any]:
    """Return a loaded delivery in the shape of the API."""
    return _delivery({name: getattr(delivery, name) for name in _DELIVERY_FIELDS})


def _endpoint(row: dict[str, Any]) -> dict[str, Any]:
    creator = {"id": row["created_by_id"], "name": row["created_by__name"]}
    return {
        "id": row["id"],
        "url": row["url"],
        "description": row["description"],
        "events": row["events"],
        "is_active": row["is_active"],
        "disabled_reason": row["disabled_reason"] or None,
        "failing_since": moment_or_none(row["failing_since"]),
        "created_by": creator if row["created_by_id"] else None,
        "created_at": moment(row["created_at"]),
    }


def _delivery(row: dict[str, Any]) -> dict[str, Any]:
    return {
        "id": row["id"],
        "webhook_id": str(row["key"]),
        "event": row["event_type"],
        "status": row["status"],
        "attempts": row["attempts"],
        "next_attempt_at": moment_or_none(row["next_attempt_at"]),
        "response_status": row["response_status"],
        "latency_ms": row["latency_ms"],
        "error": row["error"] or None,
        "trace_id": row["trace_id"],
        "created_at": moment(row["created_at"]),
        "delivered_at": moment_or_none(row["delivered_at"]),
    }
