"""The admin of chaos: arm with a TTL, clear, stop everything; nothing is edited by hand."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils import timezone
from unfold.dataclasses import ActionDialog, UnfoldAction
from unfold.decorators import action, display
from unfold.enums import ActionVariant

from chaos import guard, room, services
from chaos.actors import actor_of
from chaos.admin.forms import ArmForm, ClearForm
from chaos.admin.read_only import ReadOnlyAdmin
from chaos.admin.runs import ExperimentRunAdmin
from chaos.models import AuditEntry, Fault

__all__ = ["AuditEntryAdmin", "ExperimentRunAdmin", "FaultAdmin"]
_ARM = ActionDialog(
    title="Arm a fault",
    description="It reaches every process within a second and ends by itself.",
    form_class=ArmForm,
    form_submit_text="Arm",
)
_CLEAR = ActionDialog(
    title="Clear this fault?",
    description="It ends in every process within a second.",
    form_class=ClearForm,
    form_submit_text="Clear",
)
_STOP = ActionDialog(
    title="Stop everything?",
    description="Every active fault ends in every process within a second.",
    form_class=ClearForm,
    form_submit_text="Stop everything",
)


@admin.register(Fault)
class FaultAdmin(ReadOnlyAdmin):
    list_display = (
        "fault", "state", "left", "hits", "settings", "created_by", "created_at", "reason",
    )  # fmt: skip
    list_filter = ("target", "end")
    list_before_template = "chaos/admin/room.html"
    search_fields = ("created_by", "mode")
    actions = None
    actions_list: ClassVar = ["arm", "stop_everything"]
    actions_row: ClassVar = ["clear"]

    def has_inject_permission(self, request: HttpRequest, _object_id: Any = None) -> bool:
        return guard.may_inject(request.user)

    def get_actions_list(self, request: HttpRequest) -> list[UnfoldAction]:
        """Leave the lever out of the page's header: the control room itself has it, larger."""
        actions: list[UnfoldAction] = super().get_actions_list(request)
        return [each for each in actions if not each.action_name.endswith("_stop_everything")]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        context = {
            "title": "Control room",
            **room.context(now=timezone.now(), may_inject=guard.may_inject(request.user)),
            **(extra_context or {}),
        }
        response: HttpResponse = super().changelist_view(request, context)
        return response

    @display(description="Fault", ordering="target")
    def fault(self, fault: Fault) -> str:
        return f"{fault.target} / {fault.mode}"

    @display(description="Reason")
    def reason(self, fault: Fault) -> str:
        return str(fault.metadata.get("reason", ""))

    @display(
        description="State",
        label={
            "Active": "danger",
            "Cleared": "info",
            "Expired": "success",
            "Halted": "warning",
        },
    )
    def state(self, fault: Fault) -> str:
        if fault.is_active:
            return "Active"
        return Fault.End(fault.end or Fault.End.EXPIRED).label

    @display(description="Time left", wrapper_class="whitespace-nowrap")
    def left(self, fault: Fault) -> str:
        left = f"{fault.remaining_seconds} s" if fault.is_active else "–"  # noqa: RUF001 - a dash
        return f"{left} of {fault.ttl_seconds} s"

    @display(description="Settings")
    def settings(self, fault: Fault) -> str:
        return fault.settings_text

    @action(
        description="Arm with TTL",
        icon="bolt",
        variant=ActionVariant.PRIMARY,
        permissions=["inject"],
        dialog=_ARM,
    )
    def arm(self, request: HttpRequest, form: ArmForm) -> HttpResponse:
        wanted = {
            key: form.cleaned_data[key] for key in ("target", "mode", "ttl_seconds", "metadata")
        }
        try:
            fault = services.inject_fault(actor=actor_of(request), now=timezone.now(), **wanted)
        except (services.TooManyFaults, services.LeverPulled) as error:
            return _back(request, str(error), messages.ERROR)
        return _back(request, f"{fault} is armed for {fault.ttl_seconds} s.")

    @action(
        description="Stop everything",
        icon="dangerous",
        variant=ActionVariant.DANGER,
        permissions=["inject"],
        dialog=_STOP,
    )
    def stop_everything(self, request: HttpRequest, form: ClearForm) -> HttpResponse:
        cleared = services.clear_all(
            actor=actor_of(request), now=timezone.now(), reason=form.cleaned_data["reason"]
        )
        return _back(request, f"Cleared {cleared} fault{'' if cleared == 1 else 's'}.")

    @action(description="Clear", icon="cancel", permissions=["inject"], dialog=_CLEAR)
    def clear(self, request: HttpRequest, form: ClearForm, object_id: str) -> HttpResponse:
        try:
            services.clear_fault(
                fault_id=Fault(pk=object_id).pk,
                actor=actor_of(request),
                now=timezone.now(),
                reason=form.cleaned_data["reason"],
            )
        except services.FaultGone:
            return _back(request, "This fault is over already.", messages.WARNING)
        return _back(request, "The fault is cleared.")


def _back(request: HttpRequest, text: str, level: int = messages.SUCCESS) -> HttpResponse:
    """Answer a dialog: htmx follows this header, where a plain redirect would lose the message."""
    messages.add_message(request, level, text)
    return HttpResponse(headers={"HX-Redirect": reverse("admin:chaos_fault_changelist")})


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ("at", "what", "fault", "actor", "ip", "reason")
    list_filter = ("action", "target")
    search_fields = ("actor", "reason")
    actions = None
    fields = (
        "at", "action", "target", "mode", "fault_id", "actor", "actor_user_id", "ip", "reason",
        "state_before", "state_after",
    )  # fmt: skip
    readonly_fields = fields

    @display(
        description="What",
        label={
            "Created": "danger",
            "Cleared": "info",
            "Expired": "success",
            "Halted": "warning",
        },
    )
    def what(self, entry: AuditEntry) -> str:
        return AuditEntry.Action(entry.action).label

    @display(description="Fault")
    def fault(self, entry: AuditEntry) -> str:
        return f"{entry.target} / {entry.mode}"

    @display(description="Before")
    def state_before(self, entry: AuditEntry) -> str:
        return json.dumps(entry.before)

    @display(description="After")
    def state_after(self, entry: AuditEntry) -> str:
        return json.dumps(entry.after)
