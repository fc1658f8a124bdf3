"""What `Retry-After` says, and what a call of the provider is counted as."""

from __future__ import annotations

import uuid
from contextlib import nullcontext
from datetime import UTC, datetime

import pytest
from prometheus_client import REGISTRY

from helpdesk.provider.client import Outgoing, ProviderError
from helpdesk.provider.http import HttpProvider, retry_after_seconds
from helpdesk.tests.scripted_provider import answer

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("", None),
        ("  ", None),
        ("120", 120.0),
        (" 5 ", 5.0),
        ("0", 0.0),
        ("301", 300.0),
        ("9" * 40, 300.0),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("Sun, 01 Mar 2026 13:00:30 GMT", 300.0),
        ("Sun, 01 Mar 2026 12:00:30", 30.0),
        ("-1", None),
        ("1.5", None),
        ("soon", None),
        ("²", None),
        ("Sun, 99 Mar 2026 12:00:30 GMT", None),
        ("Sun, 01 Mar 99999999 12:00:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_capped_at_five_minutes(header, seconds):
    assert retry_after_seconds(header, now=NOW) == seconds


def count(outcome):
    name = "helpdesk_provider_request_seconds_count"
    return REGISTRY.get_sample_value(name, {"outcome": outcome}) or 0


@pytest.mark.parametrize(
    ("step", "outcome"), [(None, "ok"), (answer(500), "retry"), (answer(400), "refused")]
)
def test_each_call_is_counted_once_by_its_outcome(provider, step, outcome):
    if step:
        provider.script.append(step)
    before = {name: count(name) for name in ("ok", "retry", "refused", "error")}
    client = HttpProvider(base_url=provider.url, token="t", deadline_seconds=1)

    with pytest.raises(ProviderError) if step else nullcontext() as refusal:
        client.send(Outgoing(key=uuid.uuid4(), channel="web", to="x", body="y"))
    if refusal:
        assert refusal.value.permanent is (outcome == "refused")

    after = {name: count(name) for name in before}
    assert after == {**before, outcome: before[outcome] + 1}
