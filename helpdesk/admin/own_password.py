"""One's own new password in the admin: by the service, so that it is audited and ends logins."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import reverse_lazy
from django.utils import timezone
from unfold.forms import AdminOwnPasswordChangeForm

from helpdesk.services import users


class OwnPassword(PasswordChangeView):
    """Django's page, whose form writes nothing itself."""

    form_class = AdminOwnPasswordChangeForm
    success_url = reverse_lazy("admin:password_change_done")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return {**admin.site.each_context(self.request), **super().get_context_data(**kwargs)}

    def form_valid(self, form: Any) -> HttpResponse:
        user = users.change(
            user_id=form.user.pk,
            actor=form.user,
            changes={"password": form.cleaned_data["new_password1"]},
            now=timezone.now(),
            request_ip=self.request.META.get("REMOTE_ADDR"),
        )
        update_session_auth_hash(self.request, user)  # this session stays, every other one ends
        return HttpResponseRedirect(str(self.success_url))


def change_own_password(request: HttpRequest) -> HttpResponseBase:
    """Answer `/admin/password_change/`."""
    return admin.site.admin_view(OwnPassword.as_view())(request)
