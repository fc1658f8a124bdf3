"""The admin: arm with a TTL, clear, stop; look but not touch for everybody else."""

import pytest
from django.urls import reverse
from django.utils import timezone

from chaos import services
from chaos.models import AuditEntry, Fault
from chaos.tests.conftest import ACTOR

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("minimal_urls")]

LIST = "/admin/chaos/fault/"


@pytest.fixture
def desk(client, owner):
    client.force_login(owner)
    return client


@pytest.fixture
def bystander(client, agent):
    """Staff who may not inject."""
    agent.is_staff = True
    agent.save()
    client.force_login(agent)
    return client


@pytest.fixture
def fault(db):
    return services.inject_fault(
        target="redis",
        mode="down",
        ttl_seconds=60,
        metadata={"scope": "cache", "reason": "game day"},
        actor=ACTOR,
        now=timezone.now(),
    )


def url(action, *arguments):
    return reverse(f"admin:chaos_fault_{action}", args=arguments)


def submit(client, address, **fields):
    return client.post(address, {"_form_submitted": "on", **fields})


def test_dialog_arms_a_fault(desk):
    assert "Ends by itself after" in desk.get(url("arm")).content.decode()
    response = submit(
        desk,
        url("arm"),
        fault="latency/slow",
        ttl_seconds="60",
        delay_ms="400",
        percent="50",
        reason="game day",
    )
    assert response.headers["HX-Redirect"] == LIST
    fault = Fault.objects.get()
    assert (fault.target, fault.mode, fault.ttl_seconds) == ("latency", "slow", 60)
    assert fault.metadata == {"delayMs": 400, "percent": 50.0, "reason": "game day"}
    assert AuditEntry.objects.get().actor == "owner@chaos.test"
    shown = desk.get(LIST).content.decode()
    assert "latency/slow is armed for 60 s." in shown
    assert "game day" in shown


def test_dialog_puts_the_message_beside_the_field(desk):
    response = submit(
        desk, url("arm"), fault="provider/429", ttl_seconds="60", delay_ms="5", percent=""
    )
    assert "provider/429 does not take it" in response.content.decode()
    assert not Fault.objects.exists()


def test_dialog_offers_what_the_catalogue_has(desk):
    dialog = desk.get(url("arm")).content.decode()
    assert "provider/429" in dialog
    refused = submit(desk, url("arm"), fault="queue/vanish", ttl_seconds="60")
    assert not refused.headers.get("HX-Redirect")
    assert not Fault.objects.exists()


def test_limit_is_told_and_not_crashed_into(desk, fault, chaos_settings):
    chaos_settings(MAX_ACTIVE_FAULTS=1)
    submit(desk, url("arm"), fault="latency/slow", ttl_seconds="60")
    assert "clear one first" in desk.get(LIST).content.decode()


def test_row_is_cleared_with_a_reason(desk, fault):
    response = submit(desk, url("clear", fault.pk), reason="enough")
    assert response.headers["HX-Redirect"] == LIST
    fault.refresh_from_db()
    assert fault.end == "cleared"
    assert AuditEntry.objects.get(action="cleared").reason == "enough"
    submit(desk, url("clear", fault.pk))
    assert "over already" in desk.get(LIST).content.decode()


def test_opening_a_dialog_changes_nothing(desk, fault):
    desk.get(url("clear", fault.pk))
    desk.get(url("stop_everything"))
    fault.refresh_from_db()
    assert fault.is_active


def test_there_is_one_lever(desk):
    assert desk.get(LIST).content.decode().count(url("stop_everything")) == 1


def test_stop_everything_stops_everything(desk, fault):
    submit(desk, url("stop_everything"), reason="enough")
    fault.refresh_from_db()
    assert not fault.is_active
    assert "Cleared 1 fault." in desk.get(LIST).content.decode()


def test_list_shows_what_is_armed_and_what_was(desk, fault):
    shown = desk.get(LIST).content.decode()
    assert "redis / down" in shown
    assert "scope cache" in shown
    assert 'data-left="' in shown
    services.clear_all(actor=ACTOR, now=timezone.now())
    assert "Nothing is armed" in desk.get(LIST).content.decode()


def test_card_says_what_holds_what_it_hit_and_what_came_before(desk, fault):
    Fault.objects.filter(pk=fault.pk).update(hits=124)
    room = desk.get(LIST)
    assert "1 fault active" in room.content.decode()
    redis = next(card for card in room.context["cards"] if card.target == "redis")
    assert [held.hits for held in redis.faults] == [124]
    assert redis.last is None
    assert "124 hits" in room.content.decode()
    services.clear_all(actor=ACTOR, now=timezone.now())
    quiet = desk.get(LIST)
    assert "All quiet" in quiet.content.decode()
    assert "Last: down, 124 hits" in quiet.content.decode()


def test_button_of_a_card_opens_the_dialog_with_its_fault_and_sixty_seconds(desk):
    room = desk.get(LIST).content.decode()
    assert f'{url("arm")}?fault=redis/down"' in room
    dialog = desk.get(f"{url('arm')}?fault=redis/down").content.decode()
    assert '<option value="redis/down" selected>' in dialog
    assert '<option value="60" selected>' in dialog


def test_pulled_file_is_told_in_the_room(desk, tmp_path, chaos_settings):
    stop = tmp_path / "stop"
    stop.touch()
    chaos_settings(STOP_FILE=str(stop))
    assert f"<code>{stop}</code>" in desk.get(LIST).content.decode()
    submit(desk, url("arm"), fault="latency/slow", ttl_seconds="60")
    assert "Everything is stopped" in desk.get(LIST).content.decode()


def test_staff_may_look_and_not_touch(bystander, fault):
    shown = bystander.get(LIST)
    assert shown.status_code == 200
    assert "Arm with TTL" not in shown.content.decode()
    assert "Stop everything" not in shown.content.decode()
    for address in (url("arm"), url("stop_everything"), url("clear", fault.pk)):
        assert submit(bystander, address).status_code == 403
    fault.refresh_from_db()
    assert fault.is_active


def test_nothing_is_added_changed_or_deleted_by_hand(desk, fault):
    entry = AuditEntry.objects.get()
    for name, pk in (("fault", fault.pk), ("auditentry", entry.pk)):
        assert desk.get(f"/admin/chaos/{name}/").status_code == 200
        assert desk.get(f"/admin/chaos/{name}/{pk}/change/").status_code == 200
        assert desk.post(f"/admin/chaos/{name}/{pk}/change/", {}).status_code == 403
        assert desk.get(f"/admin/chaos/{name}/add/").status_code == 403
        assert desk.post(f"/admin/chaos/{name}/{pk}/delete/", {"post": "yes"}).status_code == 403
    assert Fault.objects.count() == AuditEntry.objects.count() == 1


def test_production_has_no_chaos_in_its_admin(desk, fault, chaos_settings):
    chaos_settings(ENVIRONMENT="production")
    assert desk.get(LIST).status_code == 403
    index = desk.get("/admin/")
    assert "chaos" not in {app["app_label"] for app in index.context["app_list"]}
