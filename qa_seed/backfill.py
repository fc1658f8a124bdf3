"""
Thirty days of made-up metrics as blocks of a Prometheus server.

Written as OpenMetrics text a block's span at a time, so neither memory nor disk grows with the
history, and turned into blocks by promtool. Blocks are made in a folder beside their destination;
a note there says that they are complete, and only then are they moved in. Whatever interrupts a
run, the next one finishes it, and no block is there twice.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any, Final

from qa_seed.plan import Plan
from qa_seed.telemetry import STEP, Telemetry
from slo.models import Objective

DAYS: Final = 30
# Prometheus still writes to these hours itself: what is put in there may be lost or refused.
UNTOUCHED: Final = timedelta(hours=3)
NOTE: Final = "steadydesk-synthetic.json"  # Prometheus ignores what is not named like a block
_DRAFT: Final = "steadydesk-synthetic.draft"
# The third of Prometheus' own ranges (2 h, 6 h, 18 h): a block each, aligned to the epoch.
_SPAN_SECONDS: Final = 18 * 3600
_SPAN_OPTION: Final = "--max-block-duration=18h"


class BackfillRefused(Exception):
    """Nothing was written; the message says why and what helps."""


def refuse(folder: Path, plan: Plan) -> None:
    """
    Do nothing where `write` can work.

    :raises BackfillRefused: without promtool, or if the folder holds another plan's metrics
    """
    _promtool()
    note = folder / NOTE
    if note.exists() and json.loads(note.read_text()) != _name_of(plan):
        raise BackfillRefused(
            f"{folder} holds the metrics of another desk (see {NOTE} there); series would mix. "
            "Name another folder, or remove those first: docs/how-to/monitor.md says how."
        )


def _promtool() -> str:
    found = shutil.which("promtool")
    if found is None:
        raise BackfillRefused(
            "--with-metrics needs promtool: apt-get install prometheus "
            "(macOS: brew install prometheus)"
        )
    return found


def moments(now: datetime, *, real_now: datetime, days: int = DAYS) -> list[datetime]:
    """Return when samples are taken: the `days` before `now`, but nothing that is still warm."""
    step = int(STEP.total_seconds())
    end = int((min(now, real_now) - UNTOUCHED).timestamp()) // step * step
    begin = end - int(timedelta(days=days).total_seconds())
    return [datetime.fromtimestamp(at, tz=UTC) for at in range(begin, end, step)]


def texts(
    plan: Plan, when: Sequence[datetime], objectives: Sequence[Objective]
) -> Iterator[tuple[Iterator[str], int]]:
    """Yield the text of each block, as lines to be used before the next, and its moments."""
    told = Telemetry(plan, when[0], when[-1], objectives)
    for _, group in groupby(when, key=lambda at: int(at.timestamp()) // _SPAN_SECONDS):
        span = list(group)
        for at in span:
            told.live(at)
        yield told.book.text(), len(span)


def write(
    folder: Path,
    plan: Plan,
    when: Sequence[datetime],
    objectives: Sequence[Objective],
    *,
    tell: Callable[[int], None],
) -> int:
    """
    Put the metrics of `plan` into `folder`, a Prometheus server's data or one to be moved there.

    Returns how many blocks are new; `tell` is called with the moments of each finished one.

    :raises BackfillRefused: if promtool is missing or refuses, or other metrics are there
    """
    refuse(folder, plan)
    note, draft = folder / NOTE, folder / _DRAFT
    if not note.exists():
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        for lines, count in texts(plan, when, objectives):
            _make_block(lines, draft)
            tell(count)
        _write_note(note, plan)
    return _move(draft, folder)


def _make_block(lines: Iterator[str], draft: Path) -> None:
    text = draft / "text.om"
    with text.open("w") as out:
        out.writelines(lines)
    done = subprocess.run(  # noqa: S603 - our own arguments, no shell
        [
            _promtool(),
            "tsdb",
            "create-blocks-from",
            _SPAN_OPTION,
            "openmetrics",
            str(text),
            str(draft),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    text.unlink()
    if done.returncode:
        raise BackfillRefused(f"promtool refused the metrics:\n{done.stderr.strip()}")


def _write_note(note: Path, plan: Plan) -> None:
    draft = note.with_name(f"{note.name}.new")
    draft.write_text(json.dumps(_name_of(plan)) + "\n")
    draft.replace(note)


def _name_of(plan: Plan) -> dict[str, Any]:
    """Return what tells one desk's metrics from another's."""
    return {
        "seed": plan.seed,
        "until": plan.now.isoformat(),
        "users": plan.all_users,
        "tickets": plan.all_tickets,
        "messages_per_ticket": plan.messages_per_ticket,
    }


def _move(draft: Path, folder: Path) -> int:
    blocks = sorted(each.parent for each in draft.glob("*/meta.json"))
    for block in blocks:
        block.rename(folder / block.name)
    shutil.rmtree(draft, ignore_errors=True)
    return len(blocks)
