"""What people write that cannot be taken is refused under its field; everything else survives unharmed."""

from __future__ import annotations

import json

import pytest

from store.crews import CrewInstance
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person
from tests.support.scripted_model import ScriptedModel

pytestmark = pytest.mark.usefixtures("crewcall")

REQUIRED = "Please complete this required field."
# 9,000 characters with paragraphs, odd white space, braces that are no placeholders, and characters of two units.
LONG = "".join(f'  Point {n}: weigh {{"price": {n}}} 🙂\n\n\tand “quality”.  ' for n in range(170))[:9_000].strip()


# --- Names -------------------------------------------------------------------------------------------------------


def test_a_taken_name_is_refused_under_the_name_field(ana: Person, ben: Person, a_crew: CrewInstance) -> None:
    ben.types("/crew create")
    ben.fills("Name", "  MARKET   research ")
    ben.fills("Description", "Mine")
    ben.submits()

    assert ben.sees_error("Name") == "There is already a crew called “MARKET research”. Choose another name."
    assert ben.field("Description") == "Mine"
    ben.fills("Name", "Ben’s research")
    ben.submits()
    ben.sees("Ben’s research is created")


def test_a_crew_cannot_be_renamed_to_a_taken_name_but_may_change_its_case(ana: Person, crew_of: CrewMaker) -> None:
    crew_of.empty("Market research")
    crew_of.empty("Market news")

    ana.types("/crew edit market news")
    ana.presses("Edit")
    ana.fills("Name", "market RESEARCH")
    ana.submits()
    assert "already a crew called" in ana.sees_error("Name")
    ana.fills("Name", "MARKET NEWS")
    ana.submits()
    ana.sees("Saved.", "MARKET NEWS")


