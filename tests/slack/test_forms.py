"""Forms: what people see, what comes back, and what they are told."""

from __future__ import annotations

import dataclasses
import json
from enum import StrEnum
from typing import Annotated, Any, Literal

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st
from pydantic import AfterValidator, BaseModel, Field, ValidationError, model_validator

from bot.errors import FormRefused
from bot.local_slack.validation import problems
from bot.slack.forms import Checkbox, Choice, Choices, Form, Radio, Text, error_view
from bot.slack.text import units

# The same examples every time, on a slow machine too.
ALWAYS_THE_SAME = settings(derandomize=True, deadline=None)

LONGEST = 30_000


class Process(StrEnum):
    SEQUENTIAL = "sequential"
    HIERARCHICAL = "hierarchical"


def _no_shouting(name: str) -> str:
    name = name.strip()
    if name.isupper():
        raise ValueError("Not all in capitals, please.")
    return name


class AgentDraft(BaseModel):
    name: Annotated[str, AfterValidator(_no_shouting), Field(min_length=1, max_length=80)] = Field(
        title="Name", description="What your team calls it."
    )
    expected_output: str = Field("", max_length=200)
    backstory: str = Field(title="Backstory", min_length=1, max_length=LONGEST, description="What it knows.")
    goals: list[Annotated[str, Field(max_length=50)]] = Field(title="Goals", min_length=1, max_length=4)
    process: Process = Field(Process.SEQUENTIAL, title="Process")
    tone: Literal["plain", "very_formal"] | None = Field(None, title="Tone")
    delegation: bool = Field(False, title="Delegation", description="It may hand work on.")
    temperature: float | None = Field(None, title="Temperature", ge=0, le=2)
    retries: int = Field(2, title="Retries", gt=0)
    agent_id: int | None = Field(None, title="Agent")
    depends_on: list[int] = Field(default=[], title="Uses the results of")


FORM = Form(
    AgentDraft,
    callback_id="agent.create",
    title="New agent",
    submit="Create",
    widgets={
        "tone": Radio(labels={"plain": "Plain words"}),
        "agent_id": Choice(),
        "depends_on": Choices(empty="There are no earlier tasks yet."),
    },
)
OPTIONS = {"agent_id": [(1, "Ana’s agent"), (2, "Writer")], "depends_on": [(7, "Find sources"), (8, "Read them")]}
ANNA = AgentDraft(
    name="Researcher",
    expected_output="A list",
    backstory="Long ago.",
    goals=["Find facts", "Check them"],
    process=Process.HIERARCHICAL,
    tone="very_formal",
    delegation=True,
    temperature=0.7,
    retries=3,
    agent_id=2,
    depends_on=[8, 7],
)


def submitted(view: dict[str, Any], **typed: object) -> dict[str, Any]:
    """What Slack sends when somebody submits ``view`` after typing: label or block id → value."""
    values = {}
    for block in view["blocks"]:
        if block["type"] == "input":
            element = block["element"]
            state = _untouched(element)
            if block["block_id"] in typed:
                state[next(key for key in state if key != "type")] = typed[block["block_id"]]
            values[block["block_id"]] = {element["action_id"]: state}
    return json.loads(json.dumps(view | {"id": "V1", "hash": "1.a", "state": {"values": values}}))


def _untouched(element: dict[str, Any]) -> dict[str, Any]:
    match element["type"]:
        case "static_select" | "radio_buttons":
            return {"type": element["type"], "selected_option": element.get("initial_option")}
        case "checkboxes" | "multi_static_select":
            return {"type": element["type"], "selected_options": element.get("initial_options", [])}
        case kind:
            return {"type": kind, "value": element.get("initial_value")}


