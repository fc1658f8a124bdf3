"""The one question asked before anything synthetic is written or removed: where are we?"""

from __future__ import annotations

from typing import Final

PRODUCTION: Final = "production"


class ProductionRefused(Exception):
    """Synthetic data has no place in production."""


def refuse_production(environment: str) -> None:
    """
    Do nothing where synthetic data is welcome.

    :raises ProductionRefused: if `environment` is production
    """
    if environment == PRODUCTION:
        raise ProductionRefused(
            "seed_qa never runs with ENVIRONMENT=production. "
            "Set ENVIRONMENT to development or qa, and DATABASE_URL to a database of that kind."
        )
