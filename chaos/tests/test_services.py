"""One door for every writer: limits, ends, and an account that nobody can change."""

import datetime as dt
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError, connections, transaction
from django.utils import timezone

from chaos import catalog, guard, selectors, services
from chaos.models import AppendOnly, AuditEntry, Fault
from chaos.tests.conftest import ACTOR

NOW = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)


def inject(now=NOW, ttl_seconds=60, **metadata):
    return services.inject_fault(
        target="latency",
        mode="slow",
        ttl_seconds=ttl_seconds,
        metadata=metadata,
        actor=ACTOR,
        now=now,
    )


def state(*, active):
    return {
        "active": active,
        "ttlSec": 60,
        "metadata": {"reason": "game day"},
        "expiresAt": later(60).isoformat(),
    }


def later(seconds):
    return NOW + dt.timedelta(seconds=seconds)


@pytest.mark.django_db
def test_fault_holds_for_its_ttl_and_no_longer():
    fault = inject(ttl_seconds=10)
    assert list(selectors.active_faults(now=later(9))) == [fault]
    assert list(selectors.active_faults(now=later(10))) == []


@pytest.mark.django_db
def test_refusal_leaves_no_trace():
    with pytest.raises(catalog.InvalidFault):
        inject(ttl_seconds=100_000)
    assert not Fault.objects.exists()
    assert not AuditEntry.objects.exists()


@pytest.mark.django_db
def test_production_refuses_to_inject(chaos_settings):
    chaos_settings(ENVIRONMENT="production")
    with pytest.raises(guard.ChaosForbidden):
        inject()


@pytest.mark.django_db
def test_limit_counts_only_what_is_active(chaos_settings):
    chaos_settings(MAX_ACTIVE_FAULTS=2)
    first, _second = inject(), inject(ttl_seconds=10)
    with pytest.raises(services.TooManyFaults):
        inject()
    inject(now=later(11))
    services.clear_fault(fault_id=first.pk, actor=ACTOR, now=later(11))
    inject(now=later(11))
    with pytest.raises(services.TooManyFaults):
        inject(now=later(11))


@pytest.mark.django_db(transaction=True)
def test_limit_holds_when_many_arm_at_once(chaos_settings, monkeypatch):
    chaos_settings(MAX_ACTIVE_FAULTS=3)
    create = Fault.objects.create

    def create_late(**values):
        time.sleep(0.1)  # all who counted too early have counted by now
        return create(**values)

    monkeypatch.setattr(Fault.objects, "create", create_late)

    def try_to_arm(_number):
        try:
            inject(now=timezone.now())
        except services.TooManyFaults:
            return 0
        finally:
            connections.close_all()
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(try_to_arm, range(8))) == 3


@pytest.mark.django_db
def test_every_end_is_told_of_once():
    fault = inject(reason="game day")
    services.clear_fault(fault_id=fault.pk, actor=ACTOR, now=later(5), reason="enough")
    with pytest.raises(services.FaultGone):
        services.clear_fault(fault_id=fault.pk, actor=ACTOR, now=later(6))
    assert services.expire_due(now=later(100)) == 0
    created, cleared = AuditEntry.objects.order_by("id")
    assert (created.action, created.reason, created.before) == ("created", "game day", None)
    assert (cleared.action, cleared.reason, cleared.at) == ("cleared", "enough", later(5))
    assert (cleared.before, cleared.after) == (state(active=True), state(active=False))
    assert (cleared.actor, cleared.actor_user_id, cleared.ip) == ("tester", "7", "127.0.0.1")


@pytest.mark.django_db
def test_expired_fault_cannot_be_cleared():
    fault = inject(ttl_seconds=10)
    with pytest.raises(services.FaultGone):
        services.clear_fault(fault_id=fault.pk, actor=ACTOR, now=later(10))
    with pytest.raises(services.FaultGone):
        services.clear_fault(fault_id=uuid.uuid4(), actor=ACTOR, now=NOW)


@pytest.mark.django_db
def test_clear_all_ends_everything_and_counts_it():
    inject(), inject(), inject(ttl_seconds=10)
    assert services.clear_all(actor=ACTOR, now=later(20), reason="stop") == 2
    assert services.clear_all(actor=ACTOR, now=later(20)) == 0
    assert AuditEntry.objects.filter(action="cleared", reason="stop").count() == 2


@pytest.mark.django_db
def test_audit_is_append_only_in_python():
    inject()
    entry = AuditEntry.objects.get()
    for change in (entry.save, entry.delete, AuditEntry.objects.all().delete):
        with pytest.raises(AppendOnly):
            change()
    with pytest.raises(AppendOnly):
        AuditEntry.objects.update(actor="nobody")


@pytest.mark.django_db
@pytest.mark.parametrize(
    "statement", ["update chaos_auditentry set actor = 'nobody'", "delete from chaos_auditentry"]
)
def test_audit_is_append_only_in_the_database(statement):
    inject()
    with pytest.raises(DatabaseError, match="never changed"), transaction.atomic():
        connections["default"].cursor().execute(statement)
    assert AuditEntry.objects.get().actor == "tester"
