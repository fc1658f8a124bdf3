"""Attachments are files that open, stored once each and found where their rows point."""

from __future__ import annotations

import re
import struct
import zlib
from hashlib import sha256

import pytest
from django.db.models import F

from helpdesk.models import Attachment
from helpdesk.services.attachments import sniff
from qa_seed.documents import Document, library


def chunks_of(png):
    at = 8
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        kind, data = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        (crc,) = struct.unpack(">I", png[at + 8 + length : at + 12 + length])
        assert crc == zlib.crc32(kind + data)
        yield kind, data
        at += 12 + length


def check_png(content):
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    chunks = list(chunks_of(content))
    assert [kind for kind, _ in chunks] == [b"IHDR", b"IDAT", b"IEND"]
    width, height = struct.unpack(">II", chunks[0][1][:8])
    assert len(zlib.decompress(chunks[1][1])) == height * (1 + 3 * width)


def check_pdf(content):
    assert content.startswith(b"%PDF-1.4\n")
    assert content.endswith(b"%%EOF\n")
    (table_at,) = map(int, re.findall(rb"startxref\n(\d+)\n", content))
    assert content[table_at : table_at + 4] == b"xref"
    offsets = [int(at) for at in re.findall(rb"^(\d{10}) 00000 n $", content, re.MULTILINE)]
    assert len(offsets) == 5
    for number, at in enumerate(offsets, start=1):
        assert content[at:].startswith(b"%d 0 obj\n" % number)
    (length,) = map(int, re.findall(rb"/Length (\d+)", content))
    assert content.split(b"stream\n", 1)[1][length:].startswith(b"\nendstream")


def check_text(content):
    assert content.decode("utf-8").strip()


CHECKS = {"image/png": check_png, "application/pdf": check_pdf, "text/plain": check_text}


@pytest.mark.parametrize("document", library(), ids=lambda found: found.filename)
def test_every_document_opens_as_what_it_says_it_is(document):
    CHECKS[document.content_type](document.content)
    assert sniff(document.content) == document.content_type


def test_a_torn_document_would_not_pass():
    whole = {document.content_type: document for document in library()}
    for content_type in ("image/png", "application/pdf"):
        torn = whole[content_type].content[:-9]
        with pytest.raises((AssertionError, struct.error)):
            CHECKS[content_type](torn)


def test_documents_are_few_small_and_different():
    found = library()
    assert len({document.sha256 for document in found}) == len(found)
    assert all(isinstance(document, Document) for document in found)
    assert max(len(document.content) for document in found) < 10_000


def test_rows_point_at_the_bytes_they_describe(seed, media):
    seed(tickets=200)
    attachments = list(Attachment.objects.all())
    assert {a.content_type for a in attachments} == set(CHECKS)
    for attachment in attachments:
        content = attachment.file.read()
        assert len(content) == attachment.size
        assert sha256(content).hexdigest() == attachment.sha256
    in_step = Attachment.objects.filter(created_at=F("message__created_at"))
    assert in_step.count() == len(attachments)
    stored = [path for path in media.rglob("*") if path.is_file()]
    assert len(stored) == len(library()) < len(attachments)
