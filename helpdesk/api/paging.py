"""Turns a page of rows into the answer that lists give."""

from __future__ import annotations

from typing import Any

from django.http import QueryDict
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import Serializer


def parse(serializer: type[Serializer[Any]], query: QueryDict) -> dict[str, Any]:
    """
    Return the validated query parameters.

    :raises ValidationError: naming the parameter
    """
    checked = serializer(data=query)
    checked.is_valid(raise_exception=True)
    return dict(checked.validated_data)


def respond(request: Request, rows: list[Any], **next_query: str | None) -> Response:
    """Return `{"results", "next"}`; `next_query` is the parameter that leads to the next page."""
    ((name, value),) = next_query.items()
    url = None
    if value is not None:
        query = request.query_params.copy()
        query[name] = value
        url = request.build_absolute_uri(f"{request.path}?{query.urlencode()}")
    return Response({"results": rows, "next": url})
