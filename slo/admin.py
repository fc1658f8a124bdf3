"""Objectives with their verdicts: evaluated once per page, readable at a glance."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.views.main import ChangeList
from django.db import models
from django.forms.widgets import Script
from django.http import HttpRequest, HttpResponse, HttpResponseForbidden, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.module_loading import import_string
from django.utils.safestring import SafeString, mark_safe
from unfold.admin import ModelAdmin
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextareaWidget

from slo import (
    charts,
    durations,
    panels,
    previews,
    reports,
    rules,
    selectors,
    services,
    trends,
)  # fmt: skip
from slo.errors import SourceUnavailable
from slo.evaluation import Evaluation
from slo.models import Objective

_LABELS = {"met": "success", "at risk": "warning", "missed": "danger", "no data": "info"}
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
        lately = trends.lately(self.result_list, now=timezone.now()) if self.result_list else {}
        for objective in self.result_list:
            objective.standing = standings.get(objective.pk)
            objective.points = lately.get(objective.name)


@admin.register(Objective)
class ObjectiveAdmin(ModelAdmin):
    """What is promised, what was counted, and what is left to spend."""

    class Media:
        css: ClassVar = {"all": ["slo/slo.css"]}
        js = (Script("slo/preview.js", type="module"),)

    formfield_overrides: ClassVar = {
        models.JSONField: {"widget": UnfoldAdminTextareaWidget(attrs={"rows": 3})}
    }
    list_display = (
        "promise", "verdict", "counted", "quantile", "budget", "burn", "trend", "enabled",
    )  # fmt: skip
    list_filter = ("is_enabled", "kind")
    search_fields = ("name", "description")
    ordering = ("name",)
    list_per_page = 50
    list_fullwidth = True
    actions_list = ("export_rules",)
    list_before_template = change_form_outer_before_template = "slo/evaluate.html"
    readonly_fields = ("compliance", "preview")
    fieldsets = (
        ("Standing", {"fields": ("compliance",)}),
        ("Promise", {"fields": ("name", "description", "target_ratio", "is_strict",
                                "window_seconds", "is_enabled", "preview")}),
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
        window = durations.text(objective.window)
        return [objective.name, f"{objective.description.rstrip('.')}, over {window}."]

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

    @display(description="≈ Quantiles")
    def quantile(self, objective: Objective) -> str | SafeString:
        """Median and P95: estimates, each with its bucket."""
        standing = _standing(objective)
        texts = reports.quantiles(standing) if standing else []
        return _two_lines(*texts) if texts else reports.NO_VALUE

    @display(description="Budget left")
    def budget(self, objective: Objective) -> str | SafeString:
        """The signed share of the error budget that is left, with a bar from zero."""
        standing = _standing(objective)
        left = standing.budget_remaining if standing else None
        if standing is None or left is None:
            return reports.NO_VALUE
        bar = charts.budget_bar(left)
        return format_html('<span class="slo-budget">{} {}</span>', bar, reports.budget(standing))

    @display(description="Burn now")
    def burn(self, objective: Objective) -> str | SafeString:
        """How fast the budget goes, over the short window and the whole one."""
        standing = _standing(objective)
        text = reports.burn(standing) if standing else reports.NO_VALUE
        return _two_lines(*text.split(" · "))

    @display(description="Lately")
    def trend(self, objective: Objective) -> str | SafeString:
        """Twice the window, as a small chart in which a gap is a gap."""
        points = getattr(objective, "points", None)
        if not points:
            return reports.NO_VALUE
        return charts.sparkline(points, objective.target_ratio)

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
        return render_to_string(
            "slo/panel.html", {"it": panels.whole(standing, now=timezone.now())}
        )

    @display(description="Preview")
    def preview(self, _objective: Objective | None) -> SafeString:
        """What the form as it stands would say, filled in by a script and saved nowhere."""
        place = '<div id="slo-preview" data-url="{}" aria-live="polite"></div>'
        return format_html(place, reverse("admin:slo_objective_preview"))

    def get_urls(self) -> list[URLPattern]:
        """Add the addresses of the preview and of "Evaluate now"."""
        preview, evaluate = (
            self.admin_site.admin_view(each) for each in (self.show_preview, self.evaluate_now)
        )
        return [
            path("preview/", preview, name="slo_objective_preview"),
            path("evaluate/", evaluate, name="slo_objective_evaluate"),
            path("<int:pk>/evaluate/", evaluate, name="slo_objective_evaluate"),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list, with a button that evaluates it anew for whoever may."""
        context = {**(extra_context or {}), **self._button(request)}
        answer: HttpResponse = super().changelist_view(request, context)
        return answer

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the form, with a button that evaluates the objective anew for whoever may."""
        context = {**(extra_context or {}), **self._button(request, object_id)}
        answer: HttpResponse = super().change_view(request, object_id, form_url, context)
        return answer

    def _button(self, request: HttpRequest, *pk: str) -> dict[str, str]:
        if not self.has_change_permission(request):
            return {}
        return {"evaluate_url": reverse("admin:slo_objective_evaluate", args=pk)}

    def show_preview(self, request: HttpRequest) -> HttpResponse:
        """Answer what a posted form would say if it were saved."""
        if request.method != "POST" or not self.has_change_permission(request):
            return HttpResponseForbidden()
        context = previews.of_form(self.get_form(request)(request.POST), now=timezone.now())
        return render(request, "slo/preview.html", context)

    @action(description="Export rules", icon="download", permissions=["view"])
    def export_rules(self, _request: HttpRequest) -> HttpResponse:
        """Download the Prometheus rules of the enabled objectives."""
        text = rules.as_yaml(rules.groups(selectors.list_enabled()))
        headers = {"Content-Disposition": 'attachment; filename="slos.yml"'}
        return HttpResponse(text, content_type="application/yaml", headers=headers)

    def evaluate_now(self, request: HttpRequest, pk: int | None = None) -> HttpResponse:
        """Take a snapshot, so that the present is part of the history, and show what it says."""
        if not self.has_change_permission(request):
            return HttpResponseForbidden()
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        snapshot = services.take_snapshot(now=timezone.now())
        messages.success(request, f"Evaluated with a snapshot of {snapshot.taken_at:%H:%M:%S} UTC.")
        if pk is None:
            return redirect("admin:slo_objective_changelist")
        return redirect("admin:slo_objective_change", pk)


def _two_lines(*lines: str) -> SafeString:
    unbroken = ((line.replace(" ", "\N{NO-BREAK SPACE}"),) for line in lines)
    return format_html_join(_BREAK, "{}", unbroken)


def _may_edit(request: HttpRequest) -> bool:
    """Ask `settings.SLO["MAY_EDIT"]`, a dotted path to `(user) -> bool`; unset, nobody more."""
    hook = getattr(settings, "SLO", {}).get("MAY_EDIT")
    return bool(import_string(hook)(request.user)) if hook else False


def _evaluated(objectives: list[Objective]) -> dict[int, Evaluation]:
    now = timezone.now()
    source = selectors.configured_source(objectives, now=now)
    found = selectors.evaluate_with(source, objectives, now=now)
    return {each.objective.pk: each for each in found}


def _standing(objective: Objective) -> Evaluation | None:
    """Return what the list attached to the row."""
    standing: Evaluation | None = getattr(objective, "standing", None)
    return standing
