"""Queue lag and task duration, on a real prefork worker with Redis between."""

import os
import subprocess
import sys
import time
import uuid
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit, urlunsplit

import pytest
from prometheus_client.multiprocess import MultiProcessCollector

from slo.instruments import celery as instruments

LAG, DURATION = "celery_queue_lag_seconds", "celery_task_duration_seconds"


@pytest.fixture(scope="module")
def broker_url():
    """Return a Redis database that nothing else of the tests uses."""
    return urlunsplit(urlsplit(os.environ["REDIS_URL"])._replace(path="/11"))


@pytest.fixture(scope="module")
def queues():
    return [f"{name}-{uuid.uuid4().hex[:8]}" for name in ("alpha", "beta")]


@pytest.fixture(scope="module")
def worker(broker_url, queues, tmp_path_factory):
    """Run a prefork worker with two children on two queues; yield its metric files' folder."""
    folder = tmp_path_factory.mktemp("multiproc")
    environment = {
        **os.environ,
        "REDIS_URL": broker_url,
        "PROMETHEUS_MULTIPROC_DIR": str(folder),
        "DJANGO_SETTINGS_MODULE": "",
    }
    command = [
        sys.executable, "-m", "celery", "-A", "slo.tests.worker_app", "worker",
        "-P", "prefork", "-c", "2", "-Q", ",".join(queues), "-n", f"{queues[0]}@%h",
        "--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "ERROR",
    ]  # fmt: skip
    process = subprocess.Popen(command, env=environment)
    yield folder
    process.terminate()
    process.wait(30)


@pytest.fixture(scope="module")
def send(broker_url):
    """Return a function that publishes a task through the instrumented app."""
    os.environ["REDIS_URL"], before = broker_url, os.environ["REDIS_URL"]
    from slo.tests.worker_app import app  # noqa: PLC0415 - reads REDIS_URL

    os.environ["REDIS_URL"] = before

    def publish(task, queue, *args, **options):
        app.tasks[task].apply_async(args=args, queue=queue, **options)

    return publish


def samples(folder, name, **labels):
    return {
        tuple(sorted(sample.labels.items())): sample.value
        for family in MultiProcessCollector(None, str(folder)).collect()
        for sample in family.samples
        if sample.name == name and labels.items() <= sample.labels.items()
    }


def assert_reaches(folder, name, wanted, **labels):
    """Wait until the samples of `name` with `labels` sum to `wanted`."""
    deadline = time.monotonic() + 40
    while (found := sum(samples(folder, name, **labels).values())) < wanted:
        assert time.monotonic() < deadline, f"{name}{labels} is {found}, not {wanted}"
        time.sleep(0.1)
    assert found == wanted


def bucket(folder, edge, **labels):
    return sum(samples(folder, f"{LAG}_bucket", le=edge, **labels).values())


def late(folder, queue):
    """Return how many jobs of `queue` started more than a second after they were due."""
    return bucket(folder, "+Inf", queue=queue) - bucket(folder, "1.0", queue=queue)


@pytest.mark.timeout(120)
def test_jobs_are_counted_by_queue_from_all_children(worker, send, queues):
    for _ in range(5):
        send("t.fine", queues[0])
    send("t.fine", queues[1])
    assert_reaches(worker, f"{LAG}_count", 5, queue=queues[0])
    assert_reaches(worker, f"{LAG}_count", 1, queue=queues[1])
    assert_reaches(worker, f"{DURATION}_count", 6, task="t.fine", outcome="success")


@pytest.mark.timeout(120)
def test_duration_tells_the_outcome(worker, send, queues):
    send("t.broken", queues[0])
    send("t.slow", queues[0])
    assert_reaches(worker, f"{DURATION}_count", 1, task="t.broken", outcome="failure")
    assert_reaches(worker, f"{DURATION}_count", 1, task="t.slow", outcome="success")
    (took,) = samples(worker, f"{DURATION}_sum", task="t.slow").values()
    assert 0.25 <= took < 2


@pytest.mark.timeout(120)
def test_lag_counts_from_the_due_time_its_publisher_stated(worker, send, queues):
    before = bucket(worker, "2.0", queue=queues[0]), bucket(worker, "5.0", queue=queues[0])
    count = bucket(worker, "+Inf", queue=queues[0])
    send("t.fine", queues[0], headers={"due_at": time.time() - 3})
    assert_reaches(worker, f"{LAG}_count", count + 1, queue=queues[0])
    after = bucket(worker, "2.0", queue=queues[0]), bucket(worker, "5.0", queue=queues[0])
    assert (after[0] - before[0], after[1] - before[1]) == (0, 1)


@pytest.mark.timeout(120)
def test_job_due_in_the_future_is_not_late(worker, send, queues):
    good, count = bucket(worker, "0.5", queue=queues[1]), bucket(worker, "+Inf", queue=queues[1])
    send("t.fine", queues[1], headers={"due_at": time.time() + 60})
    assert_reaches(worker, f"{LAG}_count", count + 1, queue=queues[1])
    assert bucket(worker, "0.5", queue=queues[1]) == good + 1


@pytest.mark.timeout(120)
def test_eta_is_when_a_job_is_due(worker, send, queues):
    good, count = bucket(worker, "1.0", queue=queues[1]), bucket(worker, "+Inf", queue=queues[1])
    send("t.fine", queues[1], eta=datetime.now(tz=UTC) + timedelta(seconds=2))
    assert_reaches(worker, f"{LAG}_count", count + 1, queue=queues[1])
    assert bucket(worker, "1.0", queue=queues[1]) == good + 1


@pytest.mark.timeout(120)
def test_chosen_delay_of_a_retry_is_no_lag(worker, send, queues):
    good, count = bucket(worker, "0.5", queue=queues[1]), bucket(worker, "+Inf", queue=queues[1])
    send("t.retried_once", queues[1])
    assert_reaches(worker, f"{LAG}_count", count + 2, queue=queues[1])
    assert bucket(worker, "1.0", queue=queues[1]) >= good + 1
    assert_reaches(worker, f"{DURATION}_count", 1, task="t.retried_once", outcome="retry")


@pytest.mark.timeout(120)
def test_job_whose_worker_was_killed_keeps_its_due_time(worker, send, queues, tmp_path):
    before, count = late(worker, queues[1]), bucket(worker, "+Inf", queue=queues[1])
    send("t.killed_once", queues[1], str(tmp_path / "killed"))
    assert_reaches(worker, f"{LAG}_count", count + 2, queue=queues[1])
    assert late(worker, queues[1]) == before + 1


def test_task_called_in_process_has_no_lag(send):
    from slo.tests.worker_app import fine  # noqa: PLC0415 - needs REDIS_URL

    before = instruments.QUEUE_LAG.labels("unknown")._sum.get()
    fine.apply()
    assert instruments.QUEUE_LAG.labels("unknown")._sum.get() == before
