"""Who is asking."""

from __future__ import annotations

from typing import Any

from chaos.services import Actor


def actor_of(request: Any) -> Actor:
    """Return the signed-in user of a Django or DRF request as an actor."""
    user = request.user
    return Actor(
        name=user.get_username(),
        user_id=str(user.pk),
        ip=request.META.get("REMOTE_ADDR") or None,
    )
