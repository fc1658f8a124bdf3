from typing import Any

from django.contrib import admin
from django.http import HttpResponse
from django.urls import include, path


def hello(_request):
    return HttpResponse("hello")


urlpatterns: list[Any] = [
    path("admin/", admin.site.urls),
    path("hello", hello, name="hello"),
    path("livez", hello, name="livez"),
    path("chaos/", include("chaos.urls")),
    path("api/v1/dev/chaos", include("chaos.api.urls")),
]
