"""The base of every error a user may cause and can be told about."""

from __future__ import annotations

from typing import Any


class HelpdeskError(Exception):
    """
    An anticipated refusal.

    `status` is the HTTP status the API answers with, `code` the stable name clients may test,
    `fields` the messages by field when the fault lies in the input.
    """

    status = 400
    code = "invalid"

    def __init__(self, detail: str, *, fields: dict[str, Any] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.fields = fields
