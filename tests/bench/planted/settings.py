"""The whole system, and a request that asks for it fails inside the view."""

from config.settings import *

MIDDLEWARE = [*MIDDLEWARE, "tests.bench.planted.failing.FailingMiddleware"]
