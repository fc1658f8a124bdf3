"""
The files that travel in seeded conversations: small, real and few.

A fixed library of PNG, PDF and text files is made from nothing but the standard library; every
attachment row points at one of them, so equal bytes are stored once.
"""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from typing import Final

VARIANTS: Final = 4
_WIDTH, _HEIGHT = 120, 90
_INK: Final = bytes((40, 44, 52))
_PAPERS: Final = ((243, 244, 246), (254, 243, 199), (219, 234, 254), (220, 252, 231))
_ACCENTS: Final = ((220, 38, 38), (180, 83, 9), (37, 99, 235), (22, 163, 74))
_PAGE: Final = (
    b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 420 340] /Contents 4 0 R"
    b" /Resources << /Font << /F1 5 0 R >> >> >>"
)
_BOM: Final = "\ufeff"


@dataclass(frozen=True, slots=True)
class Document:
    """One file of the library; `filename` is what the customer called it."""

    filename: str
    content_type: str
    content: bytes

    @property
    def sha256(self) -> str:
        return sha256(self.content).hexdigest()

    @property
    def storage_name(self) -> str:
        """Where the storage keeps these bytes, whoever sends them."""
        return f"attachments/qa/{self.sha256}"


@cache
def document(kind: str, variant: int) -> Document:
    """
    Return variant `variant` (from 0 to `VARIANTS` - 1) of a kind of document.

    :raises KeyError: if the grammar names a kind that nobody draws
    """
    return _LIBRARY[kind](variant)


@cache
def library() -> tuple[Document, ...]:
    """Return every document there is, each once."""
    return tuple(document(kind, variant) for kind in _LIBRARY for variant in range(VARIANTS))


def png(rows: list[bytes]) -> bytes:
    """
    Return a PNG image of `rows` of RGB bytes.

    Source: PNG specification (W3C, third edition), sections 5 and 11.
    """
    header = struct.pack(">IIBBBBB", len(rows[0]) // 3, len(rows), 8, 2, 0, 0, 0)
    pixels = zlib.compress(b"".join(b"\x00" + row for row in rows), 9)
    chunks = ((b"IHDR", header), (b"IDAT", pixels), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(*chunk) for chunk in chunks)


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pdf(lines: list[str]) -> bytes:
    """
    Return a PDF of one page with `lines` of text, the first as its title.

    Source: ISO 32000-1, sections 7.5 (file structure) and 9.4 (text).
    """
    drawn = ["BT /F1 16 Tf 20 TL 48 300 Td", f"({_escaped(lines[0])}) Tj T* /F1 10 Tf 15 TL"]
    drawn += [f"T* ({_escaped(line)}) Tj" for line in lines[1:]]
    text = "\n".join([*drawn, "ET"]).encode("cp1252")
    return _assembled(
        [
            b"<< /Type /Catalog /Pages 2 0 R >>",
            b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
            _PAGE,
            b"<< /Length %d >>\nstream\n%s\nendstream" % (len(text), text),
            b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        ]
    )


def _escaped(line: str) -> str:
    return line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def _assembled(objects: list[bytes]) -> bytes:
    body, offsets = b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n", []
    for number, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    size = len(objects) + 1
    table = b"0000000000 65535 f \n" + b"".join(b"%010d 00000 n \n" % at for at in offsets)
    return body + (
        b"xref\n0 %d\n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
        % (size, table, size, len(body))
    )


def _photo(variant: int) -> Document:
    """Draw a box seen in the light of a kitchen, with a crack across it."""
    rows = [
        b"".join(_photo_pixel(2 * x, 2 * y, variant) for x in range(_WIDTH // 2))
        for y in range(_HEIGHT // 2)
    ]
    return Document(f"IMG_20{41 + variant * 7}.png", "image/png", png(rows))


def _photo_pixel(x: int, y: int, variant: int) -> bytes:
    in_box = 25 < x < 95 and 20 < y < 78  # noqa: PLR2004 - a drawing
    if in_box and abs(x - y - 10 - 3 * ((y // 6) % 3) - variant * 4) < 2:  # noqa: PLR2004 - a drawing
        return _INK
    shade = 150 - y // 3 + x // 6 if in_box else 205 - y
    red, green, blue = (shade, shade * 3 // 4, shade // 2) if in_box else (shade,) * 3
    return bytes((red + variant * 8, green, blue))


def _screenshot(variant: int) -> Document:
    """Draw a dialog with a coloured title bar and grey lines of text."""
    paper, accent = bytes(_PAPERS[variant]), bytes(_ACCENTS[variant])
    bar, line = accent * _WIDTH, paper * 10 + bytes((156, 163, 175)) * (80 - variant * 9)
    line += paper * (_WIDTH - len(line) // 3)
    button = paper * 70 + accent * 40 + paper * 10
    blank = paper * _WIDTH
    rows = [bar] * 12 + [blank] * 8 + ([line] * 3 + [blank] * 7) * 4 + [blank] * 5 + [button] * 14
    rows += [blank] * (_HEIGHT - len(rows))
    return Document(f"Captura de tela {variant + 1}.png", "image/png", png(rows))


def _receipt(variant: int) -> Document:
    lines = [
        "Comprovante de pagamento",
        f"Valor: R$ {129 + 70 * variant},90",
        "Recebedor: Casa Aurora Comércio (fictícia)",
        f"Transação: E0000{7301 + variant}",
        "Documento de demonstração, sem valor.",
    ]
    return Document(f"comprovante-{variant + 1}.pdf", "application/pdf", pdf(lines))


def _statement(variant: int) -> Document:
    value = f"{89 + 30 * variant},90"
    lines = [
        "Fatura do cartão (trecho)",
        f"CASA AURORA    R$ {value}",
        f"CASA AURORA    R$ {value}",
        "Documento de demonstração, sem valor.",
    ]
    return Document(f"fatura {variant + 1} (recorte).pdf", "application/pdf", pdf(lines))


def _invoice(variant: int) -> Document:
    lines = [
        f"Nota fiscal nº 000.0{14 + variant}",
        "Emitente: Casa Aurora Comércio (fictícia)",
        "Descrição: 1 unidade, garantia de 12 meses",
        "Documento de demonstração, sem valor.",
    ]
    return Document(f"nota_fiscal_{14 + variant}.pdf", "application/pdf", pdf(lines))


def _quote(variant: int) -> Document:
    items = "\r\n".join(f"{10 * n}\tunidades\tlote {variant + 1}" for n in range(1, 4))
    content = f"{_BOM}Lista de compra da filial {variant + 1}\r\n{items}\r\n".encode()
    return Document(f"lista 📋 filial {variant + 1}.txt", "text/plain", content)


def _log(variant: int) -> Document:
    lines = [f"10:0{n}:17 POST /orders -> {401 if n % 2 else 200}" for n in range(5 + variant)]
    content = ("\n".join(["# diagnóstico", *lines]) + "\n").encode()
    return Document(f"diagnostico-{variant + 1}.txt", "text/plain", content)


_LIBRARY: Final = {
    "photo": _photo,
    "screenshot": _screenshot,
    "receipt": _receipt,
    "statement": _statement,
    "invoice": _invoice,
    "quote": _quote,
    "log": _log,
}
