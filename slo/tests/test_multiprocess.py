"""Counts of several processes in one directory: as upstream reads them, with one beginning."""

from prometheus_client.multiprocess import MultiProcessCollector

from slo import boot, multiprocess


def as_set(families):
    return {
        (family.name, family.type, family.documentation, sample.name,
         tuple(sorted(sample.labels.items())), sample.value)
        for family in families
        for sample in family.samples
    }  # fmt: skip


def test_sum_over_processes_is_what_upstream_reads(folder):
    ours = as_set(multiprocess.families(folder))
    assert ours == as_set(MultiProcessCollector(None, str(folder)).collect())
    values = {(name, labels): value for *_, name, labels, value in ours}
    assert values["m_plain_seconds_count", ()] == 16


def test_file_of_a_process_that_has_just_begun_counts_nothing(folder):
    before = as_set(multiprocess.families(folder))
    (folder / "counter_99999999.db").write_bytes(b"")
    (folder / "histogram_99999999.db").write_bytes(bytes(65_536))
    assert as_set(multiprocess.families(folder)) == before


def test_beginning_is_shared_until_the_folder_is_emptied(tmp_path, settings):
    settings.SLO = {"MULTIPROC_DIR": str(tmp_path)}
    first = boot.began_seconds()
    assert boot.began_seconds() == first
    assert [path.name for path in tmp_path.iterdir()] == ["slo.boot"]
    (tmp_path / "slo.boot").unlink()
    assert boot.began_seconds() > first


def test_without_a_folder_each_process_has_its_own_beginning(settings):
    settings.SLO = {"MULTIPROC_DIR": "/nowhere"}
    assert boot.shared_directory() is None
    assert boot.began_seconds() == boot._PROCESS_STARTED_SECONDS
