"""JSON by orjson: times and numbers exact, an order of magnitude faster than the default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from rest_framework.renderers import JSONRenderer
from rest_framework.utils.encoders import JSONEncoder

_encoder = JSONEncoder()


class OrjsonRenderer(JSONRenderer):
    """DRF's JSON renderer with orjson inside; unknown types go through DRF's own encoder."""

    def render(
        self,
        data: Any,
        accepted_media_type: str | None = None,
        renderer_context: Mapping[str, Any] | None = None,
    ) -> bytes:
        if data is None:
            return b""
        # The browsable API asks for it in the context, a client in its Accept header.
        indented = (renderer_context or {}).get("indent") or "indent=" in (
            accepted_media_type or ""
        )
        option = orjson.OPT_NON_STR_KEYS | (orjson.OPT_INDENT_2 if indented else 0)
        return orjson.dumps(data, default=_encoder.default, option=option)
