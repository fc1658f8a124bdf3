"""Two containers that share a folder write two files, and a scrape sums them."""

import os
import subprocess
import sys

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

COUNT = """
import socket
socket.gethostname = lambda: {host!r}
import config.metric_files
config.metric_files.os.getpid = lambda: 7
import django
django.setup()
from prometheus_client import Counter
Counter("shared", "Counted in each container.").inc(2)
"""


def test_files_of_two_containers_with_one_process_id_are_summed(tmp_path):
    for host in ("web_1", "web_2"):
        environment = {
            **os.environ,
            "PROMETHEUS_MULTIPROC_DIR": str(tmp_path),
            "DJANGO_SETTINGS_MODULE": "config.settings",
        }
        command = [sys.executable, "-c", COUNT.format(host=host)]
        subprocess.run(command, env=environment, check=True, timeout=60)

    assert {path.name for path in tmp_path.glob("counter_*.db")} == {
        "counter_web-1-7.db",
        "counter_web-2-7.db",
    }
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=str(tmp_path))
    assert "shared_total 4.0" in generate_latest(registry).decode()
