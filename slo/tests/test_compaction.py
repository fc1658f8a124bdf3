"""Files of ended processes are folded together, and no number changes by it."""

import os
import shutil
import threading
from pathlib import Path

import pytest

from slo import compaction, multiprocess, services
from slo.tests.test_multiprocess import as_set

ARCHIVES = {"counter", "histogram"}


def counted(folder):
    with compaction.undisturbed(folder):
        return as_set(multiprocess.families(folder))


def kinds_of_files(folder):
    return sorted(path.name.split("_")[0] for path in folder.glob("*.db"))


def test_compaction_changes_no_number_and_leaves_one_file_a_kind(folder):
    before = counted(folder)
    assert compaction.compact(folder) == 6
    assert counted(folder) == before
    gauges = [path.name for path in folder.glob("gauge*.db")]
    assert kinds_of_files(folder) == ["counter", *["gauge"] * len(gauges), "histogram"]
    assert compaction.compact(folder) == 0


def test_process_that_ends_later_joins_the_archive(folder):
    (late,) = list(folder.glob("counter*.db"))[:1]
    shutil.copy(late, folder / "late")
    compaction.compact(folder)
    (folder / "late").rename(folder / "counter_4194305.db")
    before = counted(folder)
    assert compaction.compact(folder) == 1
    assert counted(folder) == before


@pytest.mark.parametrize("name", [f"counter_{os.getpid()}.db", "counter_elsewhere-4194305.db"])
def test_file_of_who_lives_or_lives_elsewhere_is_not_touched(folder, name):
    (some, *_others) = folder.glob("counter*.db")
    some.rename(folder / name)
    compaction.compact(folder)
    assert (folder / name).exists()


@pytest.mark.parametrize("step", [1, 2, 4])
def test_crash_in_the_middle_neither_loses_nor_doubles(folder, step, monkeypatch):
    before, unlink, calls = counted(folder), Path.unlink, []

    def dying(path, **options):
        calls.append(path)
        if len(calls) == step:
            raise KeyboardInterrupt
        unlink(path, **options)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "unlink", dying)
        with pytest.raises(KeyboardInterrupt):
            compaction.compact(folder)
    assert counted(folder) == before
    assert not list(folder.glob("slo.compaction*"))


def test_scrapes_beside_a_compaction_all_see_the_same(folder):
    (some, *_others) = folder.glob("histogram*.db")
    for number in range(30):
        shutil.copy(some, folder / f"histogram_{4194305 + number}.db")
    before, seen, done = counted(folder), [], threading.Event()

    def scrape():
        while not done.is_set():
            seen.append(counted(folder) == before)

    scraper = threading.Thread(target=scrape)
    scraper.start()
    while not seen:
        pass
    compaction.compact(folder)
    done.set()
    scraper.join()
    assert set(seen) == {True}


@pytest.mark.django_db
def test_snapshot_compacts(folder, settings, now):
    settings.SLO = {"MULTIPROC_DIR": str(folder)}
    services.take_snapshot(now=now)
    assert {kind for kind in kinds_of_files(folder) if kind != "gauge"} == ARCHIVES
    assert len(list(folder.glob("*archive.db"))) == len(ARCHIVES)
