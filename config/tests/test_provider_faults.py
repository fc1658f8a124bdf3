"""The desk's own client injects the faults of a provider that is not our simulator."""

import os
import subprocess
import sys
import uuid

import pytest

from chaos import kernel
from chaos.kernel import ActiveFault
from chaos.points.provider import ProviderFaults
from config import simulator
from helpdesk.provider.client import Outgoing, ProviderError
from helpdesk.provider.http import get_provider
from helpdesk.tests.scripted_provider import ScriptedProvider

SHOW = "from config.settings import with_chaos;print(with_chaos.HELPDESK['PROVIDER_TRANSPORT'])"


@pytest.fixture
def provider():
    scripted = ScriptedProvider()
    scripted.start()
    yield scripted
    scripted.stop()


@pytest.fixture
def client(provider, settings):
    settings.HELPDESK = {
        **settings.HELPDESK,
        "PROVIDER_BASE_URL": provider.url,
        "PROVIDER_DEADLINE_SECONDS": 1.0,
        "PROVIDER_TRANSPORT": "config.provider_faults.faulty",
    }
    get_provider.cache_clear()
    yield get_provider()
    get_provider.cache_clear()
    kernel.arm([])


def arm(mode, **metadata):
    kernel.arm([ActiveFault(mode, "provider", mode, metadata=metadata)])


def send(client):
    return client.call(Outgoing(key=uuid.uuid4(), channel="web", to="x", body="y"))


def test_429_tells_the_desk_when_to_come_back(client, provider):
    arm("429", retryAfterSec=7)
    with pytest.raises(ProviderError) as refusal:
        send(client)
    assert refusal.value.retry_after_seconds == 7
    assert provider.calls == []
    kernel.arm([])
    assert send(client).startswith("pm_")


@pytest.mark.parametrize(("mode", "calls"), [("timeout", 0), ("ambiguous", 1), ("slow", 1)])
def test_total_deadline_holds(client, provider, mode, calls):
    """Each wait alone is shorter than the read timeout; only the deadline of all ends `slow`."""
    arm(mode, **({"delayMs": 900} if mode == "slow" else {}))
    with pytest.raises(ProviderError, match="No answer"):
        send(client)
    assert len(provider.calls) == calls


@pytest.mark.parametrize("is_client_faulty", [True, False])
def test_simulator_injects_unless_the_client_does(settings, is_client_faulty):
    path = "config.provider_faults.faulty" if is_client_faulty else ""
    settings.HELPDESK = {**settings.HELPDESK, "PROVIDER_TRANSPORT": path}
    assert isinstance(simulator._build(), ProviderFaults) is not is_client_faulty


@pytest.mark.parametrize(
    ("given", "wraps"),
    [
        ({}, False),
        ({"PROVIDER_BASE_URL": "https://provider.example.com"}, True),
        ({"PROVIDER_BASE_URL": "http://provider:8090", "PROVIDER_IS_SIMULATED": "true"}, False),
    ],
)
def test_client_injects_where_the_provider_is_not_our_simulator(given, wraps):
    kept = {name: os.environ[name] for name in ("PATH", "DATABASE_URL", "REDIS_URL")}
    done = subprocess.run(
        [sys.executable, "-c", SHOW],
        env={**kept, **given},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    wanted = "config.provider_faults.faulty" if wraps else ""
    assert done.stdout == f"{wanted}\n", done.stderr
