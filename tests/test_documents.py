"""Files that people hand over: what is read of them, and what is refused."""

from __future__ import annotations

import io
import zipfile

import docx
import openpyxl
import pytest
from PIL import Image

from bot import documents
from bot.documents import Document, Empty, TooBig, TooMany, Unreadable, WrongKind, read, read_apart, safe_name


def pdf(text: str) -> bytes:
    """A PDF of one page with one line."""
    stream = f"BT /F1 24 Tf 72 700 Td ({text}) Tj ET".encode()
    parts = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents 4 0 R "
            b"/Resources << /Font << /F1 5 0 R >> >> >>"
        ),
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    body, offsets = b"%PDF-1.4\n", []
    for number, part in enumerate(parts, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, part)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    end = b"trailer << /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % len(body)
    return body + b"xref\n0 6\n0000000000 65535 f \n" + table + end


def workbook(*rows: list[object]) -> bytes:
    book, file = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(file)
    return file.getvalue()


def letter(*paragraphs: str) -> bytes:
    document, file = docx.Document(), io.BytesIO()
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    document.add_table(1, 2).rows[0].cells[1].text = "Right"
    document.save(file)
    return file.getvalue()


def picture(kind: str = "PNG") -> bytes:
    file = io.BytesIO()
    Image.new("RGB", (4, 4), "red").save(file, kind)
    return file.getvalue()


def packed(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/").replace("_xml", ".xml"), content)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "content", "kind", "text"),
    [
        ("notes.txt", b"Tides rise.", "text", "Tides rise."),
        ("notes.md", "# Gezeiten für alle".encode(), "text", "# Gezeiten für alle"),
        ("old.txt", "Gezeiten für alle".encode("cp1252"), "text", "Gezeiten für alle"),
        ("wide.txt", "Tides".encode("utf-16"), "text", "Tides"),
        ("data.csv", b"name;height\nBrest;7\n", "table", "name | height\nBrest | 7"),
        ("lies.png", b"Only words", "text", "Only words"),
        ("tides.pdf", pdf("High tide at noon"), "document", "High tide at noon"),
        ("tides.bin", pdf("High tide at noon"), "document", "High tide at noon"),
        ("tides.xlsx", workbook(["Brest", 7], [None, None], ["Granville", 13]), "table", "Granville | 13"),
        ("tides.docx", letter("High", "Low"), "document", "High\nLow\n | Right"),
    ],
)
def test_the_content_says_what_a_file_is(name: str, content: bytes, kind: str, text: str) -> None:
    document = read(name, content)

    assert document.kind == kind
    assert text in document.text
    assert not document.cut


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_pictures_are_kept_for_models_that_see(kind: str) -> None:
    assert read("tide.dat", picture(kind)).kind == "picture"


def test_a_long_text_is_cut_and_says_so() -> None:
    document = read("long.txt", b"x" * (documents.MOST_CHARACTERS + 1))

    assert document.cut
    assert len(document.text) == documents.MOST_CHARACTERS


@pytest.mark.parametrize(
    ("name", "content", "refusal"),
    [
        ("program.exe", b"MZ\x00\x01", WrongKind),
        ("archive.zip", packed(hello=b"x"), WrongKind),
        ("nothing.txt", b"", Empty),
        ("blank.txt", b"  \n ", Empty),
        ("scan.pdf", pdf(""), Empty),
        ("broken.pdf", b"%PDF-1.4 and nothing", Unreadable),
        ("broken.xlsx", b"PK\x03\x04 and nothing", Unreadable),
        ("broken.png", b"\x89PNG\r\n\x1a\n and nothing", Unreadable),
        ("bomb.xlsx", packed(xl__workbook_xml=b"0" * 100_000_001), Unreadable),
        (
            "entities.docx",
            packed(word__document_xml=b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><x/>'),
            Unreadable,
        ),
        ("big.txt", b"x" * 10_000_001, TooBig),
    ],
)
def test_what_cannot_be_read_is_refused_in_a_sentence(name: str, content: bytes, refusal: type[Exception]) -> None:
    with pytest.raises(refusal, match=f"“{name}”"):
        read(name, content)


def test_a_picture_that_would_fill_the_memory_is_not_drawn() -> None:
    content = bytearray(picture())
    content[16:24] = (60_000).to_bytes(4, "big") * 2

    with pytest.raises(Unreadable):
        read("huge.png", bytes(content))


def test_too_many_files_and_too_big_ones_are_refused_before_they_are_fetched() -> None:
    with pytest.raises(TooMany, match="These are 6 files"):
        documents.check([("a", 1)] * 6)
    with pytest.raises(TooBig, match=r"“b\.txt” is too big: it has 12 MB"):
        documents.check([("a.txt", 1), ("b.txt", 11_500_000)])
    documents.check([("a.txt", 10_000_000)] * 5)


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("notes.txt", "notes.txt"),
        ("../../etc/passwd", "passwd"),
        ("C:\\secret\\plan.docx", "plan.docx"),
        (".hidden", "hidden"),
        ("a\u202egnp.exe", "a_gnp.exe"),
        ("", "file"),
        ("x" * 200 + ".pdf", "x" * 70 + ".pdf"),
    ],
)
def test_a_name_is_only_a_name(given: str, name: str) -> None:
    assert safe_name(given) == name


def test_files_are_read_in_a_process_of_their_own() -> None:
    content = workbook(["Brest", 7])

    assert read_apart("../tides.xlsx", content) == Document("tides.xlsx", "table", content, "Sheet Sheet:\nBrest | 7")
    with pytest.raises(Unreadable, match=r"“broken\.pdf” can’t be read: it is damaged"):
        read_apart("broken.pdf", b"%PDF-1.4 and nothing")
