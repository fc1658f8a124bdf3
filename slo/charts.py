"""
Charts as SVG text: no script, no inline style, nothing from elsewhere, and readable without colour.

Kept is a dot and missed a cross, the target is dashed, broken times are hatched, a gap is a gap.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import groupby
from typing import Final

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe

from slo.interruptions import Interruption
from slo.trends import Point

_WIDTH, _HEIGHT = 720, 220
_LEFT, _RIGHT, _TOP, _BOTTOM = 58, 12, 26, 26
_TICKS: Final = 4
_LETTER_WIDTH, _LETTER_HEIGHT = 7, 12
_SPARK_WIDTH, _SPARK_HEIGHT = 112, 26
_BAR_WIDTH, _BAR_HEIGHT = 72, 10
_DAYS: Final = timedelta(days=2)


class _Plane:
    """Where a moment and a ratio lie on the paper."""

    def __init__(
        self, points: Sequence[Point], target: Decimal, box: tuple[int, int, int, int]
    ) -> None:
        self.left, self.top, self.right, self.bottom = box
        ratios = [float(each.tally.ratio or 0) for each in points if each.tally]
        lowest = min([*ratios, float(target)])
        self.floor = max(0.0, lowest - max(0.01, (1 - lowest) * 0.15))
        self.since, self.until = points[0].since, points[-1].until

    def x(self, moment: datetime) -> float:
        share = (moment - self.since) / (self.until - self.since)
        return round(self.left + share * (self.right - self.left), 1)

    def y(self, ratio: float) -> float:
        share = (ratio - self.floor) / (1 - self.floor)
        return round(self.bottom - share * (self.bottom - self.top), 1)

    def spot(self, point: Point) -> tuple[float, float]:
        """Return the place of a point that counted something: the middle of its interval."""
        ratio = point.tally.ratio if point.tally else None
        return self.x(point.since + (point.until - point.since) / 2), self.y(float(ratio or 0))


def history(
    points: Sequence[Point], target: Decimal, interruptions: Sequence[Interruption] = ()
) -> SafeString:
    """Return the large chart of a page about one objective."""
    plane = _Plane(points, target, (_LEFT, _TOP, _WIDTH - _RIGHT, _HEIGHT - _BOTTOM))
    parts = [
        *(_broken(each, plane) for each in interruptions),
        *_names(interruptions, plane),
        _levels(plane, target),
        _moments(plane),
        *_lines(points, plane),
        *(_mark(each, plane) for each in points if each.tally),
    ]
    return format_html(
        '<svg class="slo-chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}</svg>',
        _WIDTH, _HEIGHT, _told(points), _HATCH, _joined(parts),
    )  # fmt: skip


def sparkline(points: Sequence[Point], target: Decimal) -> SafeString:
    """Return the small chart of a row."""
    plane = _Plane(points, target, (2, 3, _SPARK_WIDTH - 2, _SPARK_HEIGHT - 3))
    missed = [each for each in points if each.tally and not each.is_kept]
    level = plane.y(float(target))
    parts = [
        format_html('<path class="slo-target" d="M0 {0}H{1}"/>', level, _SPARK_WIDTH),
        *_lines(points, plane),
        *(_cross(*plane.spot(each), 2.5) for each in missed),
    ]
    return format_html(
        '<svg class="slo-spark" width="{}" height="{}" role="img" aria-label="{}">{}</svg>',
        _SPARK_WIDTH, _SPARK_HEIGHT, _told(points), _joined(parts),
    )  # fmt: skip


def budget_bar(left: Decimal) -> SafeString:
    """Return a bar from zero in the middle: what is left to the right, what is overspent left."""
    middle, share = _BAR_WIDTH // 2, min(1.0, max(-1.0, float(left)))
    width = round(abs(share) * middle, 1)
    kind = "slo-left" if share >= 0 else "slo-over"
    return format_html(
        '<svg class="slo-bar" width="{0}" height="{1}" aria-hidden="true">'
        '<rect class="slo-track" width="{0}" height="{1}"/>'
        '<rect class="{2}" x="{3}" width="{4}" height="{1}"/>'
        '<path class="slo-zero" d="M{5} 0V{1}"/></svg>',
        _BAR_WIDTH, _BAR_HEIGHT, kind, middle if share >= 0 else middle - width, width, middle,
    )  # fmt: skip


_HATCH: Final = mark_safe(
    '<defs><pattern id="slo-hatch" width="6" height="6" patternUnits="userSpaceOnUse"'
    ' patternTransform="rotate(45)"><path class="slo-hatch" d="M0 0V6"/></pattern></defs>'
)


def _broken(each: Interruption, plane: _Plane) -> SafeString:
    left, right = plane.x(each.since), plane.x(each.until)
    return format_html(
        '<g class="slo-broken"><title>{0}, {1} to {2} UTC</title>'
        '<rect x="{3}" y="{4}" width="{5}" height="{6}" fill="url(#slo-hatch)"/>'
        "</g>",
        each.what, _clock(each.since), _clock(each.until), left, plane.top,
        round(max(2.0, right - left), 1), plane.bottom - plane.top,
    )  # fmt: skip


def _names(interruptions: Iterable[Interruption], plane: _Plane) -> Iterator[SafeString]:
    """Yield the names that have room above the chart; all of them are told below it."""
    taken: list[tuple[float, float]] = []
    for each in interruptions:
        left, right = plane.x(each.since), plane.x(each.until)
        is_late = left > (plane.left + plane.right) / 2  # then there is room on the left only
        width = len(each.what) * _LETTER_WIDTH
        start, end = (right - width, right) if is_late else (left, left + width)
        if all(end <= other[0] or start >= other[1] for other in taken):
            taken.append((start, end))
            yield format_html(
                '<g class="slo-broken"><text x="{}" y="{}" text-anchor="{}">{}</text></g>',
                right if is_late else left, plane.top - 8, "end" if is_late else "start", each.what,
            )  # fmt: skip


def _levels(plane: _Plane, target: Decimal) -> SafeString:
    """Return the frame's levels: everything, the target, and the lowest that is shown."""
    levels = [("slo-grid", 1.0, "100 %"), ("slo-grid", plane.floor, f"{plane.floor * 100:.1f} %")]
    if target < 1:
        if plane.y(float(target)) - plane.top < _LETTER_HEIGHT:  # no room for both
            levels[0] = ("slo-grid", 1.0, "")
        levels.append(("slo-target", float(target), f"{float(target) * 100:g} %"))
    return format_html_join(
        "",
        '<path class="{}" d="M{} {}H{}"/><text class="slo-level" x="{}" y="{}">{}</text>',
        (
            (
                kind,
                plane.left,
                plane.y(ratio),
                plane.right,
                plane.left - 6,
                plane.y(ratio) + 4,
                text,
            )
            for kind, ratio, text in levels
        ),
    )


