"""What the seed's tests share: a folder of its own for files, and quick ways to run the command."""

from __future__ import annotations

import io

import pytest
from django.core.management import call_command

NOW = "2026-11-24T14:37:00Z"


@pytest.fixture
def media(settings, tmp_path):
    """Keep stored files out of the checkout."""
    settings.MEDIA_ROOT = tmp_path / "media"
    return settings.MEDIA_ROOT


@pytest.fixture
def seed(db, media):
    """Run `seed_qa` with a small desk unless told otherwise; return what it printed."""

    def run(**options):
        wanted = {"users": 6, "tickets": 80, "now": NOW, **options}
        printed = io.StringIO()
        call_command("seed_qa", stdout=printed, **wanted)
        return printed.getvalue()

    return run
