"""Settings that people change at run time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache as django_cache
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from helpdesk.models import AuditEntry, Setting, SettingsVersion, Ticket
from helpdesk.selectors import settings as reads
from helpdesk.services import settings as writes
from helpdesk.tests.caches import REFUSING, counted, use_private_cache
from helpdesk.tests.conftest import bearer
from helpdesk.tests.test_authorization import TICKET

pytestmark = pytest.mark.django_db
URL = "/api/v1/settings"
DEFAULTS = {key: kind.default for key, kind in reads.CATALOGUE.items()}


@pytest.fixture(autouse=True)
def prefix(settings) -> str:
    return use_private_cache(settings)


def change(actor, **changes):
    return writes.change(changes=changes, actor=actor, request_ip=None, now=timezone.now())


def test_every_setting_has_a_default_that_it_may_hold(owner):
    assert bearer(owner).get(URL).json() == DEFAULTS
    assert [kind.problem_with(kind.default) for kind in reads.CATALOGUE.values()] == [None] * 4


def test_a_change_is_answered_stored_and_audited(admin):
    answer = bearer(admin).patch(URL, {"auto_close_after_days": 7, "desk_name": "Steadydesk"})

    assert answer.status_code == 200
    assert answer.json() == {**DEFAULTS, "auto_close_after_days": 7}
    assert list(Setting.objects.values_list("key", "value", "updated_by")) == [
        ("auto_close_after_days", 7, admin.pk)
    ]
    entry = AuditEntry.objects.get(action="settings.change")
    assert (entry.before, entry.after) == (
        {"auto_close_after_days": 14},
        {"auto_close_after_days": 7},
    )
    assert (entry.actor_id, entry.ip) == (admin.pk, "127.0.0.1")


def test_a_change_to_what_it_is_already_leaves_no_trace(owner):
    assert bearer(owner).patch(URL, {"auto_close_after_days": 14}).json() == DEFAULTS
    assert bearer(owner).patch(URL, {}).json() == DEFAULTS
    assert not Setting.objects.exists()
    assert not AuditEntry.objects.filter(action="settings.change").exists()
    assert SettingsVersion.objects.get().version == 1


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("colour", "blue"),
        ("desk_name", ""),
        ("desk_name", "x" * 61),
        ("desk_name", "a\0b"),
        ("auto_close_after_days", 0),
        ("auto_close_after_days", 366),
        ("auto_close_after_days", "soon"),
        ("default_priority", "extreme"),
        ("first_response_target_minutes", {"low": 1}),
        ("first_response_target_minutes", {"low": 0, "medium": 1, "high": 1, "urgent": 1}),
        ("first_response_target_minutes", 5),
    ],
)
def test_a_bad_change_is_refused_naming_the_key(owner, key, value):
    answer = bearer(owner).patch(URL, {"default_priority": "low", key: value})

    assert answer.status_code == 400
    assert key in answer.json()["errors"]
    assert not Setting.objects.exists()


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("colour", "blue"),
        ("desk_name", 5),
        ("auto_close_after_days", True),
        ("default_priority", None),
        ("first_response_target_minutes", {"low": 1, "medium": 1, "high": 1, "urgent": "1"}),
    ],
)
def test_the_service_refuses_what_no_form_checked(owner, key, value):
    with pytest.raises(reads.InvalidSetting) as refused:
        change(owner, **{key: value})

    assert set(refused.value.fields or ()) == {key}


def test_a_second_read_comes_from_redis_and_costs_one_look_at_the_version(owner):
    hits, misses = counted("settings", "hit"), counted("settings", "miss")
    reads.current()

    with CaptureQueriesContext(connection) as asked:
        assert reads.current() == DEFAULTS

    assert len(asked) == 1
    assert "settingsversion" in asked[0]["sql"]
    assert counted("settings", "miss") == misses + 1
    assert counted("settings", "hit") == hits + 1


def test_a_write_is_seen_at_once_although_the_old_copy_is_still_in_redis(owner):
    assert reads.current()["desk_name"] == "Steadydesk"

    change(owner, desk_name="Harbour")

    assert reads.current()["desk_name"] == "Harbour"


def test_without_redis_settings_come_from_postgresql(owner, settings):
    use_private_cache(settings, location=REFUSING)
    errors = counted("settings", "error")

    change(owner, desk_name="Harbour")

    assert bearer(owner).get(URL).json()["desk_name"] == "Harbour"
    assert counted("settings", "error") == errors + 1


def test_an_old_copy_never_comes_back_with_redis(owner, settings, prefix):
    location = settings.CACHES["default"]["LOCATION"]
    assert reads.current()["desk_name"] == "Steadydesk"  # this copy outlives the outage
    use_private_cache(settings, location=REFUSING, prefix=prefix)
    change(owner, desk_name="Harbour")
    use_private_cache(settings, location=location, prefix=prefix)

    stored: Any = django_cache  # django-redis alone can list its keys
    assert stored.keys("settings:*") == ["settings:1"]
    assert reads.current()["desk_name"] == "Harbour"
    assert reads.current()["desk_name"] == "Harbour"


def test_a_version_is_never_repeated_by_a_database_from_a_backup(owner):
    change(owner, desk_name="Harbour")
    first = SettingsVersion.objects.get().version
    SettingsVersion.objects.update(version=1)  # as the backup had it

    change(owner, desk_name="Quay")

    assert SettingsVersion.objects.get().version > first


def test_a_clock_that_goes_back_still_counts_up(owner):
    change(owner, desk_name="Harbour")
    first = SettingsVersion.objects.get().version
    earlier = timezone.now() - timedelta(days=1)

    writes.change(changes={"desk_name": "Quay"}, actor=owner, request_ip=None, now=earlier)

    assert SettingsVersion.objects.get().version == first + 1


def test_a_value_this_code_would_refuse_gives_way_to_the_default(owner):
    Setting.objects.create(key="auto_close_after_days", value="soon", updated_at=timezone.now())
    Setting.objects.create(key="of_tomorrow", value=1, updated_at=timezone.now())

    assert reads.current() == DEFAULTS


def test_a_ticket_without_a_priority_gets_that_of_the_settings(owner, api):
    change(owner, default_priority="high")

    created = api.post("/api/v1/tickets", TICKET).json()
    chosen = api.post("/api/v1/tickets", {**TICKET, "priority": "low"}).json()

    assert (created["priority"], chosen["priority"]) == ("high", "low")
    assert Ticket.objects.count() == 2
