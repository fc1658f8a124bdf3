"""The product alone, with a delay in every request when `BENCH_DELAY_MS` asks for one."""

from config import env
from config.settings.helpdesk_only import *

BENCH_DELAY_MS = env.integer("BENCH_DELAY_MS", 0, low=0, high=10_000)
if BENCH_DELAY_MS:
    MIDDLEWARE = [*MIDDLEWARE, "tests.bench.delay.DelayMiddleware"]
