"""`manage.py chaos`."""

import getpass

import pytest
from django.core.management import CommandError, call_command, execute_from_command_line

from chaos.models import AuditEntry, Fault

pytestmark = pytest.mark.django_db


def run(capsys, *arguments):
    call_command("chaos", *arguments)
    return capsys.readouterr().out


def test_command_arms_lists_and_clears(capsys):
    assert run(capsys, "list") == "No fault is active.\n"
    settings = ("--set", "delayMs=400", "--set", "route=/api/v1/tickets")
    run(capsys, "inject", "latency", "slow", "--ttl", "30", *settings, "--reason", "game day")
    fault = Fault.objects.get()
    assert fault.metadata == {"delayMs": 400, "route": "/api/v1/tickets", "reason": "game day"}
    assert fault.ttl_seconds == 30
    listed = run(capsys, "list")
    assert str(fault.pk) in listed
    assert "latency/slow" in listed
    run(capsys, "clear", str(fault.pk), "--reason", "enough")
    assert run(capsys, "list") == "No fault is active.\n"
    assert {entry.actor for entry in AuditEntry.objects.all()} == {f"command:{getpass.getuser()}"}


def test_stop_clears_everything(capsys):
    run(capsys, "inject", "latency", "slow")
    run(capsys, "inject", "redis", "down", "--set", "scope=cache")
    assert run(capsys, "stop") == "Cleared 2.\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("inject", "latency", "down"), "no mode"),
        (("inject", "latency", "slow", "--ttl", "0"), "ttlSec"),
        (("inject", "latency", "slow", "--set", "delayMs"), "KEY=VALUE"),
        (("inject", "mysql", "down"), "invalid choice"),
        (("clear", "6b0c0f0e-0000-4000-8000-000000000000"), "No active fault"),
        ((), "required"),
    ],
)
def test_refusal_says_why_and_exits_with_an_error(arguments, message):
    with pytest.raises(CommandError, match=message):
        call_command("chaos", *arguments)
    assert not Fault.objects.exists()


def test_metadata_given_on_a_real_command_line_is_not_taken_for_a_settings_module(capsys):
    """`call_command` skips the part of Django that reads `--settings`."""
    words = ["manage.py", "chaos", "inject", "latency", "slow", "--set", "delayMs=400"]
    execute_from_command_line([*words, "--reason", "terminal"])
    assert "latency" in capsys.readouterr().out
