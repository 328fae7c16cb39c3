"""A crew's picture: drawn, shown in a window with words for those who cannot see it, and never only a failure."""

from __future__ import annotations

import pytest

from bot.local_slack import LocalSlack
from store.crews import CrewInstance
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person

pytestmark = pytest.mark.usefixtures("crewcall")

PNG = b"\x89PNG\r\n\x1a\n"


def uploads(workspace: LocalSlack) -> int:
    return len(workspace.calls("files.completeUploadExternal"))


def test_a_crews_picture_is_in_a_window_with_the_same_in_words(
    ana: Person, workspace: LocalSlack, a_crew: CrewInstance
) -> None:
    ana.types("/crew show market research")
    ana.presses("Picture")

    alt, file = ana.picture()
    assert file.startswith(PNG)
    assert alt == "Market research: 1 task, 1 agent. 1. Research by Researcher."
    ana.sees("1. Research by Researcher.", "Dark colours", "Close")
    assert len(ana.windows) == 2, "the crew page waits below"
    [shared] = workspace.calls("files.completeUploadExternal")
    assert "channel_id" not in shared["args"], "nobody else is shown the picture"


def test_a_picture_has_dark_colours_too_and_is_given_to_slack_once(
    ana: Person, workspace: LocalSlack, a_crew: CrewInstance
) -> None:
    ana.types("/crew show market research")
    ana.presses("Picture")
    _, light = ana.picture()

    ana.presses("Dark colours")
    ana.sees("Light colours")
    _, dark = ana.picture()
    assert dark.startswith(PNG)
    assert dark != light
    assert uploads(workspace) == 2

    ana.presses("Light colours")
    ana.sees("Dark colours")
    assert ana.picture()[1] == light
    assert uploads(workspace) == 2


def test_a_picture_shows_the_crew_as_it_is_now(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew show market research")
    ana.presses("Picture")
    before = ana.picture()
    ana.closes(everything=False)
    ana.presses("Add task")
    ana.fills("Name", "Write")
    ana.fills("What to do", "Write it down.")
    ana.fills("Expected result", "A post")
    ana.chooses("Uses the results of", "Research")
    ana.submits()
    ana.presses("Picture")

    ana.sees("2. Write by Researcher, uses Research.")
    assert ana.picture() != before


def test_two_people_see_the_picture_of_a_crew_with_odd_names(ana: Person, ben: Person, crew_of: CrewMaker) -> None:
    crew_of.empty("<!channel> & *市場* 🚀")
    for person in (ana, ben):
        person.types("/crew list")
        person.presses("Open")
        person.presses("Picture")

    for person in (ana, ben):
        alt, file = person.picture()
        assert file.startswith(PNG)
        assert alt == "<!channel> & *市場* 🚀: 0 tasks, 0 agents."


class TestWithoutAPicture:
    """Slack does not take it; the words are there."""

    @pytest.fixture
    def allowed_errors(self) -> set[str]:
        return {"missing_scope", "invalid_arguments"}

    @pytest.mark.parametrize(
        ("fault", "code"),
        [
            ({"methods": {"files.info": {"error": "missing_scope"}}}, "missing_scope"),
            ({"methods": {"files.getUploadURLExternal": {"error": "missing_scope"}}}, "missing_scope"),
            ({"refuse_blocks": ["image"]}, "invalid_arguments"),
        ],
    )
    def test_the_window_says_what_happened_and_has_the_words(
        self, ana: Person, workspace: LocalSlack, a_crew: CrewInstance, fault: dict[str, object], code: str
    ) -> None:
        workspace.misbehave(fault)
        ana.types("/crew show market research")
        ana.presses("Picture")

        ana.sees(f"Slack did not take the picture ({code}). Here it is in words.", "1. Research by Researcher.")
