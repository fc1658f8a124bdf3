"""A process that forks as Celery does, and says what became of the parent's socket."""

import json
import os
import sys
import time

import django

django.setup()

from chaos import control, kernel  # noqa: E402 - settings first
from chaos.points import redis as point  # noqa: E402
from chaos.points.redis import BrokerConnection  # noqa: E402


def child(write):
    """Say whether the child started empty, then learn of the fault on its own."""
    begins_empty = not kernel.ARMED and point._live.all() == []
    control.ensure_running()
    end = time.monotonic() + 3
    while not kernel.ARMED and time.monotonic() < end:
        time.sleep(0.01)
    names = [fault.name for fault in kernel.active()]
    os.write(write, json.dumps({"begins_empty": begins_empty, "names": names}).encode())
    os._exit(0)


def main(port):
    connection = BrokerConnection(host="127.0.0.1", port=port)
    connection.connect()
    control.stop()  # nobody but the child could cut the parent's socket now
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        child(write)
    os.waitpid(pid, 0)
    told = json.loads(os.read(read, 4096))
    connection.send_command("PING")
    told["parent"] = str(connection.read_response())
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
