"""The name of the variable that says which protection a stack lacks."""

from typing import Final

VARIABLE: Final = "BENCH_WITHOUT"
