"""A booted desk as its users see it: signed in over HTTP."""

import uuid
from collections.abc import Generator
from contextlib import contextmanager

import httpx

from config.stack import Stack


@contextmanager
def signed_in(stack: Stack, email: str) -> Generator[httpx.Client]:
    """Speak to the API of `stack` as one of the demo's people."""
    base_url = f"{stack.base_url}/api/v1"
    login = {"email": email, "password": "demo-pass-123"}
    access = httpx.post(f"{base_url}/auth/login", json=login, timeout=30).json()["access"]
    headers = {"authorization": f"Bearer {access}"}
    with httpx.Client(base_url=base_url, headers=headers, timeout=30) as client:
        yield client


def open_ticket(api: httpx.Client) -> int:
    """Open a ticket of somebody new and return its id."""
    contact = {"name": "Zé", "address": f"{uuid.uuid4()}@example.com"}
    body = {"subject": "Of a test", "channel": "web", "contact": contact}
    return int(api.post("/tickets", json=body).raise_for_status().json()["id"])
