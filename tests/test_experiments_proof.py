"""Every experiment has been seen to pass, and to fail without what it watches."""

import re

import pytest

from config.embedded import folders
from tests.bench.experiments import page
from tests.bench.experiments.__main__ import names
from tests.bench.experiments.proofs import PROOFS, environment
from tests.bench.experiments.removals import REMOVALS

MADE = (folders.REPOSITORY / "docs" / "reference" / "experiments-proof.md").read_text()
_INTACT, _BARE = MADE.split(page.MARK)[1].split("## With one protection removed")


def rows(text):
    return [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith("| `")]


def test_every_experiment_has_passed_with_everything_in_place():
    assert sorted(row[0].strip("`") for row in rows(_INTACT)) == names()
    assert {row[1] for row in rows(_INTACT)} == {"passed"}


def test_protections_of_one_start_are_all_removed_from_it():
    made = environment(proof for proof in PROOFS if proof.start == "facts")
    assert sorted(made["BENCH_WITHOUT"].split(",")) == ["key", "redelivery", "retry-after"]
    assert environment([PROOFS[0]]) == {}


def test_broken_lines_are_told_with_their_counts():
    line = {"says": "It holds", "held_during": True, "recovered": False}
    line |= {"during": {"good": 2, "total": 2}, "after": {"good": 0, "total": 9}}
    assert page.broken_lines({"lines": [line]}) == ["It holds (0 of 9 after)"]


def test_what_people_wrote_above_the_tables_stays(tmp_path):
    target = tmp_path / "page.md"
    target.write_text(f"Above.\n{page.MARK}\nOld.\n")
    page.write(target, page.text([], []))
    assert target.read_text().startswith(f"Above.\n{page.MARK}\n## With everything")
    assert "Old." not in target.read_text()


def test_every_experiment_has_a_proof_that_it_can_fail():
    assert sorted({proof.experiment for proof in PROOFS}) == names()


def test_every_proof_was_seen_to_deviate():
    proofs = [[f"`{proof.experiment}`", proof.without, proof.how] for proof in PROOFS]
    assert sorted(row[:3] for row in rows(_BARE)) == sorted(proofs)
    assert {row[3] for row in rows(_BARE)} == {"deviated"}


def test_every_experiment_is_described():
    described = (folders.REPOSITORY / "docs" / "reference" / "experiments.md").read_text()
    assert sorted(re.findall(r"^\| `([a-z0-9-]+)` \|", described, re.MULTILINE)) == names()


def test_every_removal_is_used():
    assert {proof.removal for proof in PROOFS} - {""} == set(REMOVALS)


@pytest.mark.parametrize("proof", PROOFS, ids=lambda proof: proof.without)
def test_every_proof_takes_something_away(proof):
    assert proof.removal or proof.env or proof.stopped