def _moments(plane: _Plane) -> SafeString:
    span = plane.until - plane.since
    moments = [plane.since + span * place / _TICKS for place in range(_TICKS + 1)]
    anchors = ["start", *["middle"] * (_TICKS - 1), "end"]
    return format_html_join(
        "",
        '<text x="{}" y="{}" text-anchor="{}">{}</text>',
        (
            (plane.x(each), plane.bottom + 18, anchor, _clock(each, span))
            for each, anchor in zip(moments, anchors, strict=True)
        ),
    )


def _lines(points: Iterable[Point], plane: _Plane) -> list[SafeString]:
    """Return a line for each run of points without a gap; a lone one is a short stroke."""
    found = []
    for is_known, run in groupby(points, key=lambda each: each.tally is not None):
        spots = [plane.spot(each) for each in run] if is_known else []
        if len(spots) == 1:
            spots = [(spots[0][0] - 1, spots[0][1]), (spots[0][0] + 1, spots[0][1])]
        if spots:
            path = "L".join(f"{x} {y}" for x, y in spots)
            found.append(format_html('<path class="slo-line" d="M{}"/>', path))
    return found


def _mark(point: Point, plane: _Plane) -> SafeString:
    (x, y), tally = plane.spot(point), point.tally
    shape = _cross(x, y, 4) if not point.is_kept else format_html(
        '<circle class="slo-kept" cx="{}" cy="{}" r="3"/>', x, y
    )  # fmt: skip
    return format_html(
        "<g><title>{} to {} UTC: {} of {}, {} %</title>{}</g>",
        _clock(point.since), _clock(point.until), tally and tally.good, tally and tally.total,
        f"{float((tally and tally.ratio) or 0) * 100:.2f}", shape,
    )  # fmt: skip


def _cross(x: float, y: float, size: float) -> SafeString:
    path = (
        f"M{x - size} {y - size}L{x + size} {y + size}M{x - size} {y + size}L{x + size} {y - size}"
    )
    return format_html('<path class="slo-missed" d="{}"/>', path)


def _told(points: Sequence[Point]) -> str:
    """Return the chart in words."""
    known = [each for each in points if each.tally]
    kept = sum(each.is_kept for each in known)
    return (
        f"{len(points)} intervals: {kept} kept, {len(known) - kept} missed, "
        f"{len(points) - len(known)} without data"
    )


def _clock(moment: datetime, span: timedelta = timedelta(0)) -> str:
    return f"{moment:%b %d}" if span > _DAYS else f"{moment:%H:%M}"


def _joined(parts: Iterable[SafeString]) -> SafeString:
    return format_html_join("", "{}", ((each,) for each in parts))
