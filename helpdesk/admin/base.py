"""What every list of ours has in common: rights by role, and nothing that a million rows slow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any, ClassVar, Final

from django.contrib import messages
from django.core.paginator import Paginator
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin

from helpdesk.access import Right, has_right
from helpdesk.errors import HelpdeskError

MAX_AT_ONCE: Final = 200
_EXACT_UP_TO: Final = 10_000
_MAX_PAGES: Final = 200
_MAX_WHOLE: Final = 2**63 - 1


class EstimatingPaginator(Paginator):
    """
    Counts as far as 10,000, and beyond takes the planner's word for it.

    Pages end after the 200th, for a page costs as much as all those before it; who looks for
    something further down narrows the list.
    """

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        counted: int = rows.order_by()[: _EXACT_UP_TO + 1].count()
        return counted if counted <= _EXACT_UP_TO else max(counted, _estimate(rows))

    @cached_property
    def num_pages(self) -> int:
        return min(int(super().num_pages), _MAX_PAGES)


def _estimate(rows: QuerySet[Any]) -> int:
    """Return how many rows PostgreSQL's planner expects."""
    plan = json.loads(rows.order_by().explain(format="json"))
    return int(plan[0]["Plan"]["Plan Rows"])


def whole(text: str) -> int:
    """
    Return the number a person typed, with or without a leading `#`.

    :raises ValueError: if it is none, or larger than any column holds
    """
    number = int(text.removeprefix("#"))
    if not 0 <= number <= _MAX_WHOLE:
        raise ValueError(text)
    return number


class DeskAdmin(ModelAdmin):
    """
    Readable by whoever may manage the desk; written by services alone, through actions.

    `search_by` names the lookups that a search tries, each with what makes its value of the text
    or raises ValueError. They are answered by an index.
    """

    paginator = EstimatingPaginator
    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 0
    search_by: ClassVar[dict[str, Callable[[str], Any]]] = {}

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        term = search_term.strip().replace("\0", "")
        if not term:
            return queryset, False
        found = Q(pk__in=[])
        for lookup, parse in self.search_by.items():
            try:
                found |= Q(**{lookup: parse(term)})
            except ValueError:
                continue
        return queryset.filter(found), False

    def get_search_fields(self, _request: HttpRequest) -> Iterable[str]:
        return tuple(self.search_by)

    def has_manage_permission(self, request: HttpRequest) -> bool:
        """Allow actions marked `permissions=["manage"]`, which call services."""
        return has_right(request.user, Right.MANAGE)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return has_right(request.user, Right.MANAGE)

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return has_right(request.user, Right.MANAGE)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def do_each(
        self, request: HttpRequest, chosen: QuerySet[Any], act: Callable[[Any], object]
    ) -> None:
        """Call `act` with the key of each chosen row, at most 200, and tell what became of it."""
        keys = list(chosen.values_list("pk", flat=True)[: MAX_AT_ONCE + 1])
        if len(keys) > MAX_AT_ONCE:
            text = f"Choose at most {MAX_AT_ONCE} rows at once; nothing was done."
            self.message_user(request, text, messages.ERROR)
            return
        refusals = [refusal for key in keys if (refusal := _refusal(act, key))]
        done = len(keys) - len(refusals)
        if done:
            self.message_user(request, f"{done} done.", messages.SUCCESS)
        if refusals:
            text = f"{len(refusals)} refused. {refusals[0]}"
            self.message_user(request, text, messages.WARNING)


def _refusal(act: Callable[[Any], object], key: Any) -> str:
    """Return why `act` refused, or an empty string when it did not."""
    try:
        act(key)
    except HelpdeskError as error:
        return error.detail
    return ""
