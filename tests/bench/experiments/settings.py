"""The whole system without one of its protections; `BENCH_WITHOUT` says which."""

from config.settings import *

INSTALLED_APPS = [*INSTALLED_APPS, "tests.bench.experiments.removals.Unprotected"]
