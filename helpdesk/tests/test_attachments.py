"""Uploads: typed by content, named by nobody, never shown in the browser."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile

from helpdesk.models import Attachment
from helpdesk.services.attachments import safe_name

pytestmark = pytest.mark.django_db
URL = "/api/v1/attachments"
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 20


def upload(api, content=b"hello", name="hello.txt", claimed="application/x-claimed"):
    file = SimpleUploadedFile(name, content, claimed)
    return api.post(URL, {"file": file}, format="multipart")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (PNG, "image/png"),
        (b"\xff\xd8\xff\xe0JFIF\x80", "image/jpeg"),
        (b"GIF89a\x01\x80", "image/gif"),
        (b"GIF87a\x01\x80", "image/gif"),
        (b"%PDF-1.7\n\x80", "application/pdf"),
        ("Olá".encode(), "text/plain"),
        (b"<html><script>alert(1)</script>", "text/plain"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' onload='x'/>", "text/plain"),
    ],
)
def test_the_content_decides_the_type_and_never_the_name(api, content, kind):
    answer = upload(api, content, name="page.html", claimed="text/html")

    assert answer.status_code == 201
    assert answer.json() == {
        "id": answer.json()["id"],
        "filename": "page.html",
        "size": len(content),
        "content_type": kind,
        "sha256": hashlib.sha256(content).hexdigest(),
    }


@pytest.mark.parametrize(
    "content",
    [b"", b"MZ\x90\x00\x03", b"\x7fELF\x02\x80", b"text with \x00 in it", b"PK\x03\x04\xff"],
)
def test_what_is_neither_image_pdf_nor_text_is_refused(api, content):
    answer = upload(api, content)

    assert answer.status_code == 400
    assert "file" in answer.json()["errors"]
    assert not Attachment.objects.exists()


def test_a_request_without_a_file_names_the_field(api):
    answer = api.post(URL, {}, format="multipart")

    assert answer.status_code == 400
    assert "file" in answer.json()["errors"]


def test_json_is_no_upload(api):
    answer = api.post(URL, {"file": "x"})

    assert answer.status_code == 415
    assert answer["Content-Type"] == "application/problem+json"


def test_five_mebibytes_are_taken_and_a_byte_more_is_413(api):
    limit = 5 * 1024 * 1024
    assert upload(api, b"a" * limit).status_code == 201

    answer = upload(api, b"a" * (limit + 1))

    assert (answer.status_code, answer.json()["code"]) == (413, "file_too_large")
    assert Attachment.objects.count() == 1


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("a\x00b.txt", "ab.txt"),
        ("evil\u202egnp.exe", "evilgnp.exe"),
        ("a\r\nX: y.txt", "aX y.txt"),
        ('quo"te.txt', "quote.txt"),
        ("...", "file"),
        ("", "file"),
        ("x" * 300 + ".txt", "x" * 146 + ".txt"),
        ("relatório é.pdf", "relatório é.pdf"),
    ],
)
def test_a_name_is_a_label_without_paths_controls_or_tricks(name, kept):
    assert safe_name(name.replace("\\", "/").rsplit("/", 1)[-1]) == kept
    cleaned = safe_name(name)
    assert not set(cleaned) & set('/\\\x00\r\n"\u202e')
    assert 0 < len(cleaned) <= 150


@pytest.mark.parametrize("name", ["../../up.txt", "a\u202eb.txt", "x" * 300 + ".txt"])
def test_no_uploaded_name_reaches_the_disk(api, name):
    stored = upload(api, name=name)

    assert stored.status_code == 201
    assert not set(stored.json()["filename"]) & set("/\\\u202e")
    assert len(stored.json()["filename"]) <= 150
    path = Path(Attachment.objects.get().file.path)
    assert path.is_relative_to(Path(settings.MEDIA_ROOT) / "attachments")
    assert len(path.name) == 32
    assert path.read_bytes() == b"hello"


def test_a_raw_multipart_body_with_nul_and_newlines_in_its_name_is_harmless(api):
    raw = (
        b'--B\r\nContent-Disposition: form-data; name="file"; filename="a\x00\\"b.txt"\r\n'
        b"Content-Type: text/html\r\n\r\nhello\r\n--B--\r\n"
    )
    answer = api.generic("POST", URL, raw, content_type="multipart/form-data; boundary=B")

    assert answer.status_code in (201, 400)
    if answer.status_code == 201:
        assert "\x00" not in answer.json()["filename"]


def test_a_download_is_saved_and_neither_shown_nor_guessed(api):
    attachment_id = upload(api, PNG, name='ç"é.png').json()["id"]

    answer = api.get(f"{URL}/{attachment_id}")

    assert answer.status_code == 200
    assert io.BytesIO(b"".join(answer.streaming_content)).getvalue() == PNG
    assert answer["Content-Disposition"].startswith("attachment;")
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in answer["Content-Security-Policy"]
    assert answer["Content-Type"] == "image/png"
    assert "\n" not in answer["Content-Disposition"]


@pytest.mark.parametrize("attachment_id", [0, 999_999, 10**30])
def test_an_unknown_attachment_is_404(api, attachment_id):
    answer = api.get(f"{URL}/{attachment_id}")

    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


def test_an_attachment_whose_file_is_gone_is_404_and_no_failure(api):
    attachment_id = upload(api).json()["id"]
    Path(Attachment.objects.get().file.path).unlink()

    assert api.get(f"{URL}/{attachment_id}").status_code == 404
