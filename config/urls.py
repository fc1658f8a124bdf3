"""Every address, and which app answers it. Namespaces become the `view` label of the metrics."""

from __future__ import annotations

from django.apps import apps
from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerView

from config import health
from helpdesk.admin.own_password import change_own_password
from helpdesk.api.urls import hooks_urlpatterns

_schema = (
    [
        path("schema", SpectacularAPIView.as_view(permission_classes=[]), name="schema"),
        path(
            "docs",
            SpectacularSwaggerView.as_view(url_name="schema:schema", permission_classes=[]),
            name="docs",
        ),
    ],
    "schema",
)
urlpatterns: list[URLPattern | URLResolver] = [
    path("livez", health.livez, name="livez"),
    path("readyz", health.readyz, name="readyz"),
    path("admin/password_change/", change_own_password),  # before the admin's own, unaudited one
    path("admin/", admin.site.urls),
    path("api/v1/webhooks/", include(hooks_urlpatterns)),
    path("api/v1/", include(_schema)),
    path("api/v1/", include("helpdesk.api.urls")),
]
if apps.is_installed("slo"):
    from slo.views import metrics

    urlpatterns += [
        path("metrics", metrics, name="metrics"),
        path("api/v1/slo", include("slo.api.urls")),
        path("slo", include("slo.urls")),
    ]
if apps.is_installed("chaos"):
    urlpatterns += [
        path("api/v1/dev/chaos", include("chaos.api.urls")),
        path("chaos/", include("chaos.urls")),
    ]
urlpatterns += [path("", include("helpdesk.web.urls"))]

handler404 = "helpdesk.api.errors.not_found"
handler500 = "helpdesk.api.errors.server_error"
