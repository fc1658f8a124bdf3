"""The reference page stays true."""

from pathlib import Path

import pytest

from chaos import catalog, conf

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "chaos.md"


@pytest.fixture(scope="module")
def reference():
    if not PAGE.exists():
        pytest.skip("the page lives in the repository, not in the app")
    return PAGE.read_text()


def rows_of(reference, target):
    return [line for line in reference.splitlines() if line.startswith(f"| `{target}` /")]


@pytest.mark.parametrize("target", catalog.CATALOGUE)
def test_every_mode_is_described_with_what_it_takes(reference, target):
    for name, mode in catalog.CATALOGUE[target].items():
        row = next(row for row in rows_of(reference, target) if f"`{name}`" in row.split("|")[1])
        keys = set(row.split("|")[3].replace("`", "").split())
        assert keys | {"percent", "firstN", "seed", "reason"} == mode.takes, name


@pytest.mark.parametrize("name", [*catalog._RULES, *conf.DEFAULTS])
def test_every_key_and_setting_is_described(reference, name):
    assert f"\n| `{name}` |" in reference
