"""Pictures of crews: what is in them, read from the SVG, and the same in words."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from dataclasses import replace

import pytest

from bot.pictures.crew import Status, crew_of, in_words, ranges
from bot.pictures.crew_svg import WIDTH, crew_svg
from bot.pictures.fonts import clean, fit, width, wrap
from bot.pictures.svg import DARK, LIGHT, Drawing, Theme, initials
from store.crews import Process
from store.definitions import Definition
from tests.pictures.crews import HOSTILE, TWO, chain, definition


def texts(svg: str) -> list[str]:
    """The lines of text in a picture, from top to bottom as they were drawn."""
    return [element.text or "" for element in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def drawn(crew: Definition, statuses: dict[str, Status] | None = None, *, dark: bool = False) -> list[str]:
    return texts(crew_svg(crew_of(crew, statuses), dark=dark))


def test_a_picture_shows_who_does_what_with_what() -> None:
    said = drawn(TWO)

    assert said[:2] == ["Market research", "2 tasks in order, 2 agents"]
    assert {"Researcher", "Researcher’s role", "Writer", "Writer’s role"} <= set(said)
    assert said[said.index("Research") - 1] == "1"
    assert said[said.index("Write") - 1 : said.index("Write") + 2] == ["2", "Write", "uses 1"]
    assert said[-1] == "uses the result of"


def test_the_same_stands_in_the_alternative_text() -> None:
    assert in_words(crew_of(TWO)) == [
        "Market research: 2 tasks in order, 2 agents.",
        "1. Research by Researcher.",
        "2. Write by Writer, uses Research.",
    ]


def test_a_hierarchical_crew_shows_its_manager() -> None:
    crew = definition(("Research", None, []), process=Process.HIERARCHICAL)

    said = drawn(crew)
    assert {"A manager gives 1 task to 2 agents", "Manager", "the manager decides"} <= set(said)
    assert "Manager" not in drawn(TWO)
    assert in_words(crew_of(crew)) == [
        "Market research: a manager gives 1 task to 2 agents.",
        "1. Research, the manager decides.",
    ]


def test_a_run_shows_how_far_each_task_is_in_words_too() -> None:
    crew = chain(4)
    statuses = {"Step 1": Status.DONE, "Step 2": Status.FAILED, "Step 3": Status.IN_PROGRESS}

    said = drawn(crew, statuses)
    cards, legend = said[: said.index("uses the result of")], said[said.index("uses the result of") :]
    assert [word for word in cards if word in list(Status)] == ["Done", "Failed", "In progress", "Pending"]
    assert legend[1:] == ["Pending", "In progress", "Done", "Failed"]
    assert in_words(crew_of(crew, statuses))[2] == "2. Step 2 by Researcher, uses Step 1: failed."


def test_statuses_differ_in_shape() -> None:
    shapes = set()
    for status in Status:
        drawing = Drawing(replace(LIGHT, statuses=dict.fromkeys(Status, "black")))
        drawing.sign(10, 10, status)
        shapes.add(drawing.svg(20, 20))
    assert len(shapes) == len(Status)


@pytest.mark.parametrize("length", [1, 3, 12, 45])
@pytest.mark.parametrize("statuses", [None, {"Step 1": Status.DONE}])
def test_every_task_of_a_long_crew_is_there(length: int, statuses: dict[str, Status] | None) -> None:
    svg = crew_svg(crew_of(chain(length), statuses))

    said = texts(svg)
    assert [f"Step {number}" for number in range(1, length + 1)] == [text for text in said if text.startswith("Step ")]
    assert int(float(ET.fromstring(svg).get("height") or 0)) < 2 * WIDTH + 110 * min(length, 12)


def test_a_crew_too_long_for_a_picture_says_how_much_more_there_is() -> None:
    crew = definition(*((f"Step {n}", None, []) for n in range(100)), agents=[f"Agent {n}" for n in range(30)])

    said = drawn(crew)
    assert "and 20 more tasks" in said
    assert "and 7 more" in said
    assert len(in_words(crew_of(crew))) == 101


def test_an_empty_crew_says_so() -> None:
    assert drawn(definition(agents=[])) == ["Market research", "0 tasks, 0 agents", "No tasks yet"]


def test_a_task_that_uses_all_before_it_says_so_where_lines_would_be_a_thicket() -> None:
    names = [f"Step {number}" for number in range(1, 13)]
    crew = definition(*((name, "Writer", names[:at]) for at, name in enumerate(names)))

    svg = crew_svg(crew_of(crew))
    assert "uses 1–11" in texts(svg)
    # One arrow from each task to the next, and the one in the legend.
    assert svg.count("<polygon") == 11 + 1


@pytest.mark.parametrize("dark", [False, True])
def test_hostile_names_are_only_words(dark: bool) -> None:
    crew = definition((HOSTILE, HOSTILE, []), (HOSTILE + "2", None, [HOSTILE]), name=HOSTILE, agents=[HOSTILE])

    svg = crew_svg(crew_of(crew), dark=dark)
    assert "<script" not in svg
    assert any(text.startswith('<script>alert("1")</script> & ]]> &amp;') for text in texts(svg))
    assert not set("\x00\x1b\u202e\ufffe\ud800") & set(" ".join(in_words(crew_of(crew))))


@pytest.mark.parametrize("name", ["W" * 300, "word " * 80, "市場調査" * 40, "🚀" * 100, "كاتب" * 50])
def test_long_names_stay_on_the_page(name: str) -> None:
    crew = crew_of(definition((name, name, []), name=name, agents=[name]), {name: Status.IN_PROGRESS})

    for element in ET.fromstring(crew_svg(crew)).iter("{http://www.w3.org/2000/svg}text"):
        wide = width(element.text or "", float(element.get("font-size") or 0), bold=element.get("font-weight") == "500")
        at = float(element.get("x") or 0)
        left = {"middle": at - wide / 2, "end": at - wide}.get(element.get("text-anchor") or "", at)
        assert left >= 0, element.text
        assert left + wide <= WIDTH - 16, element.text


def test_words_are_broken_and_cut_to_a_width() -> None:
    assert wrap("Gather all the facts", 1000, 16, lines=2) == ["Gather all the facts"]
    first, second = wrap("Gather all the facts that there are about bees", 120, 16, lines=2)
    assert first == "Gather all the"
    assert second.endswith("…")
    assert width(second, 16) <= 120
    assert fit("Bees", 100, 16) == "Bees"
    assert clean(" a\n\tb\u202e\x07c ") == "a bc"
    assert clean("👩\u200d🔬") == "👩\u200d🔬"


def test_numbers_in_a_row_are_said_as_one() -> None:
    assert ranges([1, 2, 3, 5, 8, 9]) == "1–3, 5, 8, 9"
    assert initials("ana ferreira") == "AF"
    assert [initials(name) for name in ("🚀 rocket", "🚀", "", "市場 調査")] == ["R", "🚀", "?", "市調"]


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_words_stand_out_from_what_they_stand_on(theme: Theme) -> None:
    """WCAG 2.2: 4.5 for text, 3 for the lines and signs."""
    for colour in (theme.text, theme.soft, theme.accent, *theme.statuses.values()):
        assert contrast(colour, theme.card) >= 4.5, colour
        assert contrast(colour, theme.page) >= 4.5, colour
    for colour in theme.people:
        assert contrast(colour, theme.on_people) >= 4.5, colour
    assert contrast(theme.text, theme.edge) >= 4.5
    assert contrast(theme.line, theme.page) >= 2.8


def contrast(one: str, other: str) -> float:
    bright, dim = sorted((luminance(one), luminance(other)), reverse=True)
    return (bright + 0.05) / (dim + 0.05)


def luminance(colour: str) -> float:
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
