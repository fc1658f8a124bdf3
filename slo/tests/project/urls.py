"""The addresses of the minimal project."""

from django.contrib import admin
from django.urls import include, path

from slo.views import metrics

urlpatterns = [
    path("metrics", metrics, name="metrics"),
    path("slo", include("slo.api.urls")),
    path("promises", include("slo.urls")),
    path("admin/", admin.site.urls),
]
