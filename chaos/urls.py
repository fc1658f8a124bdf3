"""The banner's own address: `path("chaos/", include("chaos.urls"))`."""

from __future__ import annotations

from django.urls import path

from chaos.banner import banner

urlpatterns = [path("banner", banner, name="chaos-banner")]
