"""The trace: continued from outside, kept in rows, handed on in headers."""

from __future__ import annotations

import pytest
from opentelemetry.trace import get_current_span

from helpdesk import trace
from helpdesk.models import Message
from helpdesk.provider.http import get_provider
from helpdesk.services import delivery

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
SPAN_ID = "b7ad6b7169203331"
PARENT = f"00-{TRACE_ID}-{SPAN_ID}-01"


@pytest.mark.parametrize("parent", [PARENT, PARENT.upper(), f"  {PARENT} ", TRACE_ID])
def test_a_known_parent_is_continued(parent):
    with trace.span("work", parent=parent):
        assert trace.current_id() == TRACE_ID
    with trace.continued(parent) as trace_id:
        assert trace_id == TRACE_ID
    assert trace.current_id() == ""


@pytest.mark.parametrize(
    "parent",
    ["", "x", "0" * 32, "g" * 32, f"ff-{TRACE_ID}-{SPAN_ID}-01", f"00-{'0' * 32}-{SPAN_ID}-01"],
)
def test_an_unknown_parent_begins_a_trace(parent):
    with trace.continued(TRACE_ID), trace.span("work", parent=parent):
        assert len(trace.current_id()) == 32
        assert trace.current_id() != TRACE_ID


def test_spans_within_a_trace_stay_in_it_and_none_is_left_behind():
    with trace.span("outer", parent=""):
        outer = trace.current_id()
        with trace.span("inner"), trace.continued(outer):
            assert trace.current_id() == outer
        with pytest.raises(ValueError, match="no"), trace.span("failing"):
            raise ValueError("no")
        assert trace.current_id() == outer
    assert trace.current_id() == ""


def test_a_call_names_the_span_it_was_made_in():
    with trace.span("work", parent=PARENT):
        assert trace.traceparent() == PARENT  # no SDK: nobody else would know another span


def test_the_callers_choice_not_to_sample_is_handed_on():
    with trace.span("work", parent=f"00-{TRACE_ID}-{SPAN_ID}-00"):
        assert trace.traceparent().endswith("-00")


def test_a_function_may_be_a_span():
    @trace.span("work", parent=PARENT)
    def work():
        return trace.current_id(), get_current_span().get_span_context().is_valid

    assert [work(), work()] == [(TRACE_ID, True)] * 2


def test_a_posted_message_keeps_its_traceparent(api, ticket):
    headers = {"traceparent": PARENT}
    api.post(f"/api/v1/tickets/{ticket.pk}/messages", {"body": "Hi"}, headers=headers)

    assert Message.objects.get().traceparent == PARENT


@pytest.mark.django_db(transaction=True)
def test_a_job_on_the_queue_carries_the_traceparent(api, ticket, broker):
    headers = {"traceparent": trace.traceparent()}
    api.post(f"/api/v1/tickets/{ticket.pk}/messages", {"body": "Hi"}, headers=headers)

    [job] = broker.jobs("messages")
    assert job["headers"]["traceparent"] == headers["traceparent"]


def test_a_message_swept_later_is_delivered_within_its_own_trace(api, ticket, provider):
    api.post(
        f"/api/v1/tickets/{ticket.pk}/messages", {"body": "Hi"}, headers={"traceparent": PARENT}
    )
    message = Message.objects.get()

    with trace.continued(""):  # the sweeper's, or a retry's
        assert message.next_attempt_at is not None
        delivery.deliver(
            message_id=message.pk, provider=get_provider(), now=message.next_attempt_at
        )

    assert provider.calls[0].traceparent == PARENT
