"""Routes, relative to where a project includes them: `path("api/v1/dev/chaos", include(...))`."""

from __future__ import annotations

from django.urls import path

from chaos.api import views

app_name = "chaos"
urlpatterns = [
    path("", views.AllFaultsView.as_view(), name="faults"),
    path("/test/<str:target>", views.ExerciseView.as_view(), name="exercise"),
    path("/<str:key>", views.FaultView.as_view(), name="fault"),
]
