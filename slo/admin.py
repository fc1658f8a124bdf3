"""Objectives with their verdicts: evaluated once per page, readable at a glance."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db import models
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.module_loading import import_string
from django.utils.safestring import SafeString, mark_safe
from unfold.admin import ModelAdmin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget

from slo import durations, reports, selectors
from slo.errors import SourceUnavailable
from slo.evaluation import Evaluation
from slo.models import Objective

_LABELS = {"met": "success", "at risk": "warning", "missed": "danger", "no data": "info"}
_BAR_WIDTH = 64
_BREAK = mark_safe("<br>")


class StandingChangeList(ChangeList):
    """A list whose rows carry their evaluation, all of them made from one reading."""

    def get_results(self, request: HttpRequest) -> None:
        """Fetch the page's objectives and evaluate them together."""
        super().get_results(request)
        self.result_list: Any = list(self.result_list)
        try:
            standings = _evaluated(self.result_list)
        except SourceUnavailable as error:
            messages.error(request, f"The counts cannot be read: {error}")
            standings = {}
        for objective in self.result_list:
            objective.standing = standings.get(objective.pk)


@admin.register(Objective)
class ObjectiveAdmin(ModelAdmin):
    """What is promised, what was counted, and what is left to spend."""

    formfield_overrides: ClassVar = {
        models.JSONField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 3})}
    }
    list_display = (
        "promise", "verdict", "counted", "quantile", "budget", "burn", "over", "enabled",
    )  # fmt: skip
    list_filter = ("is_enabled", "kind")
    search_fields = ("name", "description")
    ordering = ("name",)
    list_per_page = 50
    list_fullwidth = True
    readonly_fields = ("compliance",)
    fieldsets = (
        ("Standing", {"fields": ("compliance",)}),
        ("Promise", {"fields": ("name", "description", "target_ratio", "is_strict",
                                "window_seconds", "is_enabled")}),
        ("What is counted", {"fields": ("kind", "metric", "match", "threshold_seconds",
                                        "bad_match")}),
        ("Who cares", {"fields": ("owner", "runbook", "alert_burn_rates")}),
    )  # fmt: skip

    def has_module_permission(self, request: HttpRequest) -> bool:
        """Show the app to whoever may edit its objectives."""
        return _may_edit(request) or bool(super().has_module_permission(request))

    def has_view_permission(self, request: HttpRequest, obj: Objective | None = None) -> bool:
        """Allow whom the settings name, and whom Django's permissions name."""
        return _may_edit(request) or bool(super().has_view_permission(request, obj))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Allow whom the settings name, and whom Django's permissions name."""
        return _may_edit(request) or bool(super().has_add_permission(request))

    def has_change_permission(self, request: HttpRequest, obj: Objective | None = None) -> bool:
        """Allow whom the settings name, and whom Django's permissions name."""
        return _may_edit(request) or bool(super().has_change_permission(request, obj))

    def has_delete_permission(self, request: HttpRequest, obj: Objective | None = None) -> bool:
        """Allow whom the settings name, and whom Django's permissions name."""
        return _may_edit(request) or bool(super().has_delete_permission(request, obj))

    def get_changelist(self, _request: HttpRequest, **_kwargs: Any) -> type[ChangeList]:
        """Return the list that evaluates its rows together."""
        return StandingChangeList

    @display(description="Objective", header=True, ordering="name")
    def promise(self, objective: Objective) -> list[str]:
        """Name, and the promise as a sentence."""
        return [objective.name, objective.description]

    @display(description="Verdict", label=_LABELS)
    def verdict(self, objective: Objective) -> str:
        """State as a coloured word."""
        standing = _standing(objective)
        return standing.state.value.replace("_", " ") if standing else "no data"

    @display(description="Good of counted")
    def counted(self, objective: Objective) -> str | SafeString:
        """The ratio with what it was counted from."""
        standing = _standing(objective)
        if standing is None or not standing.tally.total:
            return "nothing counted"
        tally = standing.tally
        return _two_lines(reports.percent(tally.ratio), f"{tally.good:,} of {tally.total:,}")

    @display(description="Quantile")
    def quantile(self, objective: Objective) -> str | SafeString:
        """The promised share's time: estimated, with its bucket."""
        standing = _standing(objective)
        text = reports.quantile(standing) if standing else reports.NO_VALUE
        return _two_lines(*text.split(" in ", 1))

    @display(description="Budget left")
    def budget(self, objective: Objective) -> str | SafeString:
        """The signed share of the error budget that is left, with a bar."""
        standing = _standing(objective)
        left = standing.budget_remaining if standing else None
        if standing is None or left is None:
            return reports.NO_VALUE
        width = round(_BAR_WIDTH * min(1.0, max(0.0, float(left))))
        return format_html(
            '<span class="flex items-center gap-2 whitespace-nowrap">'
            '<svg width="{}" height="6" aria-hidden="true">'
            '<rect width="{}" height="6" rx="3" fill="currentColor" opacity="0.15"></rect>'
            '<rect width="{}" height="6" rx="3" fill="currentColor"></rect></svg>{}</span>',
            _BAR_WIDTH, _BAR_WIDTH, width, reports.budget(standing),
        )  # fmt: skip

    @display(description="Burn now")
    def burn(self, objective: Objective) -> str | SafeString:
        """How fast the budget goes, over the short window and the whole one."""
        standing = _standing(objective)
        text = reports.burn(standing) if standing else reports.NO_VALUE
        return _two_lines(*text.split(" · "))

    @display(description="Window", ordering="window_seconds")
    def over(self, objective: Objective) -> str:
        """The time it is judged over."""
        return durations.text(objective.window)

    @display(description="On", boolean=True, ordering="is_enabled")
    def enabled(self, objective: Objective) -> bool:
        """Whether it is judged at all outside this page."""
        return objective.is_enabled

    @display(description="Compliance")
    def compliance(self, objective: Objective | None) -> str | SafeString:
        """The panel of a change page: everything that was counted, and the formula used."""
        if objective is None or objective.pk is None:
            return "Judged once it is saved."
        try:
            standing = _evaluated([objective])[objective.pk]
        except SourceUnavailable as error:
            return f"The counts cannot be read: {error}"
        return render_to_string("slo/panel.html", {"standing": standing, **_figures(standing)})


