"""Every page of the product and of the admin carries the banner of active faults."""

import time

import pytest
from django.urls import reverse

from chaos import kernel
from chaos.kernel import ActiveFault
from helpdesk.tests.factories import UserFactory


@pytest.fixture
def armed():
    kernel.arm([ActiveFault("one", "redis", "miss", time.monotonic() + 60)])
    yield
    kernel.arm([])


@pytest.mark.django_db
def test_pages_of_the_product_show_the_banner(client, armed):
    page = client.get("/login").content.decode()
    assert 'id="chaos-banner"' in page
    assert "redis/miss" in page
    assert "'self'" in client.get("/login").headers["Content-Security-Policy"]
    assert "<style" not in page
    client.force_login(UserFactory.create())
    assert "redis/miss" in client.get("/tickets").content.decode()


@pytest.mark.django_db
def test_admin_loads_the_banner(client):
    page = client.get(reverse("admin:login")).content.decode()
    assert "chaos/banner.js?url=/chaos/banner" in page
    assert "chaos/banner.css" in page
