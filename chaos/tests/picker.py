"""A process that tries a number of calls and says how many were hit."""

import json
import sys
import time

import django

django.setup()

from chaos import control, kernel  # noqa: E402 - settings first
from chaos import hits as counting  # noqa: E402


def main(calls):
    control.ensure_running()
    end = time.monotonic() + 3
    while not kernel.ARMED and time.monotonic() < end:
        time.sleep(0.01)
    hits = sum(kernel.pick("latency") is not None for _ in range(calls))
    while counting._hits.by_fault and time.monotonic() < end + 30:
        time.sleep(0.01)  # the control thread adds them to the row
    sys.stdout.write(json.dumps({"hits": hits}) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
