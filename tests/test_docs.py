"""The docs are true: what exists has its line, and what has a line exists."""

import re
from pathlib import Path

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from prometheus_client import REGISTRY

from chaos import catalog
from config import env
from config.objectives import DEFAULT_OBJECTIVES

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"


def page(name: str) -> str:
    return (DOCS / name).read_text()


def named_in(text: str) -> set[str]:
    """Return every word that stands in backquotes, without labels or arguments."""
    return {re.split(r"[{=( ]", word)[0] for word in re.findall(r"`([^`\n]+)`", text)}


def test_every_environment_variable_is_documented_and_no_other():
    rows = set(re.findall(r"^\| `([A-Z_]+)` \|", page("reference/settings.md"), re.MULTILINE))
    assert rows == env.KNOWN


def test_the_example_environment_lists_the_same_variables():
    lines = (ROOT / ".env.example").read_text().splitlines()
    listed = {m.group(1) for line in lines if (m := re.match(r"#? ?([A-Z_]+)=", line))}
    assert listed == env.KNOWN


def our_metrics() -> set[str]:
    ours = ("helpdesk_", "celery_", "slo_", "chaos_")
    return {family.name for family in REGISTRY.collect() if family.name.startswith(ours)}


def test_every_metric_of_ours_is_documented():
    documented = {name.removesuffix("_total") for name in named_in(page("reference/metrics.md"))}
    assert our_metrics() - documented == set()
    assert {"helpdesk_ws_delivery_seconds", "celery_queue_lag_seconds"} <= our_metrics()


@pytest.mark.parametrize(
    ("target", "mode"),
    [(target, mode) for target in catalog.CATALOGUE for mode in catalog.CATALOGUE[target]],
)
def test_every_chaos_mode_is_documented(target, mode):
    sections = re.split(r"^#+ ", page("reference/chaos.md"), flags=re.MULTILINE)
    about = " ".join(section for section in sections if f"`{target}`" in section)
    assert f"`{mode}`" in about


@pytest.mark.parametrize("objective", [objective["name"] for objective in DEFAULT_OBJECTIVES])
def test_every_objective_is_documented_and_promised_in_the_readme(objective):
    assert f"`{objective}`" in page("reference/slos.md")
    assert f"`{objective}`" in (ROOT / "README.md").read_text()


def test_links_between_our_pages_lead_somewhere():
    pages = [*DOCS.rglob("*.md"), *ROOT.glob("*.md"), ROOT / "k6" / "README.md"]
    broken = [
        f"{source.relative_to(ROOT)} -> {target}"
        for source in pages
        for target in re.findall(r"\]\(([^)#\s]+)", source.read_text())
        if "://" not in target and not (source.parent / target).exists()
    ]
    assert broken == []


def test_every_decision_has_a_number_of_its_own():
    numbers = sorted(path.name[:4] for path in (DOCS / "adr").glob("*.md"))
    assert len(numbers) == len(set(numbers))
    assert numbers == [f"{number:04}" for number in range(1, len(numbers) + 1)]


def test_every_make_target_of_the_readme_exists():
    makefile = (ROOT / "Makefile").read_text()
    promised = set(re.findall(r"`make ([a-z-]+)`", (ROOT / "README.md").read_text()))
    assert promised
    missing = {
        name
        for name in promised
        if not re.search(rf"^[a-z0-9 -]*\b{name}\b[a-z0-9 -]*:", makefile, re.MULTILINE)
    }
    assert missing == set()


def addresses(patterns, prefix: str = "") -> set[str]:
    found: set[str] = set()
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            found |= addresses(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            found.add(route)
    return found


def test_no_api_address_ends_in_a_slash():
    routes = addresses(get_resolver().url_patterns)
    assert [route for route in routes if route.startswith("api/") and route.endswith("/")] == []
    assert "api/v1/tickets" in routes
