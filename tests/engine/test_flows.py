"""Flows as they run: order, branches, loops, waiting, failing, and going on where they were."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import celpy
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.engine.around import Around
from bot.engine.desk import Answer, Closed, Question, Waiting
from bot.engine.flow import FlowFailed, declaration, run_flow
from bot.engine.llms import Models
from bot.engine.memory import Forgetful, Output, TakenOver
from bot.engine.meter import LimitReached
from bot.engine.run import EngineFailure, Stopped, execute
from bot.engine.steps.kind import Ran
from bot.events import CrewEvent, Fault, RunEvent, StateChanged, StepEvent, TaskFinished
from store.definitions import Definition, LinkPlan
from store.limits import Ceiling, Scope
from tests.support.flows import crew, flow, state, step
from tests.support.scripted_model import ScriptedModel

# The library raises Python’s recursion limit at its first use, which Hypothesis must not see happen.
celpy.Environment()

# Each of them runs on CrewAI, which must not be imported before it is told how to behave.
pytestmark = [pytest.mark.usefixtures("engine"), pytest.mark.filterwarnings("ignore::DeprecationWarning:crewai")]

PATIENCE = 20.0
NOON = datetime(2030, 1, 31, 12, tzinfo=UTC)


class Desk(Closed):
    """A desk whose answers the test gives."""

    def __init__(self) -> None:
        self.asked: dict[str, Question] = {}
        self.answers: dict[str, Answer] = {}

    def answer(self, key: str) -> Answer | None:
        return self.answers.get(key)

    def ask(self, question: Question) -> None:
        self.asked[question.key] = question


class Flows:
    """Runs flows, one after the other, over one memory: each run goes on where the one before ended."""

    def __init__(self, models: Models) -> None:
        self.models = models
        self.events: list[RunEvent] = []
        self.memory = Forgetful()
        self.desk = Desk()
        self.stop = threading.Event()
        self.now = NOON

    def run(self, definition: Definition, **inputs: object) -> Ran:
        crews = partial(execute, run_id=1, models=self.models, stop=self.stop)

        def run_crew(part: Any, given: Any, emit: Any, memory: Any, desk: Any, meter: Any) -> str:
            return crews(part, given, emit=emit, memory=memory, desk=desk, meter=meter)

        tell, now = self.events.append, lambda: self.now
        around = Around(1, run_crew, tell, self.memory, self.desk, self.stop, now=now)
        return run_flow(definition, inputs, around)

    def fails(self, definition: Definition, **inputs: object) -> str:
        with pytest.raises(FlowFailed) as failure:
            self.run(definition, **inputs)
        return failure.value.sentence

    def waits(self, definition: Definition, **inputs: object) -> Waiting:
        with pytest.raises(Waiting) as waiting:
            self.run(definition, **inputs)
        return waiting.value

    def happened(self) -> list[str]:
        """What happened to steps since last asked, as “Started draft”."""
        told = [
            f"{type(event).__name__.removeprefix('Step')} {event.step}"
            + (f" #{round_}" if (round_ := getattr(event, "round", 1)) > 1 else "")
            for event in self.events
            if isinstance(event, StepEvent)
        ]
        self.events.clear()
        return told


@pytest.fixture
def flows(models: Models) -> Flows:
    return Flows(models)


def asked(llm: ScriptedModel, words: str) -> list[str]:
    """The questions with these words."""
    return [request.prompt for request in llm.requests if words in request.prompt]


def answers(llm: ScriptedModel, **texts: str) -> None:
    """Let the model answer each crew of this name with the text."""
    for name, text in texts.items():
        llm.when(f"for {name}").says(text)


# --- Order ------------------------------------------------------------------------------------------------------------


def test_one_step_after_the_other_with_what_came_before(flows: Flows, llm: ScriptedModel) -> None:
    answers(llm, Research="Three facts.", Report="A report.")
    definition = flow(
        step("research", inputs={"topic": "state.topic"}, target="Research", result="facts"),
        step("write", "crew", "research", target="Report", inputs={"facts": "outputs.research.raw"}, result="report"),
        state=state(topic="string", facts="string", report="string"),
        parts=[crew("Research", asks="On {topic}."), crew("Report", asks="From {facts}")],
    )

    ran = flows.run(definition, topic="Tea")

    assert ran.raw == "A report."
    assert ran.state == {"topic": "Tea", "facts": "Three facts.", "report": "A report."}
    assert flows.happened() == ["Started research", "Finished research", "Started write", "Finished write"]
    assert "On Tea." in llm.heard("for Research").prompt
    assert "From Three facts." in llm.heard("for Report").prompt


def test_what_happens_in_a_crew_says_for_which_step(flows: Flows, llm: ScriptedModel) -> None:
    inner = flow(step("draft"), name="Inner", parts=[])
    flows.run(flow(step("sub", "flow", target="Inner"), parts=[inner, crew()]))

    assert {event.step for event in flows.events if isinstance(event, CrewEvent)} == {"sub/draft"}
    assert [event.step for event in flows.events if isinstance(event, StepEvent)] == [
        "sub",
        "sub/draft",
        "sub/draft",
        "sub",
    ]


def test_branches_go_on_at_the_same_time_and_meet(flows: Flows, llm: ScriptedModel) -> None:
    released = threading.Event()
    llm.when("for Left").says("L", after=released)
    llm.when("for Right").says("R", after=released)
    definition = flow(
        step("begin_it", "set", value="'go'", result="x"),
        step("left", "crew", "begin_it", target="Left"),
        step("right", "crew", "begin_it", target="Right"),
        step("meet", "set", "left", "right", value="outputs.left.raw + outputs.right.raw", result="x"),
        state=state(x="string"),
        parts=[crew("Left"), crew("Right")],
    )

    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(flows.run, definition)
        llm.heard("for Left")
        llm.heard("for Right")
        released.set()
        assert running.result(PATIENCE).raw == "LR"


def test_more_branches_than_processors_go_on_at_the_same_time(flows: Flows, llm: ScriptedModel) -> None:
    released = threading.Event()
    llm.when("for Research").says("Done.", after=released)
    definition = flow(*(step(f"branch_{number}") for number in range(12)))

    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(flows.run, definition)
        llm.heard("for Research", times=12)
        released.set()
        running.result(PATIENCE)


@pytest.mark.parametrize(("score", "text"), [(9, "good!"), (1, "bad!")])
def test_branches_that_exclude_each_other_meet_again(flows: Flows, score: int, text: str) -> None:
    definition = flow(
        step("rate", "decide", rules=[{"when": "state.score > 5", "outcome": "good"}], otherwise="bad"),
        step("praise", "set", "rate/good", value="'good'", result="text"),
        step("blame", "set", "rate/bad", value="'bad'", result="text"),
        step("shout", "set", "praise", "blame", join="any", value="state.text + '!'", result="text"),
        state=state(score="integer", text="string"),
    )

    assert flows.run(definition, score=score).raw == text
    told = flows.happened()
    assert told.count("Started shout") == 1
    assert told[-1] == ("Skipped blame" if score > 5 else "Skipped praise")


def test_a_step_can_come_after_whatever_a_decision_comes_to(flows: Flows) -> None:
    definition = flow(
        step("rate", "decide", rules=[{"when": "true", "outcome": "a"}], otherwise="b"),
        step("log", "set", "rate", value="outputs.rate.outcome", result="x"),
        state=state(x="string"),
    )

    assert flows.run(definition).raw == "a"


def test_a_loop_goes_round_until_a_rule_says_enough(flows: Flows) -> None:
    definition = flow(
        step("count", "set", "start", "enough/no", join="any", value="state.n + 1", result="n"),
        step("enough", "decide", "count", rules=[{"when": "state.n >= 4", "outcome": "yes"}], otherwise="no"),
        step("after", "set", "enough/yes", value="state.n * 10", result="n"),
        state=state(n={"type": "integer", "default": 0}),
    )

    assert flows.run(definition).raw == "40"
    assert "Started count #4" in flows.happened()


def test_a_loop_that_never_ends_fails_after_as_many_rounds_as_allowed(flows: Flows) -> None:
    definition = flow(
        step("count", "set", "start", "enough/no", join="any", value="state.n + 1", result="n", most=3),
        step("enough", "decide", "count", rules=[{"when": "false", "outcome": "yes"}], otherwise="no", ends=["yes"]),
        state=state(n={"type": "integer", "default": 0}),
    )

    assert flows.fails(definition) == (
        "It has been done 3 times, as often as it may. "
        "Allow more rounds in its settings, or change what leads back to it."
    )


def test_a_loop_of_a_hundred_rounds(flows: Flows) -> None:
    definition = flow(
        step("count", "set", "start", "enough/no", join="any", value="state.n + 1", result="n", most=100),
        step(
            "enough",
            "decide",
            "count",
            rules=[{"when": "state.n >= 100", "outcome": "yes"}],
            otherwise="no",
            most=100,
            ends=["yes"],
        ),
        state=state(n={"type": "integer", "default": 0}),
    )

    assert flows.run(definition).raw == "100"


def test_branches_inside_a_loop_meet_in_every_round(flows: Flows) -> None:
    definition = flow(
        step("round", "set", "start", "enough/no", join="any", value="state.n + 1", result="n"),
        step("left", "set", "round", value="state.l + 1", result="l"),
        step("right", "set", "round", value="state.r + 1", result="r"),
        step("enough", "decide", "left", "right", rules=[{"when": "state.n >= 3", "outcome": "yes"}], otherwise="no"),
        step("sum", "set", "enough/yes", value="state.n * 100 + state.l * 10 + state.r", result="n"),
        state=state(**{name: {"type": "integer", "default": 0} for name in "nlr"}),
    )

    assert flows.run(definition).raw == "333"


def test_a_branch_of_one_round_does_not_meet_a_branch_of_the_next(flows: Flows, llm: ScriptedModel) -> None:
    llm.when("for Check").says("Fine.").fails(400, times=1).says("Better.")
    llm.when("for Publish").says("Published.")
    definition = flow(
        step("draft", "crew", "start", "look/changes", join="any"),
        step("check", "crew", "draft", target="Check"),
        step("look", "review", "draft"),
        step("publish", "crew", "check", "look/approved", target="Publish", inputs={"said": "outputs.check.raw"}),
        parts=[crew(), crew("Check"), crew("Publish", asks="After {said}")],
    )
    flows.waits(definition)
    flows.desk.answers["step:look"] = Answer(verdict="changes", by="U0BEN")
    flows.desk.answers["step:look#2"] = Answer(verdict="approved", by="U0BEN")

    flows.fails(definition)
    assert "Finished look" in flows.happened()
    assert asked(llm, "for Publish") == []

    assert flows.run(definition).raw == "Published."
    assert [prompt for prompt in asked(llm, "for Publish") if "After Better." not in prompt] == []
    assert flows.happened() == ["Started check #2", "Finished check", "Started publish", "Finished publish"]


def test_what_was_done_before_a_loop_holds_for_each_of_its_rounds(flows: Flows) -> None:
    definition = flow(
        step("rules", "set", value="10", result="most"),
        step("count", "set", "start", "enough/no", join="any", value="state.n + 1", result="n"),
        step("sum", "set", "rules", "count", value="state.n + state.most", result="total"),
        step("enough", "decide", "sum", rules=[{"when": "state.total >= 13", "outcome": "yes"}], otherwise="no"),
        step("after", "set", "enough/yes", value="state.total * 2", result="total"),
        state=state(**{name: {"type": "integer", "default": 0} for name in ("n", "most", "total")}),
    )

    assert flows.run(definition).raw == "26"
    assert flows.happened().count("Started rules") == 1


def test_a_flow_inside_a_flow_has_a_state_of_its_own(flows: Flows) -> None:
    inner = flow(
        step("twice", "set", value="state.n * 2", result="n"), name="Double", state=state(n="integer"), parts=[]
    )
    definition = flow(
        step("sub", "flow", target="Double", inputs={"n": "state.n + 1"}),
        step("after", "set", "sub", value="outputs.sub.state.n + state.n", result="n"),
        state=state(n="integer"),
        parts=[inner],
    )

    assert flows.run(definition, n=4).raw == "14"


def test_a_crew_runs_for_each_item(flows: Flows, llm: ScriptedModel) -> None:
    for name in ("Acme", "Globex"):
        llm.when(f"On {name} ").says(f"About {name}.")
    definition = flow(
        step(
            "each",
            items="state.names",
            inputs={"name": "item", "at": "string(number)"},
            result="found",
            kind="each",
            at_once=2,
        ),
        state=state(names="array", found="array"),
        parts=[crew("Research", asks="On {name} as number {at}.")],
    )

    ran = flows.run(definition, names=["Acme", "Globex"])

    assert ran.state == {"names": ["Acme", "Globex"], "found": ["About Acme.", "About Globex."]}
    assert ran.raw == "## Acme\n\nAbout Acme.\n\n## Globex\n\nAbout Globex."
    assert {event.step for event in flows.events if isinstance(event, TaskFinished)} == {"each[0]", "each[1]"}


def test_a_list_that_is_too_long_or_none_is_refused_before_anything_is_done(flows: Flows, llm: ScriptedModel) -> None:
    definition = flow(step("each", "each", items="state.names", most_items=2), state=state(names="array"))

    assert "3 items, more than the 2 it may have" in flows.fails(definition, names=["a", "b", "c"])
    assert "is no list" in flows.fails(flow(step("each", "each", items="'abc'")))
    assert llm.requests == []


def test_a_model_chooses_among_outcomes(flows: Flows, llm: ScriptedModel) -> None:
    llm.when("Is this good? Tea {x}").says("**Good enough.**\n")
    definition = flow(
        step(
            "rate",
            "decide",
            by="model",
            question="Is this good? {text}",
            outcomes=["good", "good enough", "bad"],
            inputs={"text": "state.text"},
            ends=["good", "bad"],
        ),
        step("after", "set", "rate/good enough", value="'yes'", result="text"),
        state=state(text="string"),
    )

    assert flows.run(definition, text="Tea {x}").raw == "yes"


def test_a_model_that_chooses_nothing_fails_the_step_and_is_asked_again_on_the_next_try(
    flows: Flows, llm: ScriptedModel
) -> None:
    llm.when("Is it?").says("I cannot tell.").says("yes")
    definition = flow(step("rate", "decide", by="model", question="Is it?", outcomes=["yes", "no"]))

    assert flows.fails(definition) == "The model chose none of yes, no, but said: I cannot tell."
    assert flows.run(definition).raw


def test_connected_tasks_get_each_others_results_across_crews(flows: Flows, llm: ScriptedModel) -> None:
    llm.when("Find for Research").says("RESULT-FIND")
    llm.when("Rate for Research").says("RESULT-RATE")
    definition = flow(
        step("research"),
        step(
            "write",
            "crew",
            "research",
            target="Report",
            links=[LinkPlan(task="Write", step="research", depends_on="Find")],
        ),
        parts=[crew("Research", "Find", "Rate"), crew("Report", "Plan", "Write")],
    )

    flows.run(definition)

    assert "RESULT-FIND" in llm.heard("Write for Report").prompt
    assert "RESULT-RATE" not in llm.heard("Write for Report").prompt
    assert "RESULT-FIND" not in llm.heard("Plan for Report").prompt


def test_forty_steps(flows: Flows) -> None:
    def after(number: int) -> list[str]:
        return [] if number < 4 else [f"s{number - 4}"]

    definition = flow(
        *(
            step(f"s{number}", "set", *after(number), value=f"{number}", result=f"f{number % 4}")
            for number in range(36)
        ),
        step("join", "set", "s32", "s33", "s34", "s35", value="state.f0 + state.f1 + state.f2 + state.f3", result="f0"),
        *(
            step(f"t{number}", "set", f"t{number - 1}" if number else "join", value="state.f0 + 1", result="f0")
            for number in range(3)
        ),
        state=state(**{f"f{number}": "integer" for number in range(4)}),
    )

    assert len(definition.steps) == 40
    assert flows.run(definition).raw == str(32 + 33 + 34 + 35 + 3)


def test_the_last_steps_of_several_branches_are_all_in_the_result(flows: Flows, llm: ScriptedModel) -> None:
    answers(llm, Left="L", Right="R")
    definition = flow(
        step("left", target="Left"),
        step("right", target="Right"),
        step("pause", "wait", "right", seconds=1),
        parts=[crew("Left"), crew("Right")],
    )
    flows.waits(definition)
    flows.now += timedelta(seconds=2)

    assert flows.run(definition).raw == "## Left\n\nL\n\n## Right\n\nR"


# --- Nothing that people type is code ---------------------------------------------------------------------------------


def test_nothing_that_people_type_is_in_what_crewai_is_given() -> None:
    typed = "os:system; {{evil}} ${state.x}"
    definition = flow(
        step("begin", "decide", name=typed, rules=[{"when": typed, "outcome": typed}], otherwise="step_1"),
        step("step_1", "set", f"begin/{typed}", value=typed, result=typed),
        step("led_0", "crew", "begin/step_1", "step_1", join="any", target=typed, inputs={typed: typed}),
        name=typed,
        description=typed,
        state=state(x={"type": "string", "description": typed}),
    )

    said = str(declaration(definition))

    assert "evil" not in said
    assert set(re.findall(r"'ref': '([^']+)'", said)) == {
        "bot.engine.flow:begin",
        "bot.engine.flow:do_step",
        "bot.engine.flow:leads_to",
    }


def test_names_that_crewai_would_take_for_each_other_do_no_harm(flows: Flows) -> None:
    definition = flow(
        step("yes", "decide", rules=[{"when": "true", "outcome": "no"}], otherwise="yes", ends=["yes"]),
        step("no", "set", "yes/no", value="'done'", result="x"),
        state=state(x="string"),
    )

    assert flows.run(definition).raw == "done"


# --- Failing, waiting, going on ---------------------------------------------------------------------------------------


def test_when_one_branch_fails_the_other_goes_on_and_is_not_done_again(flows: Flows, llm: ScriptedModel) -> None:
    answers(llm, Right="R", After="A", Both="B")
    llm.when("for Left").fails(400, error="no such thing", times=1).says("L")
    definition = flow(
        step("left", target="Left"),
        step("right", target="Right"),
        step("after", "crew", "right", target="After"),
        step("both", "crew", "left", "after", target="Both"),
        parts=[crew(name) for name in ("Left", "Right", "After", "Both")],
    )

    flows.fails(definition)
    told = flows.happened()
    assert "Failed left" in told
    assert "Finished after" in told
    assert "Started both" not in told

    assert flows.run(definition).raw == "B"
    assert flows.happened() == ["Started left", "Finished left", "Started both", "Finished both"]
    assert [len(asked(llm, f"for {name}")) for name in ("Right", "After")] == [1, 1]


def test_a_crew_goes_on_at_the_task_that_failed(flows: Flows, llm: ScriptedModel) -> None:
    llm.when("Find for Research").says("Found.")
    llm.when("Rate for Research").fails(400, times=1).says("Rated.")
    definition = flow(step("research"), parts=[crew("Research", "Find", "Rate")])

    flows.fails(definition)
    assert flows.run(definition).raw == "Rated."

    assert len(asked(llm, "Find for Research")) == 1
    assert [key for key in flows.memory.recall() if key.startswith("step:research")] == [
        "step:research/task:Find",
        "step:research/task:Rate",
        "step:research",
    ]


def test_a_review_in_one_of_two_branches_waits_while_the_other_goes_on(flows: Flows, llm: ScriptedModel) -> None:
    answers(llm, Left="L", Right="R", Both="B")
    definition = flow(
        step("left", target="Left"),
        step("look", "review", "left", shows="outputs.left.raw", prompt="Is it right?"),
        step("right", target="Right"),
        step("both", "crew", "look/approved", "right", target="Both", inputs={"text": "outputs.look.raw"}),
        parts=[crew("Left"), crew("Right"), crew("Both", asks="From {text}.")],
    )

    waiting = flows.waits(definition)
    assert (waiting.key, waiting.task, waiting.until) == ("step:look", "Look", None)
    question = flows.desk.asked["step:look"]
    assert (question.task, question.produced, question.prompt) == ("Look", "L", "Is it right?")
    assert "Finished right" in flows.happened()

    flows.desk.answers["step:look"] = Answer(verdict="edited", text="L, but better", by="U0BEN")
    assert flows.run(definition).raw == "B"

    assert "From L, but better." in llm.heard("for Both").prompt
    assert flows.happened() == ["Started look", "Finished look", "Started both", "Finished both"]
    assert [len(asked(llm, f"for {name}")) for name in ("Left", "Right")] == [1, 1]


def test_changes_lead_back_and_are_asked_about_anew(flows: Flows, llm: ScriptedModel) -> None:
    llm.when("for Research").says("First try.").says("Second try.")
    definition = flow(
        step(
            "draft",
            "crew",
            "start",
            "look/changes",
            join="any",
            inputs={"wish": "has(outputs.look) ? outputs.look.comment : 'none'"},
        ),
        step("look", "review", "draft", shows="outputs.draft.raw", ends=["approved", "rejected"]),
        parts=[crew("Research", asks="Wish: {wish}.")],
    )
    flows.waits(definition)
    flows.desk.answers["step:look"] = Answer(verdict="changes", text="Shorter", by="U0BEN")

    assert flows.waits(definition).key == "step:look#2"
    assert flows.desk.asked["step:look#2"].produced == "Second try."
    assert "Wish: Shorter." in llm.requests[-1].prompt

    flows.desk.answers["step:look#2"] = Answer(verdict="approved", by="U0BEN")
    assert flows.run(definition).raw == "Second try."


def test_a_rejected_review_ends_its_branch(flows: Flows) -> None:
    definition = flow(
        step("look", "review"), step("after", "set", "look/approved", value="1", result="n"), state=state(n="integer")
    )
    flows.waits(definition)
    flows.desk.answers["step:look"] = Answer(verdict="rejected", by="U0BEN")
    flows.happened()

    assert flows.run(definition).raw == "The flow is done."
    assert flows.happened()[-1] == "Skipped after"


def test_waiting_holds_nothing_and_ends_when_the_time_has_come(flows: Flows) -> None:
    definition = flow(
        step("pause", "wait", seconds=3600),
        step("after", "set", "pause", value="1", result="n"),
        state=state(n="integer"),
    )

    assert flows.waits(definition).until == NOON + timedelta(hours=1)
    flows.now += timedelta(minutes=59)
    assert flows.waits(definition).until == NOON + timedelta(hours=1)
    flows.now += timedelta(minutes=1)
    assert flows.run(definition).raw == "1"


def test_waiting_until_a_time_that_is_past_goes_on_at_once(flows: Flows) -> None:
    definition = flow(step("pause", "wait", until="state.day"), state=state(day="string"))

    assert flows.run(definition, day="2029-12-31T00:00:00Z").raw == "The flow is done."
    assert "“tomorrow” is no time" in Flows(flows.models).fails(definition, day="tomorrow")


def test_of_two_waits_the_run_goes_on_at_the_first(flows: Flows) -> None:
    waiting = flows.waits(
        flow(step("long", "wait", seconds=500), step("short", "wait", seconds=5), step("look", "review"))
    )

    assert waiting.task == "Look"
    assert waiting.until == NOON + timedelta(seconds=5)


def test_a_flow_inside_waits_and_goes_on(flows: Flows) -> None:
    inner = flow(step("look", "review"), name="Inner", parts=[])
    definition = flow(step("sub", "flow", target="Inner"), parts=[inner])

    assert flows.waits(definition).key == "step:sub/step:look"
    flows.desk.answers["step:sub/step:look"] = Answer(verdict="approved", by="U0BEN")
    flows.run(definition)


@pytest.mark.parametrize("keeps", range(1, 9))
def test_wherever_a_process_dies_nothing_finished_is_done_again(models: Models, llm: ScriptedModel, keeps: int) -> None:
    """The memory takes ``keeps`` things and then the process is gone; another one goes on with what was kept."""

    class Dying(Forgetful):
        left = keeps

        def keep(self, key: str, output: dict[str, Any]) -> None:
            if self.left == 0:
                raise TakenOver
            self.left -= 1
            super().keep(key, output)

    llm.when("for Left").says("L")
    llm.when("for Right").says("R")
    definition = flow(
        step("count", "set", "start", "again/yes", join="any", value="state.n + 1", result="n"),
        step("again", "decide", "count", rules=[{"when": "state.n < 2", "outcome": "yes"}], otherwise="no"),
        step("left", "crew", "again/no", target="Left"),
        step("right", "crew", "again/no", target="Right"),
        step(
            "both", "set", "left", "right", value="outputs.left.raw + outputs.right.raw + string(state.n)", result="x"
        ),
        state=state(n={"type": "integer", "default": 0}, x="string"),
        parts=[crew("Left"), crew("Right")],
    )
    died = Flows(models)
    died.memory = Dying()
    with pytest.raises(TakenOver):
        died.run(definition)
    kept = died.memory.recall()

    after = Flows(models)
    after.memory = Forgetful(kept)

    assert after.run(definition).raw == "LR2"
    begun = {event.split()[1] for event in after.happened() if event.startswith("Started")}
    finished = {key.removeprefix("step:").partition("#")[0] for key in kept if "/" not in key}
    assert begun & finished <= {"count", "again"}


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_steps_are_done_once_each_after_what_they_come_after_wherever_that_is_interrupted(
    data: st.DataObject,
) -> None:
    size = data.draw(st.integers(1, 8))
    before = [data.draw(st.sets(st.integers(0, max(at - 1, 0)), max_size=min(at, 3))) for at in range(size)]
    definition = flow(
        *(
            step(f"s{at}", "set", *(f"s{other}" for other in sorted(before[at])), value="true", result="x")
            for at in range(size)
        ),
        state=state(x="boolean"),
    )
    memory: dict[str, Output] = {}
    done: list[str] = []
    for keeps in data.draw(st.lists(st.integers(0, 4), max_size=4)):
        done += interrupted(definition, memory, keeps)
    done += interrupted(definition, memory, size)

    assert sorted(done) == sorted(f"s{at}" for at in range(size))
    for at in range(size):
        assert all(done.index(f"s{other}") < done.index(f"s{at}") for other in before[at])


def interrupted(definition: Definition, memory: dict[str, Output], keeps: int) -> list[str]:
    """Run until so many things are kept; what was kept is also in ``memory`` afterwards. The steps that were done."""
    finished: list[str] = []

    class Counting(Forgetful):
        def keep(self, key: str, output: Output) -> None:
            if len(finished) >= keeps:
                raise TakenOver
            finished.append(output["step"])
            memory[key] = output
            super().keep(key, output)

    with suppress(TakenOver):
        run_flow(definition, {}, Around(1, no_crew, [].append, Counting(memory), Desk(), threading.Event()))
    return finished


def no_crew(*_: object) -> str:
    raise AssertionError("There is no crew here.")


def test_a_limit_that_a_crew_reaches_ends_the_whole_flow() -> None:
    events: list[RunEvent] = []

    def reaches(*_: object) -> str:
        raise LimitReached(Ceiling("run_tokens", Scope.CREW, 100), 120)

    definition = flow(step("first"), step("second", "crew", "first"))
    around = Around(1, reaches, events.append, Forgetful(), Desk(), threading.Event())

    with pytest.raises(LimitReached):
        run_flow(definition, {}, around)
    assert [type(event).__name__ for event in events] == ["StepStarted"]


def test_a_stopped_flow_begins_nothing_more(flows: Flows, llm: ScriptedModel) -> None:
    begun, released = threading.Event(), threading.Event()
    llm.when("for Research").says("Done.", after=released)
    definition = flow(step("first"), step("second", "crew", "first"))

    with ThreadPoolExecutor(1) as thread:
        running = thread.submit(flows.run, definition)
        llm.heard("for Research")
        flows.stop.set()
        begun.set()
        with pytest.raises(Stopped):
            running.result(PATIENCE)
    released.set()
    assert "Started second" not in flows.happened()


def test_a_run_that_is_anothers_ends_at_once(flows: Flows) -> None:
    class Lost(Forgetful):
        def keep(self, key: str, output: dict[str, Any]) -> None:
            raise TakenOver

    flows.memory = Lost()

    with pytest.raises(TakenOver):
        flows.run(
            flow(
                step("a", "set", value="1", result="n"),
                step("b", "set", "a", value="2", result="n"),
                state=state(n="integer"),
            )
        )
    assert flows.happened() == ["Started a"]


@pytest.mark.parametrize(
    ("told", "why"),
    [
        ({"value": "state.nothing"}, "The value cannot be had: there is no “nothing” to look at. Change it."),
        ({"value": "1 / state.n"}, "The value cannot be had: it cannot be worked out. Change it."),
        ({"value": "'many'"}, "Its result does not fit “n” of the state. It must be a whole number."),
        ({"value": "1", "result": "m"}, "The state has no “m” for its result. Choose another field."),
    ],
)
def test_a_step_that_cannot_be_done_says_why(flows: Flows, told: dict[str, Any], why: str) -> None:
    definition = flow(step("a", "set", **{"result": "n", **told}), state=state(n={"type": "integer", "default": 0}))

    assert flows.fails(definition) == why


def test_what_was_deleted_is_missed_in_words(flows: Flows) -> None:
    definition = flow(step("a", target="Nobody"), step("b", "set", value="1", result="n"), state=state(n="integer"))

    assert flows.fails(definition) == "What it runs has been deleted. Choose a crew or flow for it."
    assert "Finished b" in flows.happened()


def test_several_failures_are_all_told(flows: Flows) -> None:
    said = flows.fails(flow(step("a", target="Nobody"), step("b", "set", value="oops", result="n")))

    assert "“A”: What it runs has been deleted." in said
    assert "“B”: The value cannot be had" in said


def test_a_failed_flow_names_the_step_to_whoever_runs_it(models: Models) -> None:
    with pytest.raises(EngineFailure) as failure:
        execute(
            flow(step("a", target="Nobody", name="First step")),
            {},
            run_id=1,
            models=models,
            emit=[].append,
            stop=threading.Event(),
        )

    assert failure.value.task == "First step"


def test_a_failure_in_a_flow_inside_names_everything_on_the_way(models: Models, llm: ScriptedModel) -> None:
    llm.when("Rate for Research").fails(400)
    inner = flow(step("look_up", name="Look it up"), name="Inner", parts=[])
    definition = flow(step("sub", "flow", target="Inner"), parts=[inner, crew("Research", "Find", "Rate")])

    with pytest.raises(EngineFailure) as failure:
        execute(definition, {}, run_id=1, models=models, emit=[].append, stop=threading.Event())

    assert failure.value.task == "Sub"
    assert failure.value.fault == Fault(within=("Look it up", "Rate"), agent="Ada")


def test_a_model_that_decides_is_named_by_its_step_alone(models: Models, llm: ScriptedModel) -> None:
    llm.when("Is it?").fails(400)
    definition = flow(step("rate", "decide", by="model", question="Is it?", outcomes=["yes", "no"]))

    with pytest.raises(EngineFailure) as failure:
        execute(definition, {}, run_id=1, models=models, emit=[].append, stop=threading.Event())

    assert (failure.value.task, failure.value.fault) == ("Rate", Fault())


def test_the_state_is_told_after_each_change(flows: Flows) -> None:
    flows.run(
        flow(
            step("a", "set", value="1", result="n"),
            step("b", "set", "a", value="state.n + 1", result="n"),
            state=state(n="integer"),
        )
    )

    assert [event.state for event in flows.events if isinstance(event, StateChanged)] == [{"n": 1}, {"n": 2}]


@pytest.fixture(autouse=True)
def no_thread_is_left() -> Iterator[None]:
    before = {thread.name for thread in threading.enumerate()}
    yield
    left = [
        each for each in threading.enumerate() if each.name.startswith(("step", "item")) and each.name not in before
    ]
    assert left == []
