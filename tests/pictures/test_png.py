"""PNGs: drawn by a process of its own that may die without harm."""

from __future__ import annotations

import struct
import threading
from pathlib import Path

import pytest

from bot.pictures.crew import crew_of
from bot.pictures.crew_svg import crew_svg
from bot.pictures.png import WIDTH, NotDrawn, Painter
from tests.pictures.crews import HOSTILE, TWO, chain, definition

SVG = crew_svg(crew_of(TWO))


@pytest.fixture
def painter() -> Painter:
    return Painter(system_fonts=False)


def size(png: bytes) -> tuple[int, int]:
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    return struct.unpack(">II", png[16:24])


def program(folder: Path, text: str) -> Path:
    """A program to draw with."""
    file = folder / "draw.py"
    file.write_text(text, encoding="utf-8")
    return file


def test_a_picture_is_twice_as_fine_as_it_is_wide(painter: Painter) -> None:
    png = painter.png(SVG)

    wide, high = size(png)
    assert wide == WIDTH == 2 * 640
    assert 500 < high < 1500
    assert 10_000 < len(png) < 300_000


def test_letters_are_drawn_without_any_font_of_the_computer(painter: Painter) -> None:
    assert painter.png(SVG) != painter.png(SVG.replace("<text", "<desc").replace("</text", "</desc"))


def test_a_long_crew_and_hostile_names_are_drawn(painter: Painter) -> None:
    assert size(painter.png(crew_svg(crew_of(chain(45)))))[0] == WIDTH
    hostile = definition((HOSTILE, None, []), name=HOSTILE, agents=[HOSTILE])
    assert size(painter.png(crew_svg(crew_of(hostile))))[0] == WIDTH


def test_the_same_picture_is_drawn_once(tmp_path: Path) -> None:
    counted = tmp_path / "drawn"
    painter = Painter(
        program=program(tmp_path, f"import sys\nsys.stdout.write('x')\nopen({str(counted)!r}, 'a').write('1')")
    )

    assert [painter.png("a"), painter.png("a"), painter.png("b")] == [b"x", b"x", b"x"]
    assert counted.read_text() == "11"


def test_a_process_that_dies_is_told_and_the_next_picture_is_drawn(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    died = tmp_path / "died"
    painter = Painter(
        program=program(
            tmp_path,
            f"import os, pathlib, signal, sys\nonce = pathlib.Path({str(died)!r})\n"
            "if not once.exists():\n    once.touch()\n    os.kill(os.getpid(), signal.SIGKILL)\n"
            "sys.stdout.write('drawn')",
        )
    )

    with pytest.raises(NotDrawn):
        painter.png(SVG)
    assert "-9" in caplog.text
    assert painter.png(SVG) == b"drawn"


def test_what_is_no_picture_is_said_in_the_log(painter: Painter, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(NotDrawn):
        painter.png("<svg")
    assert "failed with 1" in caplog.text
    assert size(painter.png(SVG))[0] == WIDTH


def test_a_picture_that_takes_too_long_is_given_up(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    painter = Painter(seconds=0.2, program=program(tmp_path, "import threading\nthreading.Event().wait()"))

    with pytest.raises(NotDrawn):
        painter.png(SVG)
    assert "timed out" in caplog.text


def test_several_people_get_their_pictures_at_once(tmp_path: Path) -> None:
    waits = "import sys\nsys.stdout.write('x')\nsys.stdin.buffer.read()"
    painter, results = Painter(program=program(tmp_path, waits)), []
    threads = [threading.Thread(target=lambda n=n: results.append(painter.png(str(n)))) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert results == [b"x"] * 4
