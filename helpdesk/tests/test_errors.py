"""Every error is a problem document with a trace id, and none tells of our insides."""

from __future__ import annotations

import pytest
from django.db import InterfaceError, OperationalError

from helpdesk import trace
from helpdesk.selectors import tickets as reads
from helpdesk.tests.conftest import bearer

pytestmark = pytest.mark.django_db
URL = "/api/v1/tickets"


def assert_problem(answer, status, code):
    assert answer.status_code == status
    assert answer["Content-Type"] == "application/problem+json"
    document = answer.json()
    assert set(document) - {"errors"} == {"type", "title", "status", "detail", "code", "trace_id"}
    assert (document["status"], document["code"]) == (status, code)
    assert document["detail"]
    assert document["trace_id"] == answer["X-Trace-Id"]
    assert "Traceback" not in answer.content.decode()


@pytest.fixture
def client(agent):
    return bearer(agent, raise_request_exception=False)


def break_list(monkeypatch, error):
    def fail(**_):
        raise error

    monkeypatch.setattr(reads, "list_newest", fail)


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/tickets/", "/api/v2/tickets"])
def test_an_unknown_address_is_404(nobody, path):
    assert_problem(nobody.get(path), 404, "not_found")


def test_a_missing_row_is_404(api):
    assert_problem(api.get(f"{URL}/999"), 404, "not_found")


def test_nobody_is_401_with_a_challenge(nobody):
    answer = nobody.get(URL)

    assert_problem(answer, 401, "not_authenticated")
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_too_little_right_is_403(viewer):
    assert_problem(bearer(viewer).post(URL, {}), 403, "permission_denied")


def test_a_method_nobody_serves_is_405_and_says_which_are(api):
    answer = api.delete(URL)

    assert_problem(answer, 405, "method_not_allowed")
    assert "GET" in answer["Allow"]


def test_a_media_type_nobody_reads_is_415(api):
    answer = api.generic("POST", URL, "<a/>", content_type="text/xml")

    assert_problem(answer, 415, "unsupported_media_type")


def test_an_answer_nobody_can_give_is_406(api):
    assert_problem(api.get(URL, HTTP_ACCEPT="image/png"), 406, "not_acceptable")


@pytest.mark.parametrize(
    "body", ["{", "", "{'a': 1}", '{"a": NaN}', "[" * 100_000, '{"a":' * 5000, "\x00", "é"]
)
def test_a_body_that_is_no_json_is_400(client, body):
    answer = client.generic("POST", URL, body.encode("latin-1"), content_type="application/json")

    assert_problem(answer, 400, answer.json()["code"])
    assert answer.json()["code"] in ("parse_error", "invalid")


def test_a_body_over_a_mebibyte_is_413(client):
    body = b'{"subject": "' + b"a" * 1024 * 1024 + b'"}'

    answer = client.generic("POST", URL, body, content_type="application/json")

    assert_problem(answer, 413, "body_too_large")


def test_bad_values_are_named_by_field(api):
    answer = api.post(URL, {"subject": "", "channel": "x", "contact": {"name": ""}})

    assert_problem(answer, 400, "invalid")
    errors = answer.json()["errors"]
    assert set(errors) == {"subject", "channel", "contact"}
    assert set(errors["contact"]) == {"name", "address"}
    assert "subject" in answer.json()["detail"]


def test_what_nobody_anticipated_is_500_without_our_insides(client, monkeypatch):
    break_list(monkeypatch, RuntimeError("the secret of row 7"))

    answer = client.get(URL)

    assert_problem(answer, 500, "internal_error")
    assert "secret" not in answer.content.decode()
    assert "RuntimeError" not in answer.content.decode()


@pytest.mark.parametrize("error", [OperationalError("gone"), InterfaceError("closed")])
def test_a_lost_database_inside_a_view_is_503_with_advice(client, monkeypatch, error):
    break_list(monkeypatch, error)

    answer = client.get(URL)

    assert_problem(answer, 503, "database_unavailable")
    assert int(answer["Retry-After"]) > 0
    assert "gone" not in answer.content.decode()


def test_a_fault_in_the_browsable_answer_is_still_no_stack_trace(client, monkeypatch):
    break_list(monkeypatch, RuntimeError("the secret of row 7"))

    answer = client.get(URL, HTTP_ACCEPT="text/html")

    assert answer.status_code == 500
    assert "secret" not in answer.content.decode()


TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


def test_an_incoming_trace_is_continued(api):
    answer = api.get(URL, HTTP_TRACEPARENT=f"00-{TRACE_ID}-b7ad6b7169203331-01")

    assert answer["X-Trace-Id"] == TRACE_ID


@pytest.mark.parametrize(
    "header",
    [
        "",
        "x",
        f"00-{'0' * 32}-b7ad6b7169203331-01",
        f"00-{TRACE_ID}-{'0' * 16}-01",
        f"ff-{TRACE_ID}-b7ad6b7169203331-01",
        f"00-{TRACE_ID}-b7ad6b7169203331-01-more",
        f"00-{TRACE_ID[:-1]}-b7ad6b7169203331-01",
        f"00-{TRACE_ID[:-1]}g-b7ad6b7169203331-01",
    ],
)
def test_a_trace_that_is_not_valid_begins_anew(api, header):
    answer = api.get(URL, HTTP_TRACEPARENT=header)

    assert answer["X-Trace-Id"] != TRACE_ID
    assert len(answer["X-Trace-Id"]) == 32
    assert int(answer["X-Trace-Id"], 16) > 0


def test_a_later_version_of_the_header_is_understood(api):
    answer = api.get(URL, HTTP_TRACEPARENT=f"cc-{TRACE_ID}-b7ad6b7169203331-01-more")

    assert answer["X-Trace-Id"] == TRACE_ID


def test_every_request_without_a_trace_gets_its_own(api):
    assert len({api.get(URL)["X-Trace-Id"] for _ in range(5)}) == 5


def test_the_trace_of_a_request_ends_with_it(api):
    api.get(URL, HTTP_TRACEPARENT=f"00-{TRACE_ID}-b7ad6b7169203331-01")

    assert trace.current_id() == ""


def test_a_traceparent_we_send_is_one_we_would_accept():
    with trace.continued(TRACE_ID):
        assert trace.from_traceparent(trace.traceparent()) == TRACE_ID
    assert len(trace.from_traceparent(trace.traceparent())) == 32
