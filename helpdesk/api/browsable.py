"""The API for a person with a browser: a form for every body, and one for the filters."""

from __future__ import annotations

from typing import Any, Final

from django.template import loader
from rest_framework.renderers import BrowsableAPIRenderer
from rest_framework.request import Request, override_method

from helpdesk.api import documented

_STYLE: Final = {"style": {"template_pack": "rest_framework/horizontal"}}


class BrowsableRenderer(BrowsableAPIRenderer):
    """DRF's own pages, with a form for PATCH and the documented query of lists as filters."""

    def get_context(
        self, data: Any, accepted_media_type: Any, renderer_context: Any
    ) -> dict[str, Any]:
        context = super().get_context(data, accepted_media_type, renderer_context)
        view, request = renderer_context["view"], renderer_context["request"]
        return {**context, "patch_form": self._patch_form(data, view, request)}

    def _patch_form(self, data: Any, view: Any, request: Request) -> str | None:
        """Return the form of PATCH filled with what GET showed, or None where there is none."""
        shape = documented.body_of(view, "PATCH")
        if shape is None or not isinstance(data, dict) or request.method != "GET":
            return None
        with override_method(view, request, "PATCH") as patch:
            if not self.show_form_for_method(view, "PATCH", patch, None):
                return None
            return self._rendered(shape(instance=view.form_values(data)))

    def get_filter_form(self, data: Any, view: Any, request: Request) -> str | None:
        shape = documented.query_of(view)
        if shape is None or request.method != "GET":
            return None
        filters = shape(data=request.query_params)
        filters.fields.pop("cursor", None)  # `next` is for turning pages
        filters.is_valid()
        template = loader.get_template("rest_framework/filter_form.html")
        return template.render({"fields": self._rendered(filters)})

    def _rendered(self, serializer: Any) -> str:
        form: Any = self.form_renderer_class().render(serializer.data, "text/html", _STYLE)
        return str(form)
