"""The dialogs of the admin."""

from __future__ import annotations

from typing import Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from unfold.forms import BaseDialogForm
from unfold.widgets import (
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from chaos import catalog, conf

_PRESETS_SECONDS: Final = (30, 60, 120, 300, 600)


def _mode_choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """Return the modes, grouped by target."""
    return [
        (
            target.title(),
            [
                (f"{target}/{name}", f"{target} / {name}: {mode.meaning}")
                for name, mode in modes.items()
            ],
        )
        for target, modes in catalog.CATALOGUE.items()
    ]


def _ttl_choices() -> list[tuple[int, str]]:
    longest = conf.get("MAX_TTL_SECONDS")
    presets = [seconds for seconds in _PRESETS_SECONDS if seconds <= longest] or [longest]
    return [(seconds, _duration(seconds)) for seconds in presets]


def _duration(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min" if minutes and not rest else f"{seconds} s"


class ChaosDialogForm(BaseDialogForm):
    """A dialog whose buttons stay in sight."""

    form_before_template = "chaos/admin/dialog_style.html"


class ArmForm(ChaosDialogForm):
    """What to break, for how long, how badly and why."""

    fault = forms.ChoiceField(label="Fault", choices=_mode_choices, widget=UnfoldAdminSelectWidget)
    ttl_seconds = forms.TypedChoiceField(
        label="Ends by itself after",
        choices=_ttl_choices,
        coerce=int,
        initial=60,
        widget=UnfoldAdminSelectWidget,
    )
    delay_ms = forms.IntegerField(
        label="Delay in ms",
        required=False,
        help_text="For slow modes; 200 if left empty.",
        widget=UnfoldAdminIntegerFieldWidget,
    )
    percent = forms.DecimalField(
        label="Percent of calls",
        required=False,
        initial=100,
        help_text="100 hits every call.",
        widget=UnfoldAdminDecimalFieldWidget,
    )
    scope = forms.ChoiceField(
        label="Part of Redis",
        required=False,
        choices=[("", "All"), *((scope, scope.title()) for scope in catalog.SCOPES)],
        help_text="For Redis only.",
        widget=UnfoldAdminSelectWidget,
    )
    reason = forms.CharField(
        label="Reason", required=False, max_length=500, widget=UnfoldAdminTextInputWidget
    )

    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        """Begin with the fault that the button of a card names."""
        initial = {"fault": request.GET.get("fault", "")}
        super().__init__(request, *args, initial=initial, **kwargs)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        if "fault" not in cleaned or self.errors:
            return cleaned
        target, mode = cleaned["fault"].split("/")
        cleaned |= {"target": target, "mode": mode, "metadata": self._metadata(cleaned)}
        self._check(cleaned)
        return cleaned

    def _metadata(self, cleaned: dict[str, Any]) -> dict[str, Any]:
        """Return only what was filled in; a percent of 100 is the default and says nothing."""
        percent = cleaned.get("percent")
        filled = {
            "delayMs": cleaned.get("delay_ms"),
            "percent": None if percent is None or percent == 100 else float(percent),  # noqa: PLR2004
            "scope": cleaned.get("scope") or None,
            "reason": cleaned.get("reason") or None,
        }
        return {key: value for key, value in filled.items() if value is not None}

    def _check(self, cleaned: dict[str, Any]) -> None:
        try:
            catalog.check(
                target=cleaned["target"],
                mode=cleaned["mode"],
                ttl_seconds=cleaned["ttl_seconds"],
                metadata=cleaned["metadata"],
                max_ttl_seconds=conf.get("MAX_TTL_SECONDS"),
            )
        except catalog.InvalidFault as error:
            self._show(error.errors)

    def _show(self, errors: dict[str, Any]) -> None:
        """Put each message beside the field it is about."""
        names = {"delayMs": "delay_ms", "mode": "fault", "ttlSec": "ttl_seconds"}
        flat = {**errors, **errors.get("metadata", {})}
        flat.pop("metadata", None)
        for key, messages in flat.items():
            name = names.get(key, key)
            self.add_error(name if name in self.fields else None, ValidationError(messages))


class ClearForm(ChaosDialogForm):
    """Why a fault is ended early; nobody has to say."""

    reason = forms.CharField(
        label="Reason", required=False, max_length=500, widget=UnfoldAdminTextInputWidget
    )
