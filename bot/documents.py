"""Files that people hand over: how much and what kinds are taken, and their text, read without trusting them."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import re
import subprocess
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bot.errors import UserError

# Said to people before they choose files; see LIMITS.
MOST_FILES = 5
MOST_BYTES = 10_000_000
LIMITS = (
    "At most 5 files of up to 10 MB each: text, Markdown, CSV, JSON, PDF, Excel (xlsx), Word (docx), and pictures "
    "(PNG, JPEG, GIF, WebP) for models that can see."
)
# The endings that Slack offers in a form; what a file really is, its content says.
ENDINGS = (
    *("txt", "md", "markdown", "csv", "tsv", "json", "yaml", "yml", "xml", "html", "log"),
    *("pdf", "xlsx", "docx", "png", "jpg", "jpeg", "gif", "webp"),
)

# What an agent can be given of one file, in characters.
MOST_CHARACTERS = 200_000
_MOST_PAGES = 300
_MOST_UNPACKED = 100_000_000
_MOST_MEMBERS = 5_000
_MOST_PIXELS = 50_000_000
_SECONDS = 30.0
_MOST_MEMORY = 2_000_000_000
Reader = Callable[[bytes], Iterator[str]]
_DOCTYPE = re.compile(rb"<!(?:DOCTYPE|ENTITY)", re.IGNORECASE)


class TooMany(UserError):
    """These are {count} files; a run takes at most 5. Choose the ones that matter."""

    field = "files"


class TooBig(UserError):
    """“{name}” is too big: it has {size} MB, and I take files of up to 10 MB. Send a smaller one."""

    field = "files"


class WrongKind(UserError):
    """“{name}” is of a kind that I can’t read. I read text, CSV, JSON, PDF, Excel (xlsx), Word (docx) and pictures."""


class Unreadable(UserError):
    """“{name}” can’t be read: {why}. Open it, save it again and send that one."""


class Empty(UserError):
    """“{name}” has no text in it. If it is a scan, send it as a picture to a crew whose model can see."""


@dataclass(frozen=True)
class Document:
    """A file and what can be read of it: ``kind`` is "text", "table", "document" or "picture".

    ``cut`` says that ``text`` is only the beginning; a picture has no text.
    """

    name: str
    kind: str
    content: bytes
    text: str = ""
    cut: bool = False


def check(files: list[tuple[str, int]]) -> None:
    """Refuse too many or too big files by their names and sizes in bytes, before anybody fetches them."""
    if len(files) > MOST_FILES:
        raise TooMany(count=len(files))
    for name, size in files:
        check_size(name, size)


def check_size(name: str, size: int) -> None:
    """Refuse a file of so many bytes if that is too big; raise ``TooBig``."""
    if size > MOST_BYTES:
        raise TooBig(name=safe_name(name), size=-(-size // 1_000_000))


def read(name: str, content: bytes) -> Document:
    """What a file holds; raise ``TooBig``, ``WrongKind``, ``Unreadable`` or ``Empty``. Takes up to half a minute.

    Neither its name nor what it says about itself is trusted: the first bytes tell its kind, packed files are measured
    before they are unpacked, and reading ends at a number of pages, characters and seconds.
    """
    name = safe_name(name)
    check_size(name, len(content))
    if not content:
        raise Empty(name=name)
    kind, reader = _reader(name, content)
    if kind == "picture":
        return Document(name, kind, content)
    try:
        text, cut = _gathered(reader(content))
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001 - readers of other people's files raise anything
        raise Unreadable(name=name, why=_why(error)) from None
    if not text.strip():
        raise Empty(name=name)
    return Document(name, kind, content, text, cut)


def safe_name(name: str) -> str:
    """A name that is only a name: no path, nothing that moves text about, not too long."""
    last = re.split(r"[/\\]", name)[-1]
    plain = re.sub(r"[^\w .()\-]", "_", last).strip(" .")
    stem, dot, ending = plain.rpartition(".")
    if not dot:
        return plain[:80] or "file"
    return f"{stem[:70]}.{ending[:9]}"


def _reader(name: str, content: bytes) -> tuple[str, Reader]:
    """What kind of file it is by its first bytes, and what reads it."""
    if content.startswith(b"%PDF-"):
        return "document", _pages
    if content.startswith(b"PK\x03\x04"):
        return _packed(name, content)
    if _is_picture(name, content):
        return "picture", _text
    if b"\x00" in content[:4096] and content[:2] not in (b"\xff\xfe", b"\xfe\xff"):
        raise WrongKind(name=name)
    ending = name.rpartition(".")[2].casefold()
    return ("table", _table) if ending in ("csv", "tsv") else ("text", _text)


def _packed(name: str, content: bytes) -> tuple[str, Reader]:
    """Office files are packed: measured before they are opened, and refused if they bring entities of their own."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            members = packed.infolist()
            if len(members) > _MOST_MEMBERS or sum(one.file_size for one in members) > _MOST_UNPACKED:
                raise Unreadable(name=name, why="it unpacks to far more than it seems to hold")
            names = {one.filename for one in members}
            for one in members:
                if one.filename.endswith((".xml", ".rels")):
                    with packed.open(one) as part:
                        if _DOCTYPE.search(part.read(2_000)):
                            raise Unreadable(name=name, why="it brings definitions of its own")
    except (zipfile.BadZipFile, NotImplementedError, EOFError, OSError, zlib.error) as error:
        raise Unreadable(name=name, why=_why(error)) from None
    if "xl/workbook.xml" in names:
        return "table", _sheets
    if "word/document.xml" in names:
        return "document", _paragraphs
    raise WrongKind(name=name)


