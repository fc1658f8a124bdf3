"""`GET /slo` and `GET /slo/{name}`: how the promises stand, for anyone who is logged in."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound
from rest_framework.permissions import IsAuthenticated
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from slo import selectors
from slo.api.serializers import StandingSerializer, StandingsSerializer, standing, standings
from slo.errors import SourceUnavailable, UnknownObjective
from slo.evaluation import Evaluation


class SourceDown(APIException):
    """The counts cannot be read at the moment."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The source of the counts is unavailable."
    default_code = "source_unavailable"


class ObjectiveList(APIView):
    """Every enabled objective and how many are kept."""

    permission_classes = [IsAuthenticated]

    @extend_schema(
        operation_id="slo_list", responses=StandingsSerializer, summary="How the promises stand"
    )
    def get(self, _request: Request) -> Response:
        """Answer all standings."""
        found = standings(_evaluated())
        return Response(StandingsSerializer(found).data)


class ObjectiveDetail(APIView):
    """One objective."""

    permission_classes = [IsAuthenticated]

    @extend_schema(responses=StandingSerializer, summary="How one promise stands")
    def get(self, _request: Request, name: str) -> Response:
        """Answer one standing, 404 when no enabled objective has this name."""
        (evaluation,) = _evaluated(name)
        return Response(StandingSerializer(standing(evaluation)).data)


def _evaluated(*names: str) -> list[Evaluation]:
    try:
        return selectors.evaluate_all(now=timezone.now(), names=names)
    except UnknownObjective as error:
        raise NotFound(f"There is no objective {error}.") from error
    except SourceUnavailable as error:
        raise SourceDown(str(error)) from error
