"""The admin of experiments: the verdicts, and each run's timeline."""

from __future__ import annotations

from django.contrib import admin
from django.template.loader import render_to_string
from django.utils.html import format_html
from unfold.decorators import display

from chaos.admin.read_only import ReadOnlyAdmin
from chaos.models import ExperimentRun


@admin.register(ExperimentRun)
class ExperimentRunAdmin(ReadOnlyAdmin):
    list_display = ("experiment", "verdict", "started_at", "took", "recovered", "hits", "why")
    list_filter = ("status", "name")
    search_fields = ("name", "reason", "actor")
    actions = None
    fields = ("story",)
    readonly_fields = fields

    @display(description="Experiment", ordering="name")
    def experiment(self, run: ExperimentRun) -> str:
        return run.title

    @display(
        description="Verdict",
        ordering="status",
        label={
            "Passed": "success",
            "Deviated": "danger",
            "Aborted": "danger",
            "Inconclusive": "warning",
            "Interrupted": "warning",
        },
    )
    def verdict(self, run: ExperimentRun) -> str:
        return ExperimentRun.Status(run.status).label

    @display(description="Took")
    def took(self, run: ExperimentRun) -> str:
        return _seconds(run.duration_seconds)

    @display(description="Recovered after", ordering="mttr_seconds")
    def recovered(self, run: ExperimentRun) -> str:
        return _seconds(run.mttr_seconds)

    @display(description="Reason", ordering="reason")
    def why(self, run: ExperimentRun) -> str:
        """Keep it wide enough to be read where the table is wider than the screen."""
        return format_html('<span style="display:block;min-width:16rem">{}</span>', run.reason)

    @display(description="Run")
    def story(self, run: ExperimentRun) -> str:
        context = {"run": run, "events": run.events.all()}
        return render_to_string("chaos/admin/run.html", context)


def _seconds(value: float | None) -> str:
    """Return it with a space that does not break; a dash when there is none."""
    return "–" if value is None else f"{value:.1f}\N{NO-BREAK SPACE}s"  # noqa: RUF001 - a dash
