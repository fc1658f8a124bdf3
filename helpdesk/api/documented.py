"""What `@extend_schema` says of a view: the one truth behind the schema and the forms."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from rest_framework.serializers import Serializer

from helpdesk.api.media_types import PROBLEM_JSON

type Shape = type[Serializer[Any]]
_PROBLEM: Final = {"$ref": "#/components/schemas/ProblemOut"}
EXAMPLES: Final[dict[str, dict[str, Any]]] = {
    "LoginInRequest": {"email": "agent@demo.test", "password": "demo-pass-123"},
    "TicketInRequest": {
        "subject": "My parcel is late",
        "channel": "whatsapp",
        "priority": "high",
        "contact": {"name": "Ana Souza", "address": "+5511987654321"},
        "body": "It should have been here on Monday.",
    },
    "PatchedTicketChangesRequest": {"priority": "urgent", "tags": ["late", "parcel"]},
    "MoveInRequest": {"status": "resolved"},
    "MessageInRequest": {"body": "It is on its way.", "kind": "outbound", "attachments": []},
    "PatchedSettingsInRequest": {"auto_close_after_days": 7, "default_priority": "medium"},
    "ProblemOut": {
        "type": "about:blank",
        "title": "Conflict",
        "status": 409,
        "detail": "A ticket that is closed cannot become open; it may become nothing.",
        "code": "invalid_transition",
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
    },
}


def body_of(view: Any, method: str) -> Shape | None:
    """Return the shape of the body that `method` of the view takes, or None without a body."""
    schema = _schema_of(view, method)
    documented = schema.get_request_serializer() if schema else None
    if isinstance(documented, dict):  # by media type
        documented = next(iter(documented.values()))
    return documented if _is_shape(documented) else None


def query_of(view: Any) -> Shape | None:
    """Return the shape of the query that GET takes, or None when it takes none."""
    schema = _schema_of(view, "GET")
    documented = schema.get_override_parameters() if schema else []
    return next((shape for shape in documented if _is_shape(shape)), None)


def _schema_of(view: Any, method: str) -> Any:
    served = getattr(view, method.lower(), None)
    schema = getattr(served, "kwargs", {}).get("schema")
    if schema is None:
        return None
    described = schema()
    described.view, described.method = view, method
    return described


def _is_shape(documented: Any) -> bool:
    return isinstance(documented, type) and issubclass(documented, Serializer)


def add_common_answers(result: Any, **_generation: Any) -> Any:
    """Complete the schema: what any operation may answer, the media type of problems, examples."""
    for path, operations in result["paths"].items():
        for operation in operations.values():
            if isinstance(operation, dict) and "responses" in operation:
                _complete(operation, has_key="{" in path)
    for name, example in EXAMPLES.items():
        if component := result["components"]["schemas"].get(name):
            component["example"] = example
    return result


def _complete(operation: dict[str, Any], *, has_key: bool) -> None:
    answers = operation["responses"]
    statuses = ["405", "406", "503"]
    statuses += ["401", "403"] if any(operation.get("security", [])) else []
    statuses += ["400", "413", "415"] if "requestBody" in operation else []
    statuses += ["404"] if has_key else []
    for status in statuses:
        answers.setdefault(status, {"description": HTTPStatus(int(status)).phrase})
    for status, answer in answers.items():
        if status.isdigit() and int(status) >= HTTPStatus.BAD_REQUEST:
            answer["content"] = {PROBLEM_JSON: {"schema": _PROBLEM}}
            answer["description"] = answer["description"] or HTTPStatus(int(status)).phrase
