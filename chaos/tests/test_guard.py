"""Who may, and where nobody may."""

import datetime as dt

import pytest
from django.core.checks import run_checks
from django.utils import timezone
from prometheus_client import CollectorRegistry, generate_latest

from chaos import guard, kernel, services
from chaos.kernel import ActiveFault
from chaos.metrics import INJECTED, ActiveFaultsCollector
from chaos.tests.conftest import ACTOR


def ids_of_errors():
    return [error.id for error in run_checks() if error.id and error.id.startswith("chaos")]


@pytest.mark.django_db  # other apps' checks read rows
def test_installed_in_production_is_an_error_of_the_check(chaos_settings):
    assert ids_of_errors() == []
    chaos_settings(ENVIRONMENT="production")
    assert ids_of_errors() == ["chaos.E001"]


@pytest.mark.django_db
def test_path_that_leads_nowhere_is_an_error_of_the_check(chaos_settings):
    chaos_settings(MAY_INJECT="nowhere.to.be_found")
    assert ids_of_errors() == ["chaos.E002"]


def test_superuser_may_where_no_rule_is_named(chaos_settings, owner, agent):
    chaos_settings(MAY_INJECT="chaos.guard.is_superuser")
    assert guard.may_inject(owner)
    assert not guard.may_inject(agent)
    owner.is_active = False
    assert not guard.may_inject(owner)


def test_not_even_a_superuser_may_in_production(chaos_settings, owner):
    chaos_settings(ENVIRONMENT="production")
    assert not guard.may_inject(owner)


def test_each_hit_is_counted_by_target_and_mode():
    counter = INJECTED.labels(target="latency", mode="slow")
    before = counter._value.get()
    kernel.arm([ActiveFault("slow", "latency", "slow")])
    kernel.pick("latency")
    kernel.pick("latency")
    assert counter._value.get() == before + 2


@pytest.mark.django_db
def test_active_faults_are_counted_at_scrape_time():
    registry = CollectorRegistry()
    registry.register(ActiveFaultsCollector())
    quiet = 'chaos_active{mode="slow",target="latency"} 0.0'
    assert quiet in generate_latest(registry).decode()
    now = timezone.now()
    for seconds_ago in (0, 30, 3600):
        services.inject_fault(
            target="latency",
            mode="slow",
            ttl_seconds=60,
            metadata={},
            actor=ACTOR,
            now=now - dt.timedelta(seconds=seconds_ago),
        )
    exposed = generate_latest(registry).decode()
    assert 'chaos_active{mode="slow",target="latency"} 2.0' in exposed
    assert 'chaos_active{mode="down",target="redis"} 0.0' in exposed
