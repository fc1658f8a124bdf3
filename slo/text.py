"""
Prometheus' text format 0.0.4, written with each label set formatted once in a process' life.

The same page as `prometheus_client.generate_latest` writes (a test compares them), at a fraction of
its time: a scrape runs in a process that also answers requests.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from prometheus_client.metrics_core import Metric
from prometheus_client.utils import floatToGoString

_PLAIN_BELOW = 1_000_000  # upstream writes larger ones with an exponent
_TYPES = {"unknown": "untyped", "info": "gauge", "stateset": "gauge", "gaugehistogram": "histogram"}


def render(families: Iterable[Metric]) -> bytes:
    """Return the page that exposes `families`."""
    lines: list[str] = []
    for family in families:
        name = _exposed_name(family)
        lines.append(f"# HELP {name} {_escaped_help(family.documentation)}\n")
        lines.append(f"# TYPE {name} {_TYPES.get(family.type, family.type)}\n")
        lines += [
            f"{sample.name}{_labels(tuple(sample.labels.items()))} {_number(sample.value)}\n"
            for sample in family.samples
        ]
    return "".join(lines).encode()


def _exposed_name(family: Metric) -> str:
    """Return the family's name as this format knows it, in which a counter ends in _total."""
    if family.type == "counter":
        return f"{family.name}_total"
    return f"{family.name}_info" if family.type == "info" else family.name


@lru_cache(maxsize=100_000)
def _labels(labels: tuple[tuple[str, str], ...]) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in sorted(labels)) + "}"


def _number(value: float) -> str:
    # Counts, which are most values, need none of the care that infinities and exponents do.
    if 0 <= value < _PLAIN_BELOW and value == int(value):
        return f"{int(value)}.0"
    text: str = floatToGoString(value)  # type: ignore[no-untyped-call]
    return text


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _escaped_help(text: str) -> str:
    return text.replace("\\", r"\\").replace("\n", r"\n")
