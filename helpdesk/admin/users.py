"""Who works here: made and changed through the same services as by the API."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from unfold.widgets import UnfoldAdminPasswordWidget

from helpdesk.access import Right, has_right
from helpdesk.admin.base import DeskAdmin
from helpdesk.errors import HelpdeskError
from helpdesk.models import User
from helpdesk.services import users


class UserForm(forms.ModelForm):
    """The fields of a user that people write; the password is never shown."""

    password = forms.CharField(
        required=False,
        strip=False,
        max_length=200,
        widget=UnfoldAdminPasswordWidget({"autocomplete": "new-password"}),
        help_text="A new one ends every login of this user. Leave it empty to keep the old one.",
    )

    class Meta:
        model = User
        fields = ("email", "name", "role", "is_active")

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if self.instance.pk is None and not cleaned.get("password"):
            self.add_error("password", "Somebody new needs a password.")
        return cleaned

    def _post_clean(self) -> None:
        """Let the password pass the model by, which would take it for a hash."""
        password = self.cleaned_data.pop("password", "")
        super()._post_clean()  # type: ignore[misc]  # Django's hook, missing in the stubs
        self.cleaned_data["password"] = password


@admin.register(User)
class UserAdmin(DeskAdmin):
    form = UserForm
    list_display = ("email", "name", "role", "is_active", "last_login")
    list_filter = ("role", "is_active")
    search_fields = ("email", "name")
    search_by = {"email__icontains": str, "name__icontains": str}  # there are few
    ordering = ("email",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_right(request.user, Right.MANAGE)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_right(request.user, Right.MANAGE)

    def get_fields(self, _request: HttpRequest, obj: User | None = None) -> tuple[str, ...]:
        new = ("email", "name", "role", "password")
        return new if obj is None else (*new, "is_active", "last_login", "created_at")

    def get_readonly_fields(
        self, _request: HttpRequest, obj: User | None = None
    ) -> tuple[str, ...]:
        return () if obj is None else ("email", "last_login", "created_at")

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """Show the form, or what the service refused: its transaction left nothing behind."""
        try:
            shown: HttpResponse = super().changeform_view(
                request, object_id, form_url, extra_context
            )
        except HelpdeskError as refusal:
            self.message_user(request, refusal.detail, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())
        return shown

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: Any) -> None:
        by: dict[str, Any] = {
            "actor": request.user,
            "request_ip": request.META.get("REMOTE_ADDR"),
            "now": timezone.now(),
        }
        given = {name: value for name, value in form.cleaned_data.items() if value != ""}
        if change:
            users.change(user_id=obj.pk, changes=given, **by)
        else:
            obj.pk = users.create(**given, **by).pk