def _is_picture(name: str, content: bytes) -> bool:
    """Whether it is a picture that models take; a huge one is refused without being drawn."""
    marks = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff", b"GIF87a", b"GIF89a")
    if not content.startswith(marks) and not (content[:4] == b"RIFF" and content[8:12] == b"WEBP"):
        return False
    from PIL import Image, UnidentifiedImageError

    try:
        with Image.open(io.BytesIO(content)) as picture:
            width, height = picture.size
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise Unreadable(name=name, why=_why(error)) from None
    if width * height > _MOST_PIXELS:
        raise Unreadable(name=name, why="the picture is too large to look at")
    return True


def _why(error: Exception) -> str:
    """A cause in a few words; libraries' own words are for programmers."""
    said = str(error).casefold()
    if "password" in said or "encrypted" in said:
        return "it is protected with a password"
    return "it is damaged"


def _gathered(pieces: Iterator[str]) -> tuple[str, bool]:
    """The text up to the limits, and whether there was more."""
    until, size, parts = time.monotonic() + _SECONDS, 0, []
    for piece in pieces:
        parts.append(piece)
        size += len(piece) + 1
        if size > MOST_CHARACTERS or time.monotonic() > until:
            return "\n".join(parts)[:MOST_CHARACTERS], True
    return "\n".join(parts), False


def _text(content: bytes) -> Iterator[str]:
    yield _decoded(content)


def _table(content: bytes) -> Iterator[str]:
    """The rows of a CSV file, whatever separates its cells, as lines with a bar between the cells."""
    text = _decoded(content)
    try:
        dialect = csv.Sniffer().sniff(text[:20_000], delimiters=",;\t|")
    except csv.Error:
        yield text
        return
    yield from (" | ".join(row) for row in csv.reader(io.StringIO(text), dialect))


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "utf-16" if content[:2] in (b"\xff\xfe", b"\xfe\xff") else "cp1252"):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("latin-1")


def _pages(content: bytes) -> Iterator[str]:
    import pypdfium2

    document = pypdfium2.PdfDocument(content)
    try:
        for number in range(min(len(document), _MOST_PAGES)):
            page = document[number]
            words = page.get_textpage()
            yield words.get_text_bounded()
            words.close()
            page.close()
        if len(document) > _MOST_PAGES:
            yield f"(The first {_MOST_PAGES} of {len(document)} pages.)"
    finally:
        document.close()


def _sheets(content: bytes) -> Iterator[str]:
    import openpyxl

    book = openpyxl.load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    try:
        for sheet in book.worksheets:
            yield f"Sheet {sheet.title}:"
            for row in sheet.iter_rows(values_only=True):
                if any(cell is not None for cell in row):
                    yield " | ".join("" if cell is None else str(cell) for cell in row)
    finally:
        book.close()


def _paragraphs(content: bytes) -> Iterator[str]:
    import docx
    from docx.table import Table

    for part in docx.Document(io.BytesIO(content)).iter_inner_content():
        if isinstance(part, Table):
            yield from (" | ".join(cell.text for cell in row.cells) for row in part.rows)
        else:
            yield part.text


def read_apart(name: str, content: bytes) -> Document:
    """What ``read`` says, read in a process of its own: what a hostile file breaks or fills up is only that."""
    name = safe_name(name)
    check_size(name, len(content))
    command = [sys.executable, "-m", "bot.documents", name]
    try:
        done = subprocess.run(command, input=content, capture_output=True, timeout=_SECONDS + 20, check=False)
    except subprocess.TimeoutExpired:
        raise Unreadable(name=name, why="reading it takes too long") from None
    if done.returncode:
        raise Unreadable(name=name, why="it is damaged, or far too large inside")
    told = json.loads(done.stdout)
    if "refusal" in told:
        raise _REFUSALS[told["refusal"]](**told["facts"])
    return Document(name, told["kind"], content, told["text"], told["cut"])


_REFUSALS: dict[str, type[UserError]] = {each.__name__: each for each in (TooBig, WrongKind, Unreadable, Empty)}


def _child() -> None:
    """Read the file on standard input, and say what came of it as JSON."""
    with contextlib.suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (_MOST_MEMORY, _MOST_MEMORY))
    try:
        document = read(sys.argv[1], sys.stdin.buffer.read())
        told = {"kind": document.kind, "text": document.text, "cut": document.cut}
    except UserError as refusal:
        told = {"refusal": type(refusal).__name__, "facts": refusal.facts}
    sys.stdout.write(json.dumps(told))


if __name__ == "__main__":
    _child()