def inputs(view: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {block["label"]["text"]: block for block in view["blocks"] if block["type"] == "input"}


def faults(view: dict[str, Any], **typed: object) -> dict[str, str]:
    with pytest.raises(FormRefused) as refused:
        FORM.read(submitted(view, **typed))
    return refused.value.fields


def test_the_draft_says_labels_hints_limits_and_what_is_required():
    shown = inputs(FORM.view(options=OPTIONS))

    assert list(shown) == [
        "Name",
        "Expected output",
        "Backstory",
        "Goals",
        "Process",
        "Tone",
        "Delegation",
        "Temperature",
        "Retries",
        "Agent",
        "Uses the results of",
    ]
    required = [label for label, block in shown.items() if not block["optional"]]
    assert required == ["Name", "Backstory", "Goals", "Process", "Retries"]
    assert shown["Name"]["hint"]["text"] == "What your team calls it."
    assert shown["Name"]["element"]["max_length"] == 80
    assert shown["Retries"]["element"] == {
        "type": "number_input",
        "is_decimal_allowed": False,
        "min_value": "1",
        "initial_value": "2",
        "action_id": "agent.create.retries",
    }
    assert [each["text"]["text"] for each in shown["Tone"]["element"]["options"]] == ["Plain words", "Very formal"]
    assert shown["Name"]["block_id"] == "name"


@pytest.mark.parametrize("values", [None, ANNA, {"name": "x" * 90, "backstory": "word " * 5_000}])
def test_slack_accepts_the_view(values):
    for options in (OPTIONS, None):
        view = FORM.view(values, options=options, notice="Look <here>", meta={"crew": 5})
        assert problems(view, "modal") == []


def test_an_edit_that_changes_nothing_gives_the_same_draft():
    assert FORM.read(submitted(FORM.view(ANNA, options=OPTIONS))) == ANNA


def test_what_people_type_becomes_a_draft():
    view = FORM.view(options=OPTIONS)
    draft = FORM.read(
        submitted(
            view,
            name="  Writer ",
            backstory="  indented\n",
            goals=" one\n\n two \r\nthree\n",
            temperature="0.25",
            delegation=[{"value": "yes"}],
            agent_id={"value": "2"},
            depends_on=[{"value": "8"}],
        )
    )
    assert (draft.name, draft.backstory, draft.goals) == ("Writer", "  indented\n", ["one", "two", "three"])
    assert (draft.temperature, draft.delegation, draft.agent_id, draft.depends_on) == (0.25, True, 2, [8])
    assert (draft.process, draft.tone, draft.retries) == (Process.SEQUENTIAL, None, 2)


def test_a_name_typed_with_the_command_is_already_there():
    assert inputs(FORM.view(name="Blog"))["Name"]["element"]["initial_value"] == "Blog"


def test_clearing_a_field_that_may_be_empty_empties_it():
    draft = FORM.read(submitted(FORM.view(ANNA, options=OPTIONS), temperature=None, expected_output="  ", tone=None))
    assert (draft.temperature, draft.expected_output, draft.tone) == (None, "", None)


def test_all_faults_are_told_at_once_in_plain_words():
    typed = {
        "name": "x" * 93,
        "backstory": " \n ",
        "goals": "one\n" + "y" * 60,
        "temperature": "3",
        "retries": "1.5",
    }
    assert faults(FORM.view(options=OPTIONS), **typed) == {
        "name": "At most 80 characters; this has 93.",
        "backstory": "This can’t be empty.",
        "goals": f"“{'y' * 39}…”: at most 50 characters; this has 60.",
        "temperature": "Give a number that is at least 0 and at most 2.",
        "retries": "Give a whole number.",
    }


def test_other_faults_have_their_own_words():
    view = FORM.view(ANNA, options=OPTIONS)
    assert faults(view, name=None, goals="") == {"name": "Give it a name.", "goals": "Write at least one line."}
    assert faults(view, name="LOUD") == {"name": "Not all in capitals, please."}
    assert faults(view, goals="a\nb\nc\nd\ne") == {"goals": "At most 4 entries; this has 5."}
    assert faults(view, retries="0", temperature="warm") == {
        "retries": "Give a number that is at least 1.",
        "temperature": "Give a number.",
    }


def test_a_name_of_emoji_up_to_the_limit_can_be_edited():
    name = "😀" * 80
    view = FORM.view(ANNA.model_copy(update={"name": name}), options=OPTIONS)
    assert problems(view, "modal") == []
    assert FORM.read(submitted(view)).name == name


def test_meta_comes_back_and_the_seams_stay_out_of_it():
    view = FORM.view(backstory="a b " * 2_000, meta={"crew": 5})
    assert FORM.meta(view) == {"crew": 5}
    assert FORM.meta(FORM.view()) == {}


def test_nothing_to_choose_from_is_said_and_can_still_be_sent():
    view = FORM.view(ANNA, options={"agent_id": OPTIONS["agent_id"], "depends_on": []})
    assert "There are no earlier tasks yet." in json.dumps(view, ensure_ascii=False)
    assert FORM.read(submitted(view)).depends_on == []


def test_a_choice_that_no_longer_exists_is_simply_not_chosen():
    view = FORM.view(ANNA, options={"agent_id": [(1, "Ana’s agent")], "depends_on": [(7, "Find sources")]})
    assert problems(view, "modal") == []
    draft = FORM.read(submitted(view))
    assert (draft.agent_id, draft.depends_on) == (None, [7])


def test_more_than_a_hundred_choices_are_shown_in_groups():
    view = FORM.view(agent_id=150, options={"agent_id": [(number, f"Agent {number}") for number in range(250)]})
    assert problems(view, "modal") == []
    element = inputs(view)["Agent"]["element"]
    assert [len(group["options"]) for group in element["option_groups"]] == [100, 100, 50]
    assert element["option_groups"][1]["label"]["text"] == "Agent 100 – Agent 199"
    assert element["initial_option"]["value"] == "150"


# Long texts


def parts(view: dict[str, Any]) -> dict[str, str]:
    shown = {label: block["element"] for label, block in inputs(view).items() if label.startswith("Backstory")}
    return {label: element.get("initial_value", "") for label, element in shown.items()}


def test_a_long_text_is_shown_in_parts_cut_between_paragraphs():
    text = "\n\n".join(f"Paragraph {number}. " + "word " * 100 for number in range(12))
    shown = parts(FORM.view(backstory=text))
    assert list(shown) == ["Backstory", "Backstory, part 2 of 3", "Backstory, part 3 of 3"]
    assert all(part.startswith("Paragraph ") and units(part) <= 3_000 for part in shown.values())


def test_a_nearly_full_part_is_followed_by_room_to_go_on():
    shown = parts(FORM.view(backstory="x" * 2_501))
    assert shown == {"Backstory": "x" * 2_501, "Backstory, part 2 of 2": ""}
    assert parts(FORM.view(backstory="x" * 2_500)) == {"Backstory": "x" * 2_500}


def test_going_on_in_the_next_part_begins_a_new_line():
    view = FORM.view(ANNA.model_copy(update={"backstory": "x" * 2_600}), options=OPTIONS)
    assert FORM.read(submitted(view, **{"backstory.2": "more"})).backstory == "x" * 2_600 + "\nmore"


def test_emptying_a_part_takes_its_seam_along():
    text = "a" * 2_900 + "\n\n" + "b" * 2_900 + "\n\n" + "c" * 100
    view = FORM.view(ANNA.model_copy(update={"backstory": text}), options=OPTIONS)
    assert FORM.read(submitted(view, **{"backstory.2": None})).backstory == "a" * 2_900 + "\n\n" + "c" * 100


def test_parts_that_are_too_long_together_are_refused_under_the_first():
    view = FORM.view(ANNA.model_copy(update={"backstory": "x" * 29_900}), options=OPTIONS)
    said = faults(view, **{"backstory.11": "y" * 3_000})
    assert said["backstory"].startswith("At most 30,000 characters; this has 3")


_PIECES = st.sampled_from(["\r\n", "  ", "\n\n", "שלום ", "😀", "a", "e\u0301", "<&>"])
_RUNS = st.lists(st.tuples(st.one_of(st.text(min_size=1, max_size=6), _PIECES), st.integers(1, 2_500)), max_size=6)


@ALWAYS_THE_SAME
@given(_RUNS)
@example([("a", 3_000), (" ", 8)])
@example([("a", 2_999), ("\r\n", 10), ("b", 1)])
@example([("😀", 15_000)])
@example([("\u202b", 1), ("שלום עולם ", 2_900)])
def test_any_text_survives_an_edit_that_does_not_touch_it(runs):
    text = "".join(piece * times for piece, times in runs)[:LONGEST]
    assume(text.strip())
    form = Form(_Long, callback_id="long", title="Long")
    view = form.view(text=text)
    assert problems(view, "modal") == []
    assert form.read(submitted(view)).text == text


class _Long(BaseModel):
    text: str = Field(max_length=LONGEST)


@ALWAYS_THE_SAME
@given(
    st.lists(
        st.text(alphabet="ab 😀é").map(str.strip).filter(bool).map(lambda line: " ".join(line.split())),
        min_size=1,
        max_size=60,
    )
)
@example(["word " * 400 + "end"] * 5)
def test_any_list_of_lines_survives_too(lines):
    form = Form(_Many, callback_id="many", title="Many")
    view = form.view(lines=lines)
    assert problems(view, "modal") == []
    assert form.read(submitted(view)).lines == lines


class _Many(BaseModel):
    lines: list[str]


# Forms as declarations


def test_an_edit_is_the_same_form_under_another_name():
    edit = dataclasses.replace(FORM, callback_id="agent.edit", title="Edit agent", submit="Save")
    view = edit.view(ANNA, options=OPTIONS)
    assert (view["callback_id"], view["title"]["text"]) == ("agent.edit", "Edit agent")
    assert inputs(view)["Name"]["element"]["action_id"] == "agent.edit.name"
    assert edit.read(submitted(view)) == ANNA


def test_a_form_may_ask_for_some_fields():
    form = Form(AgentDraft, callback_id="agent.name", title="Rename", fields=("goals", "name"))
    view = form.view(ANNA)
    assert list(inputs(view)) == ["Goals", "Name"]
    with pytest.raises(ValidationError, match="backstory"):
        form.read(submitted(view))


def test_a_form_that_cannot_be_drawn_is_refused_when_it_is_declared():
    with pytest.raises(ValueError, match=r"AgentDraft\.depends_on"):
        Form(AgentDraft, callback_id="x", title="X")
    with pytest.raises(ValueError, match="no field nickname"):
        Form(AgentDraft, callback_id="x", title="X", widgets={"nickname": Text()})


def test_a_box_has_its_own_words_beside_it():
    form = Form(_Box, callback_id="x", title="X", widgets={"verbose": Checkbox("Write everything down")})
    assert inputs(form.view())["Verbose"]["element"]["options"][0]["text"]["text"] == "Write everything down"


class _Box(BaseModel):
    verbose: bool = False


def test_answers_that_do_not_go_together_are_refused_as_a_whole():
    form = Form(_Span, callback_id="x", title="X")
    with pytest.raises(FormRefused, match="The end is before the beginning") as refused:
        form.read(submitted(form.view(), first="5", last="3"))
    assert refused.value.fields == {}


class _Span(BaseModel):
    first: int
    last: int

    @model_validator(mode="after")
    def _in_order(self) -> _Span:
        if self.last < self.first:
            raise ValueError("The end is before the beginning.")
        return self


# After a refusal


def test_a_refused_form_keeps_everything_typed_and_says_why_on_top():
    view = submitted(
        FORM.view(ANNA, options=OPTIONS, meta={"crew": 5}),
        name="Typed & <kept>",
        tone=None,
        agent_id=FORM.view(options=OPTIONS)["blocks"][9]["element"]["options"][0],
        delegation=[],
        depends_on=[],
        temperature="0.1",
    )
    again = error_view(view, "The crew &lt;gone&gt;.")

    assert problems(again, "modal") == []
    assert again["blocks"][0]["text"]["text"] == "*That didn’t work:* The crew &lt;gone&gt;."
    assert FORM.meta(again) == {"crew": 5}
    assert [block.get("block_id") for block in again["blocks"][1:]] == [block["block_id"] for block in view["blocks"]]
    draft = FORM.read(submitted(again))
    assert draft == ANNA.model_copy(
        update={"name": "Typed & <kept>", "tone": None, "agent_id": 1, "delegation": False, "depends_on": []}
        | {"temperature": 0.1}
    )


def test_a_second_refusal_replaces_the_first():
    once = error_view(submitted(FORM.view(options=OPTIONS)), "One.")
    twice = error_view(submitted(once), "Two.")
    assert [block["text"]["text"] for block in twice["blocks"] if block["type"] == "alert"] == [
        "*That didn’t work:* Two."
    ]


def test_a_refused_long_text_keeps_all_its_parts():
    text = "word " * 1_500
    view = submitted(FORM.view(ANNA.model_copy(update={"backstory": text}), options=OPTIONS))
    assert FORM.read(submitted(error_view(view, "No."))).backstory == text
