"""Uploads: typed by what they contain, named by nobody, bounded in size."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from datetime import datetime
from typing import Final

from django.core.files.uploadedfile import UploadedFile

from helpdesk.errors import HelpdeskError
from helpdesk.models import Attachment, User

_SNIFFED: Final[tuple[tuple[bytes, str], ...]] = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"%PDF-", "application/pdf"),
)
_UNSAFE: Final = re.compile(r"[\x00-\x1f\x7f/\\:*?\"<>|\u202a-\u202e\u2066-\u2069]")
_HEAD_BYTES: Final = 16


class UnacceptableFile(HelpdeskError):
    code = "invalid"


class FileTooLarge(HelpdeskError):
    status = 413
    code = "file_too_large"


def upload(*, file: UploadedFile[bytes], user: User, now: datetime) -> Attachment:
    """
    Store an uploaded file under a random name.

    The content decides its type, never the name or the browser's word; the original name is kept
    as a label only.

    :raises FileTooLarge: if it has more than `Attachment.MAX_BYTES` bytes
    :raises UnacceptableFile: if it is empty or neither image, PDF nor text
    """
    size = file.size or 0
    if size > Attachment.MAX_BYTES:
        raise FileTooLarge(f"A file may have {Attachment.MAX_BYTES} bytes; this one has {size}.")
    if size == 0:
        raise _unacceptable("The file is empty.")
    sha256, content_type = _inspect(file)
    return Attachment.objects.create(
        uploaded_by=user,
        file=file,
        filename=safe_name(file.name or ""),
        size=size,
        content_type=content_type,
        sha256=sha256,
        created_at=now,
    )


def _inspect(file: UploadedFile[bytes]) -> tuple[str, str]:
    content = file.read()
    file.seek(0)
    return hashlib.sha256(content).hexdigest(), sniff(content)


def sniff(content: bytes) -> str:
    """
    Return the content type of `content`: PNG, JPEG, GIF, PDF or UTF-8 text.

    :raises UnacceptableFile: if it is none of these
    """
    head = content[:_HEAD_BYTES]
    for magic, content_type in _SNIFFED:
        if head.startswith(magic):
            return content_type
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _unacceptable("Only PNG, JPEG, GIF, PDF and UTF-8 text are accepted.") from error
    if b"\x00" in content:
        raise _unacceptable("Only PNG, JPEG, GIF, PDF and UTF-8 text are accepted.")
    return "text/plain"


def safe_name(name: str) -> str:
    """Return `name` without path, control or direction characters, at most 150 characters."""
    cleaned = _UNSAFE.sub("", unicodedata.normalize("NFC", name)).strip(" .")
    return cleaned[-150:] or "file"


def _unacceptable(detail: str) -> UnacceptableFile:
    return UnacceptableFile(detail, fields={"file": [detail]})