def test_a_crew_has_each_name_of_an_agent_once(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew edit market")
    ana.presses("Add agent")
    ana.fills("Name", "researcher")
    ana.fills("Role", "Editor")
    ana.fills("Goals", "Be short")
    ana.fills("Backstory", "None")
    ana.submits()

    assert ana.sees_error("Name") == "There is already an agent called “researcher”. Choose another name."


def test_a_crew_has_each_name_of_a_task_once(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew edit market")
    ana.presses("Add task")
    ana.fills("Name", "RESEARCH")
    ana.fills("What to do", "Again")
    ana.fills("Expected result", "Facts")
    ana.submits()

    assert ana.sees_error("Name") == "There is already a task called “RESEARCH”. Choose another name."


def test_two_crews_may_each_have_a_researcher(ana: Person, crew_of: CrewMaker) -> None:
    crew_of("Market research")
    crew_of("Trend research")

    ana.types("/crew edit trend")
    ana.sees("Agents (1)", "Researcher")


# --- Empty and too long ------------------------------------------------------------------------------------------


def test_empty_fields_are_refused_one_by_one(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew edit market")
    ana.presses("Add agent")
    ana.fills("Name", "   ")
    ana.submits()

    for label in ("Name", "Role", "Goals", "Backstory"):
        assert ana.sees_error(label) == REQUIRED


def test_a_name_that_is_too_long_is_refused(ana: Person) -> None:
    ana.types("/crew create")
    ana.fills("Name", "x" * 81)
    ana.submits()

    assert ana.sees_error("Name") == "Please enter no more than 80 characters."


def test_a_long_name_from_the_command_stands_in_the_form_whole(ana: Person) -> None:
    ana.types(f"/crew create {'long ' * 30}")

    assert ana.field("Name") == ("long " * 30).strip()
    ana.submits()
    assert "80" in ana.sees_error("Name")


def test_a_name_is_kept_on_one_line_and_as_it_was_typed(ana: Person) -> None:
    name = "研究 مرحبا 🚀 <b> & {topic}"
    ana.types("/crew create")
    ana.fills("Name", name)
    ana.submits()
    ana.sees(f"{name} is created")
    ana.closes()

    ana.types("/crew list 研究")
    ana.sees("1 crew matching “研究”", "<b> & {topic}")
    ana.types("/crew show 研究")
    ana.sees(name)


def test_a_name_with_quotes_of_its_own_is_found_as_it_is_typed(ana: Person, crew_of: CrewMaker) -> None:
    crew_of.empty('The „Big" plan, a=b')
    crew_of.empty("Plan")

    for typed in ('The „Big" plan, a=b', "the „Big"):
        ana.types(f"/crew show {typed}")
        ana.sees('The „Big" plan, a=b', "Add agent")
        ana.closes()


def test_a_search_for_a_whole_description_finds_its_crew(ana: Person) -> None:
    about = "市场研究" * 100
    ana.types("/crew create Markets")
    ana.fills("Description", about)
    ana.submits()
    ana.sees("Markets is created")
    ana.closes()

    ana.types(f"/crew list {about}")
    ana.sees("1 crew matching “市场研究", "Shared with me")


def test_the_model_of_an_agent_has_a_provider_and_a_key(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew edit market")
    ana.picks("Researcher", "Edit")
    ana.fills("Another model", "gpt")
    ana.submits()
    assert ana.sees_error("Another model") == "Write it as provider/model, for example openai/gpt-4.1-mini."

    ana.fills("Another model", "nobody/knows-this")
    ana.submits()
    assert "nobody" in ana.sees_error("Another model")


# --- Placeholders ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", ["{my topic}", "{1st}", "{topic", "{tópico}"])
def test_a_malformed_placeholder_is_refused_under_its_field(ana: Person, a_crew: CrewInstance, written: str) -> None:
    ana.types("/crew edit market")
    ana.picks("1. Research", "Edit")
    ana.fills("Expected result", f"All about {written}")
    ana.submits()

    assert ana.sees_error("Expected result").startswith(f"“{written}” can’t be filled in at a run.")
    assert ana.field("Expected result") == f"All about {written}"


def test_a_malformed_placeholder_of_an_agent_is_refused_under_its_field(ana: Person, a_crew: CrewInstance) -> None:
    ana.types("/crew edit market")
    ana.picks("Researcher", "Edit")
    ana.fills("Goals", "Find facts\nKnow {the market}")
    ana.submits()

    assert ana.sees_error("Goals").startswith("“{the market}” can’t be filled in at a run.")


def test_braces_of_json_are_no_placeholders(ana: Person, llm: ScriptedModel, crew_of: CrewMaker) -> None:
    crew_of("Market research", 'Answer as {"facts": [1, {"a": {}}], "topic": "{topic}"} and {} nothing else.')

    ana.types("/crew run market topic=tides")

    asked = llm.heard('{"facts": [1, {"a": {}}], "topic": "tides"} and {} nothing else.')
    assert "{topic}" not in asked.prompt
    ana.reads_thread(of="Market research", until="Run again")


@pytest.mark.parametrize(
    "value", ["{other}", "{topic}", "{{x}} }{", "100 % {", "<!channel> & <@U0BEN000002>", "研究 🚀"]
)
def test_an_input_reaches_the_model_as_it_was_typed(
    ana: Person, llm: ScriptedModel, a_crew: CrewInstance, value: str
) -> None:
    ana.types("/crew run market")
    ana.fills("topic", value)
    ana.submits()

    llm.heard(f"Research {value}.")
    ana.reads_thread(of="Market research", until="Run again")


def test_nothing_rings_when_inputs_names_and_results_mention_everybody(
    ana: Person, llm: ScriptedModel, crew_of: CrewMaker
) -> None:
    loud = "<!channel> <!here> <!everyone> <@U0BEN000002> <!subteam^S1>"
    crew_of("Ring <!channel>", f"Research {{topic}}. {loud}")
    llm.otherwise = f"{loud}\n\n| a |\n|---|\n| <!here> |\n\n```\n<!channel>\n```"

    ana.types('/crew run "Ring <!channel>"')
    ana.fills("topic", loud)
    ana.submits()
    thread = ana.reads_thread(of="Ring <!channel>", until="Run again")

    assert "<!channel> <!here> <!everyone>" in thread[-1]
    ana.sees("Ring <!channel> · ✅ Done")
    for message in [*ana.messages(), *ana.messages(ana.messages()[0]["ts"])]:
        assert loud_parts(message) <= {"<@U0ANA000001>"}


def loud_parts(part: object) -> set[str]:
    """The mentions that ring, in the fields of a message in which Slack looks for them."""
    if isinstance(part, list):
        return set().union(*(loud_parts(each) for each in part))
    if not isinstance(part, dict):
        return set()
    if part.get("type") in ("plain_text", "rich_text"):
        return set()
    found = {word for key in ("text",) if isinstance(words := part.get(key), str) for word in _mentions(words)}
    return found.union(*(loud_parts(each) for key, each in part.items() if key != "metadata"))


def _mentions(text: str) -> list[str]:
    return [
        f"<{rest.split('>')[0]}>" for rest in text.split("<")[1:] if rest[:1] in "!@#" and not rest.startswith("!date")
    ]


# --- Long texts --------------------------------------------------------------------------------------------------


def test_a_text_of_9000_characters_survives_an_edit_of_something_else(
    ana: Person, llm: ScriptedModel, crew_of: CrewMaker
) -> None:
    assert len(LONG) > 8_900
    crew_of("Market research", LONG)

    ana.types("/crew edit market")
    ana.picks("1. Research", "Edit")
    assert "What to do, part 3 of 4" in ana.labels
    ana.fills("Expected result", "Other facts.")
    ana.submits()
    ana.sees("Research is saved.")
    ana.presses("Run")

    assert LONG in llm.heard("Other facts.").prompt
    ana.closes()
    ana.reads_thread(of="Market research", until="Run again")


def test_the_middle_of_a_long_text_can_be_changed(ana: Person, llm: ScriptedModel, crew_of: CrewMaker) -> None:
    crew_of("Market research", LONG)

    ana.types("/crew edit market")
    ana.picks("1. Research", "Edit")
    second = ana.field("What to do, part 2 of 4")
    ana.fills("What to do, part 2 of 4", second.replace("Point 80", "POINT EIGHTY"))
    ana.submits()
    ana.sees("Research is saved.")
    ana.presses("Run")

    assert LONG.replace("Point 80", "POINT EIGHTY") in llm.heard("POINT EIGHTY").prompt
    ana.closes()
    ana.reads_thread(of="Market research", until="Run again")


def test_a_text_longer_than_a_box_is_written_in_two_goes(ana: Person, llm: ScriptedModel, a_crew: CrewInstance) -> None:
    begun = ("Weigh it well. " * 200)[:3_000].strip()
    ana.types("/crew edit market")
    ana.picks("1. Research", "Edit")
    ana.sees("If it is longer than 3,000 characters, save the beginning, then edit it to go on.")
    ana.fills("What to do", begun)
    ana.submits()
    ana.sees("Research is saved.")
    ana.closes()
    ana.types("/crew edit market")
    ana.picks("1. Research", "Edit")
    ana.fills("What to do, part 2 of 2", "Then write it down.")
    ana.submits()
    ana.sees("Research is saved.")
    ana.presses("Run")

    assert f"{begun}\nThen write it down." in llm.heard("Then write it down.").prompt
    ana.closes()
    ana.reads_thread(of="Market research", until="Run again")


def test_a_text_that_no_window_holds_is_said_to_be_too_long(ana: Person, crew_of: CrewMaker) -> None:
    crew_of("Market research", "市场研究。" * 12_000)

    ana.types("/crew edit market")
    ana.picks("1. Research", "Edit")

    ana.sees("This is too long to be edited in Slack. /crew export sends a crew as files", "1. Research")


def test_a_long_input_is_shown_short_in_the_channel_and_reaches_the_model_whole(
    ana: Person, llm: ScriptedModel, a_crew: CrewInstance
) -> None:
    ana.types(f'/crew run market topic="{"tides " * 450}ebb"')

    llm.heard("tides ebb")
    assert "…" in ana.sees("topic: tides tides")
    ana.reads_thread(of="Market research", until="Run again")
    ana.opens_thread(of="Market research")
    ana.presses("Edit inputs")
    assert ana.field("topic").endswith("tides ebb")


# --- Inputs ------------------------------------------------------------------------------------------------------


def names(count: int) -> list[str]:
    """So many inputs with names of 33 characters."""
    return [f"the_number_of_what_is_wanted_{number:04}" for number in range(count)]


def test_more_inputs_than_a_form_holds_are_given_as_json(ana: Person, crew_of: CrewMaker, llm: ScriptedModel) -> None:
    asked = names(61)
    crew_of(description=" ".join(f"{{{name}}}" for name in asked))
    llm.when("many of them").says("All counted.")

    ana.types("/crew run market")
    ana.sees("“Market research” takes 61 inputs, too many for a form.", "/crew run Market research {…}")
    ana.types("/crew schedule market")
    ana.sees("takes 61 inputs")

    ana.types("/crew run market " + json.dumps(dict.fromkeys(asked, "many of them")))
    ana.reads_thread(of="Started by", until="All counted.")


def test_as_many_inputs_as_a_form_holds_are_all_asked_for(ana: Person, crew_of: CrewMaker) -> None:
    asked = names(60)
    crew_of(description=" ".join(f"{{{name}}}" for name in asked))

    ana.types("/crew run market")
    assert [label for label in ana.labels if label in asked] == asked
    ana.closes()
    ana.types("/crew schedule market")
    assert [label for label in ana.labels if label in asked] == asked
