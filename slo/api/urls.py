"""Addresses relative to where the project mounts them."""

from __future__ import annotations

from django.urls import path

from slo.api import views

app_name = "slo"
urlpatterns = [
    path("", views.ObjectiveList.as_view(), name="list"),
    path("/<slug:name>", views.ObjectiveDetail.as_view(), name="detail"),
]
