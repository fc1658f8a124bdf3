"""Views that answer, fail and raise, for the tests of the request metrics."""

from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, StreamingHttpResponse
from django.urls import include, path


def fine(_request):
    return HttpResponse("ok")


def broken(_request):
    raise RuntimeError("broken on purpose")


def denied(_request):
    raise PermissionDenied


def streamed(_request):
    return StreamingHttpResponse(iter(["a", "b"]))


urlpatterns = [
    path("", include(([
        path("fine", fine, name="fine"),
        path("broken", broken, name="broken"),
        path("denied", denied, name="denied"),
        path("streamed", streamed, name="streamed"),
    ], "hit"))),
]  # fmt: skip
