"""The base of our API views."""

from __future__ import annotations

from typing import Any, ClassVar, cast

from rest_framework.request import Request
from rest_framework.serializers import Serializer
from rest_framework.views import APIView

from helpdesk.api import documented
from helpdesk.api.permissions import MayUseRoute, Rights
from helpdesk.models import User


def signed_in(request: Request) -> User:
    """Return the user of a request that `MayUseRoute` has let in."""
    return cast("User", request.user)


def client_ip(request: Request) -> str | None:
    """Return the peer's address for the audit log; what a client claims in headers is no proof."""
    return request.META.get("REMOTE_ADDR") or None


class ApiView(APIView):
    """A view whose `rights` say, method by method, what the caller must be allowed to do."""

    rights: ClassVar[Rights] = {}
    permission_classes = [MayUseRoute]

    def get_serializer(self, *args: Any, **kwargs: Any) -> Serializer[Any]:
        """Return the documented body of the method: DRF makes its forms of it."""
        method = self.request.method or "GET"
        return (documented.body_of(self, method) or Serializer)(*args, **kwargs)

    def form_values(self, data: dict[str, Any]) -> dict[str, Any]:
        """Return what the form of PATCH starts with, given what GET answers."""
        return data
