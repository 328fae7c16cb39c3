"""The files of a project, from a folder, a ZIP or a few files: only text that can matter, and within limits."""

from __future__ import annotations

import io
import json
import os
import re
import stat
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from bot.projects.bundle import ProjectRefused

# A project is text that people write; these are far above what any needs.
MOST_BYTES = 50_000_000
_MOST_FILES = 5_000
_LONGEST_FILE = 2_000_000
_MOST_TEXT = 20_000_000
_DEEPEST = 30

# Data beside a project is no part of it; a file of this name is.
_LONGEST_DATA = 300_000
_PART = re.compile(r"crew|agent|task|flow", re.IGNORECASE)
_NOTEBOOK = ".ipynb"
_TOLD = {_NOTEBOOK, ".py", ".yaml", ".yml", ".json", ".jsonc", ".json5", ".toml"}
_NAMED = {".env", ".env.example", ".env.sample", ".env.template", "requirements.txt"}
_PASSED_BY = {"node_modules", "__pycache__", "venv", "env", "site-packages", "__MACOSX", "dist", "build"}


@dataclass(frozen=True)
class Source:
    """The text files of a project by their paths with slashes; ``name`` is the project's own."""

    name: str
    files: Mapping[str, str] = field(default_factory=dict)

    def ending(self, *endings: str) -> Iterator[str]:
        """The paths that end so, in order of the folders."""
        return (path for path in self.files if path.lower().endswith(endings))

    def near(self, wanted: str, *, to: str) -> str | None:
        """The path meant by ``wanted`` in the file ``to``: beside it, else the one that shares most of its folders."""
        parts = [part for part in PurePosixPath(wanted.replace("\\", "/")).parts if part not in (".", "..", "/")]
        folder = PurePosixPath(to).parent.parts
        for depth in range(len(folder), -1, -1):
            path = "/".join([*folder[:depth], *parts])
            if path in self.files:
                return path
        ending = "/".join(parts)
        fitting = [path for path in self.files if path == ending or path.endswith(f"/{ending}")]
        return max(fitting, key=lambda path: _shared(path, folder), default=None)


def from_folder(folder: Path) -> Source:
    """The project in a folder; raise ``ProjectRefused``. Links to files are followed nowhere."""
    if not folder.is_dir():
        raise ProjectRefused(reason=f"There is no folder {folder}.")
    root = folder.resolve()
    return _source(root.name, _in_folder(root))


def from_zip(content: bytes, name: str = "project") -> Source:
    """The project in a ZIP; raise ``ProjectRefused`` for one that is broken, too large or climbs out of its folder."""
    if len(content) > MOST_BYTES:
        raise ProjectRefused(reason=_too_large("The ZIP"))
    try:
        archive = zipfile.ZipFile(io.BytesIO(content))
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, NotImplementedError) as error:
        raise ProjectRefused(reason=f"This is not a ZIP that can be read ({error}). Pack the folder again.") from None
    with archive:
        entries = archive.infolist()
        _refuse_dangerous(entries)
        return _source(name, ((_path(entry), _content(archive, entry)) for entry in entries if _wanted(_path(entry))))


def from_files(files: Mapping[str, bytes], name: str = "project") -> Source:
    """A project of single files by their names, with those in ZIPs among them; raise ``ProjectRefused``."""
    zips = {each: content for each, content in files.items() if each.lower().endswith(".zip")}
    if len(files) == 1 and zips:
        ((each, content),) = zips.items()
        return from_zip(content, PurePosixPath(each).stem)
    texts = {each: text for each, content in zips.items() for each, text in from_zip(content).files.items()}
    loose = _source(name, ((each, content) for each, content in files.items() if _wanted(each)))
    return Source(name, {**texts, **loose.files})


def from_path(path: Path) -> Source:
    """The project in a folder, a ZIP or a single file; raise ``ProjectRefused``."""
    if path.is_dir():
        return from_folder(path)
    try:
        if not path.is_file():
            raise ProjectRefused(reason=f"There is no file or folder {path}.")
        if path.stat().st_size > MOST_BYTES:
            raise ProjectRefused(reason=_too_large(path.name))
        content = path.read_bytes()
    except OSError as error:
        raise ProjectRefused(reason=f"{path} cannot be read ({error.strerror}).") from None
    if zipfile.is_zipfile(io.BytesIO(content)) or path.suffix.lower() == ".zip":
        return from_zip(content, path.stem)
    return from_files({path.name: content}, path.stem)


def _source(name: str, files: Iterable[tuple[str, bytes]]) -> Source:
    texts: dict[str, str] = {}
    total = 0
    for path, content in files:
        if _is_data(path, len(content)):
            continue
        if len(content) > _LONGEST_FILE:
            raise ProjectRefused(reason=_too_large(path, _LONGEST_FILE))
        total += len(content)
        if total > _MOST_TEXT or len(texts) >= _MOST_FILES:
            raise ProjectRefused(reason="These are more files than a project has. Import one project at a time.")
        if path.lower().endswith(_NOTEBOOK):
            path = f"{path[: -len(_NOTEBOOK)]}.py"  # noqa: PLW2901 - its code is read as a file of its own
            texts[path] = _code_of(_decoded(content))
        else:
            texts[path] = _decoded(content)
    return Source(name, dict(sorted(_without_common_folder(texts).items())))


