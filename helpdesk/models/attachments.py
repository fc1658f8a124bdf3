"""Files that travel with messages, stored under random names."""

from __future__ import annotations

import uuid
from typing import ClassVar

from django.conf import settings
from django.db import models

from helpdesk.models.messages import Message


def random_path(_attachment: Attachment, _filename: str) -> str:
    """Return a storage name that gives away and trusts nothing of the uploaded one."""
    name = uuid.uuid4().hex
    return f"attachments/{name[:2]}/{name}"


class Attachment(models.Model):
    """An uploaded file; `message` is empty until a message carries it."""

    MAX_BYTES: ClassVar[int] = 5 * 1024 * 1024
    MAX_PER_MESSAGE: ClassVar[int] = 10

    message = models.ForeignKey(
        Message, models.CASCADE, null=True, blank=True, related_name="attachments"
    )
    uploaded_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    file = models.FileField(upload_to=random_path, max_length=120)
    filename = models.CharField(max_length=150)
    size = models.PositiveIntegerField()
    content_type = models.CharField(max_length=100)
    sha256 = models.CharField(max_length=64)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.filename
