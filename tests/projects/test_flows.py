"""Flows: in Python as far as their decorators tell, as declarations, and written so that CrewAI alone runs them."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.projects.flow_form import as_flow
from bot.projects.reader import read
from bot.projects.source import from_zip
from bot.projects.writing import packed, unpacked
from store.definitions import Definition, StepPlan
from store.steps import START, AfterPlan
from tests.projects.conftest import Files, bundle_of
from tests.projects.test_running_alone import CREW, runs
from tests.support.scripted_model import ScriptedModel

MAIN = '''
from pydantic import BaseModel
from crewai.flow.flow import Flow, and_, listen, or_, router, start
from market_news.crew import MarketNews
from .secrets import load

class PostState(BaseModel):
    topic: str = "AI"
    post: str = ""
    tries: int = 0
    found: Odd = None

class PostFlow(Flow[PostState]):
    """Writes posts."""

    @start("again")
    def write(self):
        result = MarketNews().crew().kickoff(inputs={"topic": self.state.topic, "current_year": 2026, "x": load()})
        self.state.post = result.raw

    @listen(write)
    def count(self):
        print("counting")
        self.state.tries = 1

    @router(and_(write, count))
    def judge(self):
        if self.state.tries > 3:
            return "enough"
        return "again"

    @listen(or_("enough", "stopped"))
    def publish(self):
        with open("post.md", "w") as file:
            file.write(self.state.post)
'''


@pytest.fixture
def project(classic: Files) -> Files:
    classic["src/market_news/main.py"] = MAIN
    return classic


def test_a_flow_in_python_is_a_skeleton_with_people_in_the_place_of_code(project: Files) -> None:
    crew, found = bundle_of(project).found
    flow = found.definition

    assert (crew.definition.name, flow.name, flow.description) == ("Market News", "Post Flow", "Writes posts.")
    assert flow.state is not None
    assert flow.state["properties"]["topic"] == {"type": "string", "default": "AI"}
    write, count, judge, publish = flow.steps
    assert (write.kind, write.target, write.result) == ("crew", "Market News", "post")
    assert write.inputs == {"topic": "state.topic", "current_year": "2026", "x": '""'}
    assert (write.after, write.join) == ([AfterPlan(step=START), AfterPlan(step="judge", outcome="again")], "any")
    assert (count.kind, count.result, count.settings) == ("set", "tries", {"value": "1"})
    assert ([each.step for each in judge.after], judge.join) == (["write", "count"], "all")
    assert judge.settings["rules"] == [{"when": "state.tries > 3", "outcome": "enough"}]
    assert judge.settings["otherwise"] == "again"
    assert publish.kind == "review"
    assert "file.write" in publish.settings["prompt"]
    assert publish.after == [AfterPlan(step="judge", outcome="enough")]
    assert [(need.kind, need.name) for need in found.needs] == [("step", "Publish")]
    assert {lost.what for lost in found.left_out} >= {"input x", "state field found"}
    assert "waits for “stopped”, which nothing says" in found.troubles[0].sentence


def test_human_feedback_in_code_is_a_review(project: Files) -> None:
    code = """
from crewai.flow.flow import Flow, listen, start
from crewai.flow.human_feedback import human_feedback
from market_news.crew import MarketNews

class CheckedFlow(Flow):
    @start()
    @human_feedback(message="Good enough?", emit=["approved", "again"])
    def write(self):
        return MarketNews().crew().kickoff(inputs={"topic": self.state["topic"]})

    @listen("approved")
    def publish(self):
        self.state["done"] = True