def _in_folder(root: Path) -> Iterator[tuple[str, bytes]]:
    for folder, folders, names in os.walk(root):
        here = Path(folder)
        folders[:] = sorted(each for each in folders if not _passed_by(each) and not (here / each).is_symlink())
        for name in sorted(names):
            path = here / name
            inside = path.relative_to(root).as_posix()
            if not _wanted(inside):
                continue
            if path.is_symlink():
                if not path.resolve().is_relative_to(root):
                    raise ProjectRefused(reason=f"{inside} is a link out of the folder. Put the file itself there.")
                continue
            if _is_data(inside, path.stat().st_size):
                continue
            if path.stat().st_size > _LONGEST_FILE:
                raise ProjectRefused(reason=_too_large(inside, _LONGEST_FILE))
            yield inside, path.read_bytes()


def _refuse_dangerous(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > 20 * _MOST_FILES or sum(entry.file_size for entry in entries) > 4 * MOST_BYTES:
        raise ProjectRefused(reason="The ZIP unpacks to far more than a project is. Pack only the project’s own files.")
    for entry in entries:
        name = entry.filename.replace("\\", "/")
        if name.startswith("/") or ":" in name.partition("/")[0] or ".." in name.split("/"):
            raise ProjectRefused(
                reason=f"The ZIP has a path that leads out of it ({name[:200]}). Pack the folder again."
            )
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise ProjectRefused(reason=f"{name[:200]} in the ZIP is a link. Pack the file itself in its place.")
        if entry.flag_bits & 1:
            raise ProjectRefused(reason="The ZIP has a password. Pack it again without one.")


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> bytes:
    if entry.file_size > _LONGEST_FILE:
        if _is_data(_path(entry), entry.file_size):
            return b""
        raise ProjectRefused(reason=_too_large(_path(entry), _LONGEST_FILE))
    try:
        with archive.open(entry) as file:
            # What an entry says about its size need not be true.
            return file.read(_LONGEST_FILE + 1)
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError, ValueError):
        raise ProjectRefused(reason=f"{_path(entry)} in the ZIP is broken. Pack the folder again.") from None


def _path(entry: zipfile.ZipInfo) -> str:
    return entry.filename.replace("\\", "/")


def _wanted(path: str) -> bool:
    parts = PurePosixPath(path).parts
    if not parts or path.endswith("/") or len(parts) > _DEEPEST or any(map(_passed_by, parts[:-1])):
        return False
    return PurePosixPath(path).suffix.lower() in _TOLD or parts[-1] in _NAMED


def _is_data(path: str, size: int) -> bool:
    """Whether a file is too long to be a part of the project, and is called like none."""
    suffix = PurePosixPath(path).suffix.lower()
    longest = _LONGEST_DATA if suffix in (".json", ".json5") else _LONGEST_FILE
    return size > longest and suffix != ".py" and not _PART.search(PurePosixPath(path).stem)


def _code_of(notebook: str) -> str:
    """The code of a notebook, without what is meant for the notebook itself."""
    try:
        cells = json.loads(notebook)["cells"]
        sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return ""
    return "\n".join(_without_magic(line) for source in sources for line in source.splitlines())


def _without_magic(line: str) -> str:
    code = line.lstrip()
    return f"{line[: len(line) - len(code)]}pass" if code.startswith(("%", "!")) else line


def _passed_by(folder: str) -> bool:
    return folder in _PASSED_BY or (folder.startswith(".") and folder not in (".", ".."))


def _without_common_folder(texts: dict[str, str]) -> dict[str, str]:
    """A ZIP mostly holds one folder with everything in it."""
    first = {path.partition("/")[0] for path in texts}
    if len(first) != 1 or any("/" not in path for path in texts) or first & {"src", "config", "agents"}:
        return texts
    return {path.partition("/")[2]: text for path, text in texts.items()}


def _decoded(content: bytes) -> str:
    for encoding in ("utf-8-sig", "utf-16") if content[:2] in (b"\xff\xfe", b"\xfe\xff") else ("utf-8-sig",):
        try:
            return content.decode(encoding)
        except UnicodeDecodeError:
            continue
    return content.decode("cp1252", "replace")


def _too_large(what: str, most: int = MOST_BYTES) -> str:
    return f"{what} is larger than {most // 1_000_000} MB, which no part of a project is. Leave out what is data."


def _shared(path: str, folder: tuple[str, ...]) -> int:
    same = 0
    for mine, theirs in zip(PurePosixPath(path).parent.parts, folder, strict=False):
        if mine != theirs:
            break
        same += 1
    return same
