"""Names without what no font has, so that no picture shows empty boxes."""

from __future__ import annotations

from pathlib import Path

import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.ttLib.ttCollection import TTCollection

from bot.pictures import glyphs
from bot.pictures.crew import crew_of, in_words
from bot.pictures.crew_svg import crew_svg
from bot.pictures.fonts import BOLD, REGULAR
from bot.pictures.glyphs import covered, drawable
from tests.pictures.crews import definition


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("Weekly 🐙 letter", "Weekly letter"),
        ("🐙 Weekly letter 🚀", "Weekly letter"),
        ("👩\u200d🔬 Lab", "Lab"),
        ("1\ufe0f\u20e3 first", "1\ufe0f first"),
        ("Müller e\u0301tude “Привет” Ωλφ —", "Müller e\u0301tude “Привет” Ωλφ —"),
        ("市場 report", "report"),
        ("🐙", "Octopus"),
        ("🐙🚀🐙!", "Octopus, rocket"),
        ("市場調査", "(other letters)"),
        ("", ""),
    ],
)
def test_what_no_font_has_is_left_out(name: str, shown: str) -> None:
    assert drawable(name, ()) == shown


@pytest.mark.parametrize("collection", [False, True], ids=["font", "collection"])
def test_what_a_font_of_the_computer_has_is_kept(tmp_path: Path, collection: bool) -> None:
    emoji = font(tmp_path / "emoji.ttf", "🐙", collection=collection)

    assert drawable("Weekly 🐙 letter", (tmp_path / "gone.ttf", emoji)) == "Weekly 🐙 letter"
    assert drawable("🚀 Weekly 🐙", (emoji,)) == "Weekly 🐙"


def test_a_file_that_is_no_font_lends_nothing(tmp_path: Path) -> None:
    broken = tmp_path / "broken.ttf"
    broken.write_bytes(REGULAR.read_bytes()[:300])

    assert drawable("Weekly 🐙", (broken,)) == "Weekly"
    assert covered(REGULAR) == covered(BOLD)
    assert ord("é") in covered(REGULAR)


def test_a_picture_leaves_out_what_its_words_keep(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(glyphs, "system_fonts", lambda: ())
    crew = crew_of(definition(("Research 🚀", "🐙", []), name="Weekly 🐙 letter", agents=["🐙"]))

    svg = crew_svg(crew)
    assert not {"🐙", "🚀"} & set(svg)
    assert all(f">{text}</text>" in svg for text in ("Weekly letter", "Research", "Octopus", "’s role"))
    assert in_words(crew) == ["Weekly 🐙 letter: 1 task, 1 agent.", "1. Research 🚀 by 🐙."]


def font(file: Path, char: str, *, collection: bool) -> Path:
    """A font with one character, alone or in a collection."""
    build = FontBuilder(1000)
    build.setupGlyphOrder([".notdef", "mark"])
    build.setupCharacterMap({ord(char): "mark"})
    build.setupPost()
    made = build.font
    if collection:
        made = TTCollection()
        made.fonts = [build.font]
    made.save(file)
    return file
