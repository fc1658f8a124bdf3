"""The pages' addresses, relative to where the project mounts them."""

from __future__ import annotations

from django.urls import path

from slo import pages

app_name = "slo_pages"
urlpatterns = [
    path("", pages.dashboard, name="dashboard"),
    path("/<slug:name>", pages.objective, name="objective"),
]
