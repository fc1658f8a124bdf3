"""Problem pages: true status, trace id, and no need of database or session."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client, RequestFactory
from django.utils.functional import SimpleLazyObject

from helpdesk.api import errors
from helpdesk.web.rows import ago, moment

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


def _ask_the_database():
    pytest.fail("The problem page asked for the user or the session.")


def test_an_unknown_address_is_a_page_with_its_trace():
    answer = Client().get("/nowhere")
    html = answer.content.decode()
    assert answer.status_code == 404
    assert "There is nothing at this address." in html
    assert answer["X-Trace-Id"] in html


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        (OperationalError("gone"), 503, "The database does not answer"),
        (RuntimeError("bug"), 500, "Something went wrong on our side"),
    ],
)
def test_problem_pages_need_no_database(error, status, words):
    request = RequestFactory().get("/tickets")
    nobody: Any = SimpleLazyObject(_ask_the_database)
    request.user = request.session = nobody
    try:
        raise error
    except type(error):
        answer = errors.server_error(request)
    assert answer.status_code == status
    assert words in answer.content.decode()
    assert f">{error}<" not in answer.content.decode()


@pytest.mark.parametrize(
    ("elapsed", "words"),
    [
        (timedelta(seconds=-3), "now"),
        (timedelta(seconds=59), "now"),
        (timedelta(minutes=1), "1 min ago"),
        (timedelta(minutes=59, seconds=59), "59 min ago"),
        (timedelta(hours=1), "1 h ago"),
        (timedelta(hours=23, minutes=59), "23 h ago"),
        (timedelta(days=6, hours=23), "6 d ago"),
        (timedelta(days=7), "17 Nov 2026"),
    ],
)
def test_ago_is_one_short_unit(elapsed, words):
    assert ago(elapsed, at=NOON - elapsed) == words


def test_a_moment_also_says_exactly_when():
    said = moment("2026-11-24T11:58:30.000000Z", now=NOON)
    assert (said.ago, said.title) == ("1 min ago", "24 Nov 2026, 11:58:30 UTC")
