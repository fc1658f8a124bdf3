"""A process that tries a number of calls and says how many were hit."""

import json
import sys
import time

import django

django.setup()

from chaos import control, kernel  # noqa: E402 - settings first


def main(calls):
    control.ensure_running()
    end = time.monotonic() + 3
    while not kernel.ARMED and time.monotonic() < end:
        time.sleep(0.01)
    hits = sum(kernel.pick("latency") is not None for _ in range(calls))
    sys.stdout.write(json.dumps({"hits": hits}) + "\n")


if __name__ == "__main__":
    main(int(sys.argv[1]))
