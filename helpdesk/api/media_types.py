"""Names of formats, in a module that imports nothing: DRF loads renderers while it loads itself."""

from typing import Final

PROBLEM_JSON: Final = "application/problem+json"
