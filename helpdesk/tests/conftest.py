"""What the product's tests share: people by role, clients by bearer, a scripted provider."""

from __future__ import annotations

import copy
import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import redis
from django.conf import settings as django_settings
from rest_framework.test import APIClient
from rest_framework_simplejwt.tokens import AccessToken

from helpdesk import dispatch, trace
from helpdesk.access import Role
from helpdesk.models import Ticket, User, WebhookEndpoint
from helpdesk.provider.http import get_provider
from helpdesk.selectors import cache
from helpdesk.tests.factories import TicketFactory, UserFactory
from helpdesk.tests.receiver import Receiver, receiving
from helpdesk.tests.scripted_provider import ScriptedProvider


class Client(APIClient):
    """Django's test client that speaks JSON."""

    default_format = "json"


def bearer(user: User, **options: Any) -> Client:
    """Return a client that sends a real access token of `user`."""
    client = Client(**options)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {AccessToken.for_user(user)}")
    return client


@pytest.fixture(autouse=True)
def _private_settings(settings, tmp_path) -> Iterator[None]:
    """Hash passwords quickly, store files nowhere lasting, and forget what a test changed."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.MEDIA_ROOT = tmp_path
    settings.HELPDESK = copy.deepcopy(settings.HELPDESK)
    dispatch._hush.until = cache._quiet.until = 0.0
    get_provider.cache_clear()
    yield
    dispatch._hush.until = 0.0
    get_provider.cache_clear()


@pytest.fixture
def owner(db) -> User:
    return UserFactory.create(role=Role.OWNER, name="Olga Owner")


@pytest.fixture
def admin(db) -> User:
    return UserFactory.create(role=Role.ADMIN, name="Ada Admin")


@pytest.fixture
def agent(db) -> User:
    return UserFactory.create(role=Role.AGENT, name="Ari Agent")


@pytest.fixture
def viewer(db) -> User:
    return UserFactory.create(role=Role.VIEWER, name="Vera Viewer")


@pytest.fixture
def api(agent) -> Client:
    """Speak to the API as an agent."""
    return bearer(agent)


@pytest.fixture
def nobody() -> Client:
    return Client()


@pytest.fixture
def ticket(db) -> Ticket:
    return TicketFactory.create()


@pytest.fixture
def provider(settings) -> Iterator[ScriptedProvider]:
    """Run the scripted provider, and configure the desk to use it."""
    scripted = ScriptedProvider()
    scripted.start()
    settings.HELPDESK["PROVIDER_BASE_URL"] = scripted.url
    yield scripted
    scripted.stop()


class Broker:
    """The real queue in Redis, seen through the trace id of the test that put jobs on it."""

    def __init__(self, trace_id: str) -> None:
        self.trace_id = trace_id
        self._redis: Any = redis.Redis.from_url(django_settings.CELERY_BROKER_URL)

    def jobs(self, queue: str) -> list[dict[str, Any]]:
        """Return this test's jobs in `queue`, oldest first, with their arguments as `kwargs`."""
        found = []
        for raw in reversed(self._redis.lrange(queue, 0, -1)):
            job = json.loads(raw)
            if job["headers"].get("trace_id") == self.trace_id:
                found.append(
                    {**job, "kwargs": json.loads(job["headers"]["kwargsrepr"].replace("'", '"'))}
                )
        return found

    def forget(self) -> None:
        for queue in django_settings.HELPDESK["QUEUES"]:
            for raw in self._redis.lrange(queue, 0, -1):
                if json.loads(raw)["headers"].get("trace_id") == self.trace_id:
                    self._redis.lrem(queue, 0, raw)
        self._redis.close()


@pytest.fixture
def broker() -> Iterator[Broker]:
    """Give the test a trace of its own, by which its jobs on the real broker can be told."""
    with trace.continued(uuid.uuid4().hex) as trace_id:
        watched = Broker(trace_id)
        yield watched
        watched.forget()


@pytest.fixture
def receiver(settings) -> Iterator[Receiver]:
    """Run somebody else's webhook receiver, and wait no longer than a second for it."""
    settings.HELPDESK["WEBHOOK_DEADLINE_SECONDS"] = 1.0
    with receiving() as running:
        yield running


@pytest.fixture
def made(admin, receiver) -> dict[str, Any]:
    """Make an endpoint through the API; what it answers is all that its receiver knows."""
    answer: Any = bearer(admin).post("/api/v1/webhook-endpoints", {"url": receiver.url})
    fields: dict[str, Any] = answer.json()
    return fields


@pytest.fixture
def endpoint(made) -> WebhookEndpoint:
    return WebhookEndpoint.objects.get(pk=made["id"])