def _two_lines(*lines: str) -> SafeString:
    unbroken = ((line.replace(" ", "\N{NO-BREAK SPACE}"),) for line in lines)
    return format_html_join(_BREAK, "{}", unbroken)


def _may_edit(request: HttpRequest) -> bool:
    """Ask `settings.SLO["MAY_EDIT"]`, a dotted path to `(user) -> bool`; unset, nobody more."""
    path = getattr(settings, "SLO", {}).get("MAY_EDIT")
    return bool(import_string(path)(request.user)) if path else False


def _evaluated(objectives: list[Objective]) -> dict[int, Evaluation]:
    now = timezone.now()
    source = selectors.configured_source(objectives, now=now)
    found = selectors.evaluate_with(source, objectives, now=now)
    return {each.objective.pk: each for each in found}


def _standing(objective: Objective) -> Evaluation | None:
    """Return what the list attached to the row."""
    standing: Evaluation | None = getattr(objective, "standing", None)
    return standing


def _figures(standing: Evaluation) -> dict[str, str]:
    return {
        "state": standing.state.value.replace("_", " "),
        "label": _LABELS[standing.state.value.replace("_", " ")],
        "ratio": reports.percent(standing.tally.ratio),
        "target": reports.percent(standing.objective.target_ratio),
        "budget": reports.budget(standing),
        "burn": reports.burn(standing),
        "quantile": reports.quantile(standing),
        "coverage": reports.percent(standing.coverage_ratio),
        "formula": reports.formula(standing),
        "window": durations.text(standing.window),
    }
