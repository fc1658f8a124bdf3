"""Objectives (what is promised) and snapshots (what had been counted, and when)."""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal
from typing import ClassVar, Final

from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

from slo import buckets, catalogue, tiers
from slo.errors import ThresholdIsNoEdge
from slo.selections import Selection, edge


def check_matchers(value: object) -> None:
    """
    Refuse anything but a mapping of label names to regular expressions.

    :raises ValidationError: naming the label at fault
    """
    if not isinstance(value, dict):
        raise ValidationError('Give an object such as {"view": "api:.*"}.')
    for label, regex in value.items():
        try:
            re.compile(regex)
        except (re.error, TypeError) as error:
            raise ValidationError(f"{label}: {regex!r} is no regular expression.") from error


def check_burn_rates(value: object) -> None:
    """
    Refuse anything but a list of numbers.

    :raises ValidationError: telling what would be right
    """
    if not isinstance(value, list) or not all(type(each) in {int, float} for each in value):
        raise ValidationError("Give a list such as [14.4, 6], or [] for all that can fire.")


class Objective(models.Model):
    """A promise about counted events, editable in the admin."""

    class Kind(models.TextChoices):
        HISTOGRAM_RATIO = "histogram_ratio", "share of a histogram at or below a threshold"
        COUNTER_RATIO = "counter_ratio", "share of a counter that is not bad"
        ZERO_GAUGE = "zero_gauge", "share of checks that found a gauge at zero"

    name = models.SlugField(max_length=80, unique=True)
    description = models.CharField(max_length=200, help_text="The promise as a sentence.")
    kind = models.CharField(max_length=20, choices=Kind, default=Kind.HISTOGRAM_RATIO)
    metric = models.CharField(
        max_length=200, help_text="As exposed; of a histogram without _bucket."
    )
    match = models.JSONField(
        default=dict, blank=True, validators=[check_matchers], help_text="{label: regex}"
    )
    bad_match = models.JSONField(
        default=dict,
        blank=True,
        validators=[check_matchers],
        help_text="Which series of a counter are bad.",
    )
    threshold_seconds = models.DecimalField(
        max_digits=9, decimal_places=4, null=True, blank=True, help_text="A bucket edge."
    )
    target_ratio = models.DecimalField(
        max_digits=7,
        decimal_places=6,
        validators=[MinValueValidator(Decimal("0.000001")), MaxValueValidator(Decimal(1))],
    )
    is_strict = models.BooleanField(
        default=False, help_text="More than the target, not just the target."
    )
    window_seconds = models.PositiveIntegerField(
        default=3600, validators=[MinValueValidator(10), MaxValueValidator(28 * 86_400)]
    )
    alert_burn_rates = models.JSONField(
        default=list,
        blank=True,
        validators=[check_burn_rates],
        help_text="Alert only at these of 14.4, 6, 3 and 1; [] is all that can fire.",
    )
    owner = models.CharField(max_length=120, blank=True)
    runbook = models.CharField(max_length=200, blank=True, help_text="Path or URL.")
    is_enabled = models.BooleanField(default=True)

    class Meta:
        ordering: ClassVar = ["name"]
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=models.Q(target_ratio__gt=0, target_ratio__lte=1),
                name="slo_objective_target_is_a_ratio",
            ),
            models.CheckConstraint(
                condition=models.Q(kind="histogram_ratio", threshold_seconds__isnull=False)
                | (~models.Q(kind="histogram_ratio") & models.Q(threshold_seconds__isnull=True)),
                name="slo_objective_threshold_belongs_to_histogram",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """
        Refuse what could never be counted.

        :raises ValidationError: naming the field
        """
        super().clean()
        if self.kind == self.Kind.COUNTER_RATIO and not self.bad_match:
            raise ValidationError({"bad_match": "Say which series of the counter are bad."})
        if self.kind == self.Kind.HISTOGRAM_RATIO:
            self._clean_threshold()
        elif self.threshold_seconds is not None:
            raise ValidationError({"threshold_seconds": "Only a histogram has a threshold."})
        if self.kind in _TYPES:
            self._clean_names()
        self._clean_burn_rates()

    def _clean_threshold(self) -> None:
        if self.threshold_seconds is None:
            raise ValidationError({"threshold_seconds": "A histogram needs a threshold."})
        try:
            buckets.refuse_no_edge(self.metric, self.threshold_seconds)
        except ThresholdIsNoEdge as error:
            raise ValidationError({"threshold_seconds": str(error)}) from error

    def _clean_names(self) -> None:
        """Refuse a metric or a label that nobody counts; what is no mapping is refused already."""
        matchers = {
            name: value
            for name, value in (("match", self.match), ("bad_match", self.bad_match))
            if isinstance(value, dict)
        }
        wrong = dict(catalogue.refusals(_TYPES[self.kind], self.metric, matchers))
        if wrong:
            raise ValidationError(wrong)

    def _clean_burn_rates(self) -> None:
        if not self.alert_burn_rates or self.target_ratio is None:
            return
        factors = [Decimal(str(each)) for each in self.alert_burn_rates]
        if wrong := tiers.refusal(self.target_ratio, factors):
            raise ValidationError({"alert_burn_rates": wrong})

    @property
    def window(self) -> timedelta:
        return timedelta(seconds=self.window_seconds)

    @property
    def threshold_edge(self) -> str:
        return "" if self.threshold_seconds is None else edge(self.threshold_seconds)

    @property
    def selection(self) -> Selection:
        """Which series are counted; a gauge is counted by the checks of `slo.gauges`."""
        if self.kind == self.Kind.ZERO_GAUGE:
            return Selection(
                metric="slo_gauge_checks_total",
                match={"slo": self.name},
                bad_match={"outcome": "nonzero"},
            )
        bad_match = self.bad_match if self.kind == self.Kind.COUNTER_RATIO else {}
        return Selection(metric=self.metric, match=self.match, bad_match=bad_match)


# What Prometheus calls the metric that each kind of objective is over.
_TYPES: Final[dict[str, str]] = {
    Objective.Kind.HISTOGRAM_RATIO: "histogram",
    Objective.Kind.COUNTER_RATIO: "counter",
    Objective.Kind.ZERO_GAUGE: "gauge",
}


class Snapshot(models.Model):
    """
    The cumulative counts of every selection at one moment.

    Counts of one `boot` only grow (files of dead workers stay), so a window's growth is exact
    integer subtraction; another `boot` began at zero.
    """

    taken_at = models.DateTimeField()
    boot = models.CharField(max_length=40)
    counts = models.JSONField()

    class Meta:
        ordering: ClassVar = ["-taken_at"]
        get_latest_by = "taken_at"
        indexes: ClassVar = [
            models.Index(fields=["taken_at"], name="slo_snapshot_taken_at"),
            models.Index(fields=["boot", "-taken_at"], name="slo_snapshot_boot_taken_at"),
        ]

    def __str__(self) -> str:
        return f"{self.taken_at:%Y-%m-%d %H:%M:%S} ({self.boot})"
