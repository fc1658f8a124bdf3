"""The REST face of chaos: parse, call one service or selector, answer."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.exceptions import APIException, NotFound, ValidationError
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from chaos import catalog, exercises, guard, kernel, selectors, services
from chaos.actors import actor_of
from chaos.api.permissions import MayInject
from chaos.api.serializers import (
    ActiveSerializer,
    ClearedSerializer,
    FaultSerializer,
    InjectionSerializer,
    OutcomeSerializer,
    TargetSerializer,
)

_GONE = OpenApiResponse(description="No such target or no such active fault")
_BAD = OpenApiResponse(description="A field is wrong; `errors` names it")
_FULL = OpenApiResponse(description="As many are active as are allowed, or all is stopped")


class TooMany(APIException):
    """The limit of simultaneous faults is reached."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "too_many_faults"


class Stopped(APIException):
    """The file that stops everything exists."""

    status_code = status.HTTP_409_CONFLICT
    default_code = "stopped"


class ChaosView(APIView):
    """What all views share: owners only, nothing in production, and no fault may hit them."""

    permission_classes = [MayInject]

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        with kernel.bypass():
            return super().dispatch(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if not guard.may_act():
            raise NotFound
        super().initial(request, *args, **kwargs)


@extend_schema(tags=["chaos"])
class AllFaultsView(ChaosView):
    """Everything that is armed."""

    @extend_schema(operation_id="chaos_list", responses=ActiveSerializer)
    def get(self, _request: Request) -> Response:
        faults = selectors.active_faults(now=timezone.now())
        return Response(ActiveSerializer({"active": faults}).data)

    @extend_schema(operation_id="chaos_clear_all", responses=ClearedSerializer)
    def delete(self, request: Request) -> Response:
        cleared = services.clear_all(actor=actor_of(request), now=timezone.now())
        return Response({"cleared": cleared})


@extend_schema(tags=["chaos"])
class FaultView(ChaosView):
    """One target (read and arm) or, by its id, one fault (clear)."""

    def get_serializer(self, *args: Any, **kwargs: Any) -> InjectionSerializer:
        """Give the browsable API its form."""
        return InjectionSerializer(*args, **kwargs)

    @extend_schema(operation_id="chaos_target", responses={200: TargetSerializer, 404: _GONE})
    def get(self, _request: Request, key: str) -> Response:
        _known_target(key)
        faults = list(selectors.active_faults(now=timezone.now(), target=key))
        answer = {"target": key, "active": bool(faults), "faults": faults}
        return Response(TargetSerializer(answer).data)

    @extend_schema(
        operation_id="chaos_inject",
        request=InjectionSerializer,
        responses={201: FaultSerializer, 400: _BAD, 404: _GONE, 409: _FULL},
    )
    def post(self, request: Request, key: str) -> Response:
        _known_target(key)
        wanted = InjectionSerializer(data=request.data, context={"target": key})
        wanted.is_valid(raise_exception=True)
        try:
            fault = services.inject_fault(
                target=key, actor=actor_of(request), now=timezone.now(), **wanted.validated_data
            )
        except catalog.InvalidFault as error:
            raise ValidationError(error.errors) from error
        except services.TooManyFaults as error:
            raise TooMany(str(error)) from error
        except services.LeverPulled as error:
            raise Stopped(str(error)) from error
        return Response(FaultSerializer(fault).data, status=status.HTTP_201_CREATED)

    @extend_schema(operation_id="chaos_clear", responses={204: None, 404: _GONE})
    def delete(self, request: Request, key: str) -> Response:
        try:
            services.clear_fault(fault_id=UUID(key), actor=actor_of(request), now=timezone.now())
        except (ValueError, services.FaultGone):
            raise NotFound("No such active fault.") from None
        return Response(status=status.HTTP_204_NO_CONTENT)


@extend_schema(tags=["chaos"])
class ExerciseView(ChaosView):
    """One real call to a target, not exempt from its faults."""

    @extend_schema(
        operation_id="chaos_exercise", request=None, responses={200: OutcomeSerializer, 404: _GONE}
    )
    def post(self, _request: Request, target: str) -> Response:
        _known_target(target)
        return Response(OutcomeSerializer(exercises.run(target=target)).data)


def _known_target(target: str) -> None:
    try:
        catalog.modes_of(target)
    except catalog.UnknownTarget:
        names = ", ".join(catalog.CATALOGUE)
        raise NotFound(f"No target {target!r}; one of {names}.") from None
