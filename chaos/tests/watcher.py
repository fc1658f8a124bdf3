"""A process of its own that prints, as JSON lines, what its control thread tells it."""

import json
import math
import sys
import time

import django

django.setup()

from chaos import control, kernel  # noqa: E402 - settings first


def say(**facts):
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


def main(seconds):
    control.ensure_running()
    end = time.monotonic() + seconds
    seen = None
    while time.monotonic() < end:
        now = sorted(fault.name for fault in kernel.active() if kernel.is_armed(fault))
        if now != seen and math.isfinite(kernel.VALID_UNTIL):
            say(armed=now, at=time.time())
            seen = now
        time.sleep(0.005)


if __name__ == "__main__":
    main(float(sys.argv[1]))
