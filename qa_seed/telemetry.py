"""
What a desk of this plan would have measured: office hours, weekends, and one bad afternoon.

The story of the incident: the provider answers slowly and then not at all, jobs wait for each
other, requests that wait for them are late or fail, some messages give up and are re-driven on the
next morning.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django_prometheus.middleware import Metrics

from helpdesk.models import Channel, Message, Ticket
from qa_seed.dice import Dice, dice_of
from qa_seed.logbook import Logbook, Promise
from qa_seed.pace import FIRST_ANSWER_MINUTES
from qa_seed.plan import HISTORY_DAYS, Plan
from qa_seed.working_time import SAO_PAULO, Arrivals, is_working_day
from slo.models import Objective

STEP: Final = timedelta(minutes=5)
_MINUTES: Final = STEP / timedelta(minutes=1)
_CANARIES_A_STEP: Final = STEP / timedelta(seconds=10)
_INCIDENT_HOUR: Final = 14
_RISES_MINUTES, _FALLS_MINUTES, _LASTS_MINUTES = 20, 50, 190
_STALLS_ABOVE: Final = 0.8
_DAY: Final = timedelta(days=1)

# (view, method, status): share of the requests, median in seconds.
_REQUESTS: Final[dict[tuple[str, str, str], tuple[float, float]]] = {
    ("api:tickets", "GET", "200"): (0.34, 0.048),
    ("api:ticket", "GET", "200"): (0.22, 0.031),
    ("api:messages", "GET", "200"): (0.21, 0.037),
    ("api:events", "GET", "200"): (0.10, 0.022),
    ("api:messages", "POST", "201"): (0.10, 0.062),
    ("api:dashboard", "GET", "200"): (0.03, 0.014),
}
# By queue: the lag of a calm day in seconds, and that of the worst minute.
_LAGS: Final = {
    "messages": (0.018, 24.0), "campaigns": (0.04, 3.0), "webhooks": (0.02, 7.0),
    "maintenance": (0.03, 0.05),
}  # fmt: skip
_CHANNELS: Final = {
    Channel.WHATSAPP: 0.58, Channel.WEB: 0.17, Channel.EMAIL: 0.15, Channel.TELEGRAM: 0.10,
}  # fmt: skip
_PRIORITIES: Final = {
    Ticket.Priority.MEDIUM: 0.55, Ticket.Priority.HIGH: 0.2, Ticket.Priority.LOW: 0.2,
    Ticket.Priority.URGENT: 0.05,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Incident:
    """One afternoon on which the provider failed."""

    start: datetime

    def severity(self, at: datetime) -> float:
        """Return how bad it is, from 0 to 1: it comes quickly and goes slowly."""
        minutes = (at - self.start) / timedelta(minutes=1)
        rising, falling = minutes / _RISES_MINUTES, (_LASTS_MINUTES - minutes) / _FALLS_MINUTES
        return max(0.0, min(1.0, rising, falling))

    def given_up(self, at: datetime) -> int:
        """Return how many messages of it wait for the re-drive of the next morning."""
        hours = (at - self.start) / timedelta(hours=1)
        is_waiting = 0 < hours < 24 - _INCIDENT_HOUR + 9
        return round(38 * min(1.0, hours / 3)) if is_waiting else 0


def incident_of(plan: Plan, begin: datetime, end: datetime) -> Incident:
    """Return the incident of the days between: on a working day if there is one."""
    dice = dice_of(plan.seed, "incident", 0)
    middle = begin + (end - begin) * (0.5 + 0.2 * dice.random())
    day = middle.astimezone(SAO_PAULO).replace(
        hour=_INCIDENT_HOUR, minute=int(dice.random() * 40), second=0, microsecond=0
    )
    for ago in range(5):
        if is_working_day((day - ago * _DAY).date()) and day - ago * _DAY > begin:
            return Incident(day - ago * _DAY)
    return Incident(day)


class Telemetry:
    """Fills a logbook step by step, beginning at `begin`."""

    def __init__(
        self, plan: Plan, begin: datetime, end: datetime, objectives: Sequence[Objective]
    ) -> None:
        Metrics.get_instance()  # registers the histograms whose edges are asked for
        self.book = Logbook()
        self.incident = incident_of(plan, begin, end)
        self._plan = plan
        self._arrivals = Arrivals(plan.now, days=HISTORY_DAYS)
        self._busiest = max(
            self._share(begin + hour * timedelta(hours=1), timedelta(hours=1))
            for hour in range(1 + int((end - begin) / timedelta(hours=1)))
        )
        self._promises = [
            Promise(each, step_seconds=int(STEP.total_seconds())) for each in objectives
        ]
        self._gauged = [each.name for each in objectives if each.kind == each.Kind.ZERO_GAUGE]

    def live(self, at: datetime) -> None:
        """Let one step pass, up to `at`, and take a sample."""
        seconds = int(at.timestamp())
        dice = dice_of(self._plan.seed, "metrics", seconds // int(STEP.total_seconds()))
        bad = self.incident.severity(at)
        share = self._share(at - STEP, STEP)
        presence = min(1.0, share * 60 / _MINUTES / self._busiest)
        tickets = self._plan.all_tickets * share * _around(dice)
        messages = tickets * self._plan.messages_per_ticket * _around(dice)
        people = self._plan.all_users * presence
        self._serve(dice, _MINUTES * (1.5 + 3 * people) + 4 * messages, bad, presence)
        self._queue(dice, messages, bad)
        self._deliver(dice, messages, bad)
        self._talk(dice, tickets, messages, bad)
        self._count_desk(at, bad)
        for promise in self._promises:
            promise.tell(self.book)
        self.book.sample(seconds)

    def _serve(self, dice: Dice, requests: float, bad: float, presence: float) -> None:
        slowness = (1 + 0.4 * presence + 6 * bad) * _around(dice)
        failing = 0.0004 + 0.045 * bad
        for (view, method, status), (part, median) in _REQUESTS.items():
            count = requests * part * _around(dice)
            self.book.observe(
                "django_http_requests_latency_seconds_by_view_method",
                count, median * slowness, view=view, method=method,
            )  # fmt: skip
            self.book.add(
                "django_http_requests_total_by_view_transport_method_total",
                count, view=view, transport="http", method=method,
            )  # fmt: skip
            for code, answered in ((status, 1 - failing), ("503", failing)):
                self._answer(code, view, method, count * answered)
        self.book.add("helpdesk_cache_requests_total", requests, cache="settings", outcome="hit")
        for outcome, part in (("hit", 0.024), ("miss", 0.006)):
            self.book.add(
                "helpdesk_cache_requests_total", requests * part, cache="dashboard", outcome=outcome
            )

    def _answer(self, status: str, view: str, method: str, count: float) -> None:
        self.book.add(
            "django_http_responses_total_by_status_view_method_total",
            count, status=status, view=view, method=method,
        )  # fmt: skip
        self.book.add("django_http_responses_total_by_status_total", count, status=status)

    def _queue(self, dice: Dice, messages: float, bad: float) -> None:
        jobs = {"messages": messages * 1.6, "webhooks": messages * 0.4}
        for queue, (calm, worst) in _LAGS.items():
            lag = (calm + worst * bad**2) * _around(dice)
            count = _CANARIES_A_STEP + jobs.get(queue, 0)
            self.book.observe("celery_queue_lag_seconds", count, lag, queue=queue)
        ran = {"success": 1 - 0.5 * bad, "retry": 0.01 + 0.5 * bad}
        for outcome, part in ran.items():
            self.book.observe(
                "celery_task_duration_seconds",
                messages * 0.5 * part, (0.13 + 7 * bad) * _around(dice),
                task="helpdesk.deliver_message", outcome=outcome,
            )  # fmt: skip

    def _deliver(self, dice: Dice, messages: float, bad: float) -> None:
        calls = messages * 0.5
        went = {
            "ok": (1 - 0.6 * bad, 0.14 + 5 * bad),
            "retry": (0.008 + 0.5 * bad, 0.4 + 9 * bad),
            "error": (0.001 + 0.1 * bad, 10.0),
        }
        for outcome, (part, median) in went.items():
            self.book.observe(
                "helpdesk_provider_request_seconds",
                calls * part, median * _around(dice), outcome=outcome,
            )  # fmt: skip
        self.book.observe(
            "helpdesk_provider_event_seconds",
            calls * 2.4, (0.05 + 8 * bad**2) * _around(dice), outcome="done",
        )  # fmt: skip
        self.book.observe(
            "helpdesk_ws_delivery_seconds", messages * 3, (0.035 + 1.5 * bad) * _around(dice)
        )

    def _talk(self, dice: Dice, tickets: float, messages: float, bad: float) -> None:
        for channel, part in _CHANNELS.items():
            for direction, status, often in (
                (Message.Kind.INBOUND, Message.Status.DELIVERED, 0.5),
                (Message.Kind.OUTBOUND, Message.Status.QUEUED, 0.46),
                (Message.Kind.OUTBOUND, Message.Status.SENT, 0.45),
                (Message.Kind.OUTBOUND, Message.Status.DELIVERED, 0.44 * (1 - 0.5 * bad)),
                (Message.Kind.OUTBOUND, Message.Status.FAILED, 0.002 + 0.05 * bad),
            ):
                self.book.add(
                    "helpdesk_messages_total", messages * part * often,
                    direction=direction, channel=channel, status=status,
                )  # fmt: skip
        for priority, part in _PRIORITIES.items():
            median = FIRST_ANSWER_MINUTES[priority] * 60 * _around(dice)
            self.book.observe("helpdesk_first_response_seconds", tickets * part, median)
        self.book.observe("helpdesk_resolution_seconds", tickets * 0.9, 40_000 * _around(dice))
        self.book.observe(
            "helpdesk_webhook_delivery_seconds",
            tickets, (0.3 + 4 * bad) * _around(dice), outcome="delivered",
        )  # fmt: skip

    def _count_desk(self, at: datetime, bad: float) -> None:
        opened, old, closed = (
            self._plan.all_tickets * self._arrivals.until(at - days * _DAY) for days in (0, 4, 16)
        )
        waiting = opened - old * 0.93
        for status, count in (
            (Ticket.Status.OPEN, waiting * 0.57), (Ticket.Status.PENDING, waiting * 0.43),
            (Ticket.Status.RESOLVED, max(0.0, old * 0.93 - closed * 0.9)),
            (Ticket.Status.CLOSED, closed * 0.9),
        ):  # fmt: skip
            self.book.set("helpdesk_tickets", round(count), status=status)
        self.book.set("helpdesk_dead_letters", 6 + self.incident.given_up(at))
        stalled = round(90 * max(0.0, bad - _STALLS_ABOVE))
        for queue in _LAGS:
            count = stalled if queue == "messages" else 0
            self.book.set("helpdesk_stalled_jobs", count, queue=queue)
        for name in self._gauged:
            outcome = "nonzero" if stalled else "zero"
            self.book.add("slo_gauge_checks_total", _CANARIES_A_STEP, slo=name, outcome=outcome)

    def _share(self, at: datetime, span: timedelta) -> float:
        return self._arrivals.until(at + span) - self._arrivals.until(at)


def _around(dice: Dice) -> float:
    """Return a factor between 0.85 and 1.15."""
    return 0.85 + 0.3 * dice.random()
