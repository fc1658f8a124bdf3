"""Re-driving what gave up."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from helpdesk.models import DeadLetter, Message, User
from helpdesk.selectors.dead_letters import DeadLetterNotFound
from helpdesk.services import audit, delivery
from helpdesk.services.tickets import get_locked


@transaction.atomic
def redrive(
    *, dead_letter_id: int, actor: User, now: datetime, request_ip: str | None = None
) -> bool:
    """
    Queue the message of a dead letter anew; return whether this call did it.

    Asked twice, it acts once: the ticket's lock makes two calls take turns, and the second finds
    the letter re-driven. The message begins at attempt 0 under its old key, so a provider that
    took it after all sends nothing twice. If it arrived meanwhile, nothing is sent; if it gives up
    again, the letter waits again.

    :raises DeadLetterNotFound: if there is no such dead letter
    """
    letters = DeadLetter.objects.select_related("message").filter(pk=dead_letter_id)
    ticket_id = letters.values_list("message__ticket_id", flat=True).first()
    ticket = get_locked(ticket_id=ticket_id) if ticket_id else None
    letter = letters.first()  # as it is under the lock; a late receipt may have taken it away
    if ticket is None or letter is None:
        raise DeadLetterNotFound(f"There is no dead letter {dead_letter_id}.")
    if letter.redriven_at is not None:
        return False
    if letter.message.status == Message.Status.FAILED:
        delivery.start_over(ticket=ticket, message_id=letter.message_id, now=now)
    letter.redriven_at = now
    letter.save(update_fields=["redriven_at"])
    audit.record(
        actor=actor,
        action="dead_letter.redrive",
        target=letter,
        before={"reason": letter.reason, "attempts": letter.attempts},
        after={"message": letter.message_id},
        request_ip=request_ip,
        now=now,
    )
    return True