"""
    project["src/market_news/main.py"] = code
    flow = bundle_of(project).found[1].definition
    write, review, publish = flow.steps

    assert (write.kind, write.inputs) == ("crew", {"topic": "state.topic"})
    assert (review.kind, review.settings["prompt"], review.after) == (
        "review",
        "Good enough?",
        [AfterPlan(step="write")],
    )
    assert publish.after == [AfterPlan(step="write_review", outcome="approved")]


DECLARED = """
schema: crewai.flow/v1
name: Demo
state: {type: dict, default: {topic: bees, n: 3}}
methods:
  seed: {start: true, do: {call: expression, expr: state.topic}}
  write:
    listen: seed
    do:
      call: crew
      with:
        name: Writers
        agents: {w: {role: Writer, goal: Write, backstory: Writes.}}
        tasks: [{name: t, description: "Write about {topic}", expected_output: Text, agent: w}]
      inputs: {topic: "All about ${outputs.seed}"}
  ask: {listen: seed, do: {call: agent, with: {role: Sage, goal: Know, backstory: Old., input: "Why ${state.topic}?"}}}
  join: {listen: {and: [write, ask]}, do: {call: code, ref: "app:join"}}
  route: {listen: join, router: true, emit: [big, small], do: {call: expression, expr: "state.n > 2 ? 'big' : 'small'"}}
  end: {listen: {or: [big, small]}, do: {call: expression, expr: outputs.write.raw}, human_feedback: {message: Good?}}
"""


def test_a_declared_flow_comes_with_the_crews_inside_it() -> None:
    *crews, found = bundle_of({"flow.yaml": DECLARED}).found
    steps = {step.key: step for step in found.definition.steps}

    assert [crew.definition.name for crew in crews] == ["Writers", "Demo Ask"]
    assert crews[1].definition.tasks[0].description == "Why {state_topic}?"
    assert steps["write"].inputs == {"topic": '"All about " + string(outputs.seed.value)'}
    assert steps["ask"].inputs == {"state_topic": "state.topic"}
    assert ([each.step for each in steps["join"].after], steps["join"].join) == (["write", "ask"], "all")
    assert steps["join"].kind == "review"
    assert steps["route"].settings["rules"] == [{"when": "state.n > 2", "outcome": "big"}]
    assert [(each.step, each.outcome) for each in steps["end"].after] == [("route", "big"), ("route", "small")]
    assert (steps["end_review"].kind, steps["end_review"].settings["prompt"]) == ("review", "Good?")


FLOW = Definition(
    name="Post about it",
    is_flow=True,
    state={
        "type": "object",
        "properties": {"topic": {"type": "string", "default": "bees"}, "text": {"type": "string", "default": ""}},
        "propertyOrder": ["topic", "text"],
    },
    steps=[
        StepPlan(
            key="work",
            name="Work",
            kind="crew",
            target="Market research",
            inputs={"topic": "inputs.topic"},
            result="text",
        ),
        StepPlan(
            key="size",
            name="How long?",
            kind="decide",
            after=[AfterPlan(step="work")],
            settings={"by": "rules", "rules": [{"when": "size(state.text) > 5", "outcome": "long"}], "otherwise": "ok"},
        ),
        StepPlan(
            key="note",
            name="Note",
            kind="set",
            result="topic",
            after=[AfterPlan(step="size", outcome="long")],
            settings={"value": '"long: " + state.text'},
        ),
        StepPlan(key="rest", name="Rest", kind="wait", after=[AfterPlan(step="note")], settings={"seconds": 5}),
    ],
    parts={"Market research": CREW},
)


def test_a_flow_comes_back_equal_with_its_crews() -> None:
    crew, flow = read(from_zip(packed(as_flow(FLOW)))).found

    assert crew.definition == CREW
    assert flow.definition == FLOW.model_copy(update={"parts": {}})


def test_what_only_crewcall_does_in_a_flow_is_said() -> None:
    assert any("“Rest” does nothing" in sentence for sentence in as_flow(FLOW).lost)


def test_a_flow_runs_alone(llm: ScriptedModel, tmp_path: Path) -> None:
    llm.when("Find bees facts").says("Bees dance.")
    llm.when("Score everything").says('{"score": 7}')
    folder = unpacked(as_flow(FLOW), tmp_path / "project")
    load = "from crewai.flow.flow import Flow; f = Flow.from_declaration(path='src/post_about_it/flow.yaml'); "

    said = runs(f"{load}print('RESULT', f.kickoff(), f.method_outputs)", folder, llm)

    assert "long: " in said.partition("RESULT")[2]
