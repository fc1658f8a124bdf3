"""Production is the tested program without its test tools: booted here in processes of its own."""

import os
import subprocess
import sys

import pytest

PRODUCTION = {
    "ENVIRONMENT": "production",
    "SECRET_KEY": "a-production-key-of-many-different-characters-0123456789",
    "ALLOWED_HOSTS": "desk.example.com",
    "PROVIDER_TOKEN": "a-real-token",
    "PROVIDER_WEBHOOK_SECRET": "whsec_cHJvZHVjdGlvbg==",
}
BOOT = """
import django, sys
django.setup()
import config.urls, config.celery, helpdesk.tasks, helpdesk.routing
from django.conf import settings
from django.apps import apps
"""


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: os.environ[name] for name in ("PATH", "DATABASE_URL", "REDIS_URL")}
    return subprocess.run(
        [sys.executable, "-c", code],
        env={**kept, "DJANGO_SETTINGS_MODULE": "config.settings", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


def test_production_imports_no_chaos_and_no_seeds():
    code = BOOT + (
        "tools = ('chaos', 'qa_seed', 'factory')\n"
        "print('loaded', sorted(n for n in sys.modules if n.split('.')[0] in tools))\n"
        "print('installed', [a for a in ('chaos', 'qa_seed') if apps.is_installed(a)])\n"
        "print('named', 'chaos.' in repr((settings.MIDDLEWARE, settings.CACHES,"
        " settings.CHANNEL_LAYERS, settings.DATABASES)))"
    )
    done = run(code, **PRODUCTION)
    assert done.stdout.splitlines() == ["loaded []", "installed []", "named False"], done.stderr


def test_development_does_import_chaos():
    """The proof above is worth something only because this one differs."""
    named = "'chaos.points.http' in repr(settings.MIDDLEWARE)"
    done = run(BOOT + f"print(apps.is_installed('chaos'), {named})")
    assert done.stdout.strip() == "True True", done.stderr


def test_production_passes_djangos_deployment_checks():
    code = (
        "import django; django.setup()\n"
        "from django.core.management import call_command\n"
        "call_command('check', deploy=True, fail_level='WARNING')"
    )
    done = run(code, **PRODUCTION)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        pytest.param("SECRET_KEY", "", id="default secret"),
        pytest.param("SECRET_KEY", "short", id="short secret"),
        pytest.param("PROVIDER_TOKEN", "", id="default provider token"),
        pytest.param("PROVIDER_WEBHOOK_SECRET", "", id="default webhook secret"),
        pytest.param("DEBUG", "true", id="debug"),
        pytest.param("CHAOS_ENABLED", "true", id="chaos"),
        pytest.param("QA_SEED_DEMO", "true", id="seeding"),
        pytest.param("ALLOWED_HOSTS", "", id="no host"),
        pytest.param("ALLOWED_HOSTS", "*", id="any host"),
    ],
)
def test_production_refuses_to_start_and_names_the_variable(variable, value):
    done = run(BOOT, **{**PRODUCTION, variable: value})
    assert done.returncode != 0
    assert f"{variable} is unsafe" in done.stderr


def test_cache_broker_and_channel_layer_do_not_share_a_database():
    urls = "{r.BROKER_URL, r.CACHE_URL, r.CHANNELS_URL}"
    code = BOOT + f"from config.settings import redis as r; print(len({urls}))"
    assert run(code).stdout.strip() == "3"
