"""
Real PostgreSQL and Redis for a test run that was told of none.

Loaded by name from pyproject.toml, so it acts before any plugin reads the settings. Workers of
pytest-xdist inherit the addresses. The services are thrown away with the run, and end with it
even when it is killed.
"""

from __future__ import annotations

import os
from collections.abc import Generator

import pytest

from config.embedded import folders
from config.embedded.errors import EmbeddedError
from config.embedded.services import Services

_services: Services | None = None


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests() -> Generator[None, object, object]:
    """Start what the environment does not name, before the first settings are read."""
    global _services  # noqa: PLW0603 - pytest gives a plugin no better place
    if not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL")):
        folders.remove_leftovers()
        _services = Services(f"test-{os.getpid()}", is_durable=False)
        try:
            _services.start()
        except EmbeddedError as error:
            raise pytest.UsageError(str(error)) from error
        os.environ.update(_services.env)
    return (yield)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    """Stop them and throw their data away."""
    if _services:
        _services.stop()
