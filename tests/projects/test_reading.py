"""Reading projects as people really write them: nothing is run, and whatever is lost is said."""

from __future__ import annotations

import json

import pytest
import yaml

from bot.projects.bundle import ProjectRefused
from store.crews import Process
from tests.projects.conftest import AGENTS, CREW, TASKS, Files, bundle_of, only_crew


def test_a_classic_project_comes_with_agents_tasks_order_context_and_settings(classic: Files) -> None:
    found = only_crew(classic)
    crew = found.definition

    assert (crew.name, crew.process) == ("Market News", Process.SEQUENTIAL)
    assert [agent.name for agent in crew.agents] == ["researcher", "writer"]
    assert crew.agents[0].role == "{topic} Senior Researcher"
    assert crew.agents[0].backstory == "You find what matters.\n"
    assert crew.agents[0].settings.verbose
    assert (crew.agents[1].allow_delegation, crew.agents[1].settings.max_iter) == (True, 7)
    assert [(task.name, task.agent, task.context) for task in crew.tasks] == [
        ("research", "researcher", []),
        ("report", "writer", ["research"]),
    ]
    assert crew.tasks[0].description == "Research {topic} thoroughly. The year is {current_year}.\n"
    assert crew.tasks[1].settings.output_file == "report.md"
    assert [tool.tool_type for tool in crew.tools] == ["SerperDevTool"]
    assert crew.agents[0].tools == [crew.tools[0].name]
    assert found.examples == {"topic": "AI", "current_year": "2026"}
    assert {need.name for need in found.needs} == {"SERPER_API_KEY"}
    assert found.left_out == found.troubles == found.undecided == []


def test_the_order_of_tasks_is_that_of_crew_py(classic: Files) -> None:
    lines = TASKS.strip().split("report:")
    classic["src/market_news/config/tasks.yaml"] = f"report:{lines[1]}\n{lines[0]}"

    assert [task.name for task in only_crew(classic).definition.tasks] == ["research", "report"]


def test_yaml_without_code_is_a_crew_whose_tasks_are_given_everything_before() -> None:
    found = only_crew({"config/agents.yaml": AGENTS, "config/tasks.yaml": TASKS})

    assert [task.agent for task in found.definition.tasks] == ["researcher", "writer"]
    assert [task.settings.uses_all for task in found.definition.tasks] == [False, True]


def test_settings_beside_tasks_are_no_tasks() -> None:
    tasks = f"version: 2\ndefaults: {{retries: 3}}\n{TASKS}"

    found = only_crew({"agents.yaml": AGENTS, "tasks.yaml": tasks})

    assert [task.name for task in found.definition.tasks] == ["research", "report"]


def test_a_task_without_an_agent_has_to_be_decided() -> None:
    found = only_crew({"agents.yaml": AGENTS, "tasks.yaml": TASKS.replace("  agent: writer\n", "")})

    assert [task.agent for task in found.definition.tasks] == ["researcher", None]
    [question] = found.undecided
    assert (question.task, question.agents) == ("report", ["researcher", "writer"])


def test_an_agent_that_is_not_there_is_said_and_has_to_be_decided() -> None:
    found = only_crew({"agents.yaml": AGENTS, "tasks.yaml": TASKS.replace("agent: writer", "agent: editor")})

    assert [question.task for question in found.undecided] == ["report"]
    assert "“editor”, who is not in the crew" in found.troubles[0].sentence


def test_crews_beside_each_other_are_told_apart_by_the_beginnings_of_their_files() -> None:
    files = {
        "config/research_agents.yaml": AGENTS,
        "config/research_tasks.yaml": TASKS,
        "config/blog_agents.yaml": AGENTS,
        "config/blog_tasks.yaml": TASKS,
    }

    assert sorted(found.definition.name for found in bundle_of(files).found) == ["Blog", "Research"]


def test_variants_beside_each_other_get_names_of_their_own(classic: Files) -> None:
    both = {f"{variant}/{path}": text for variant in ("first", "second") for path, text in classic.items()}

    names = [found.definition.name for found in bundle_of(both).found]

    assert len(set(names)) == 2
    assert all(name.startswith("Market News (") for name in names)


def test_several_classes_in_one_file_are_several_crews(classic: Files) -> None:
    second = CREW.partition("@CrewBase")[2].replace("MarketNews", "SportNews")
    classic["src/market_news/crew.py"] += f"\n\n@CrewBase{second}"

    assert [found.definition.name for found in bundle_of(classic).found] == ["Market News", "Sport News"]


def test_a_hierarchical_crew_comes_with_its_manager() -> None:
    code = """
from crewai import Agent, Crew, Process, Task
boss = Agent(role="Boss", goal="Lead", backstory="Leads.", llm="gpt-4o")
worker = Agent(role="Worker", goal="Work", backstory="Works.")
job = Task(description="Do it", expected_output="Done")
team = Crew(agents=[worker], tasks=[job], process=Process.hierarchical, manager_agent=boss, planning=True)
"""
    crew = only_crew({"team.py": code}).definition

    assert (crew.name, crew.process, crew.manager) == ("Team", Process.HIERARCHICAL, "boss")
    assert [agent.name for agent in crew.agents] == ["worker", "boss"]
    assert crew.agents[1].llm == "openai/gpt-4o"
    assert crew.tasks[0].agent is None
    assert crew.settings.planning


def test_agents_and_tasks_in_classes_of_old_are_read_with_what_only_a_run_knows_as_inputs() -> None:
    files = {
        "trip_agents.py": '''
from crewai import Agent
from textwrap import dedent

class TripAgents:
    def local_expert(self):
        return Agent(role="Local Expert", goal="Know the city", backstory=dedent("""\\
            A guide with
              many stories"""), verbose=True)
''',
        "trip_tasks.py": """
from crewai import Task

class TripTasks:
    def gather(self, agent, city):
        return Task(description=f"Gather {city} facts. {self.__tip()}", agent=agent, expected_output="A guide")

    def plan(self, agent, context):
        return Task(description="Plan it as {{day: text}}", agent=agent, context=context, expected_output="A plan",
                    async_execution=False)

    def __tip(self):
        return "I'll tip you!"
""",
        "main.py": """
from crewai import Crew
from trip_agents import TripAgents
from trip_tasks import TripTasks

class TripCrew:
    def __init__(self, town):
        self.city = town

    def run(self):
        expert = TripAgents().local_expert()
        tasks = TripTasks()
        first = tasks.gather(expert, self.city)
        second = tasks.plan(expert, [first])
        crew = Crew(agents=[expert], tasks=[first, second], verbose=True)
        return crew.kickoff()

if __name__ == "__main__":
    town = input("Where to? ")
    print(TripCrew(town).run())
""",
    }
    crew = only_crew(files).definition

    assert crew.name == "Trip Crew"
    assert [agent.name for agent in crew.agents] == ["local_expert"]
    assert crew.agents[0].backstory == "A guide with\n  many stories"
    assert crew.tasks[0].description == "Gather {city} facts. I'll tip you!"
    assert crew.tasks[1].description == "Plan it as {{day: text}}"
    assert [(task.name, task.agent, task.context) for task in crew.tasks] == [
        ("gather", "local_expert", []),
        ("plan", "local_expert", ["gather"]),
    ]


def test_configuration_that_code_loads_by_hand_is_found() -> None:
    code = """
import yaml
from pathlib import Path
from crewai import Agent, Crew, Task

files = {"agents": "config/agents.yaml", "tasks": "config/tasks.yaml"}
configs = {}
for kind, path in files.items():
    with open(Path.cwd() / path) as file:
        configs[kind] = yaml.safe_load(file)

researcher = Agent(config=configs["agents"]["researcher"])
tasks = [Task(config=configs["tasks"][name], agent=researcher) for name in ("research", "report")]
news = Crew(agents=[researcher], tasks=tasks)
"""
    bundle = bundle_of({"run.py": code, "config/agents.yaml": AGENTS, "config/tasks.yaml": TASKS})

    [found] = bundle.found
    assert [(task.name, task.agent) for task in found.definition.tasks] == [
        ("research", "researcher"),
        ("report", "researcher"),
    ]
    assert [(lost.what, lost.why) for lost in bundle.left_out] == [("writer", "No crew of the project uses it.")]


def test_texts_survive_letter_by_letter() -> None:
    long = "Ünïcode 漢字 🚀 " * 3_000
    literal = 'Answer as {"name": "{topic}", "n": [1]} or {{raw}} and {topic}.\n\n  - keep  two  spaces\n'
    agents = {"a": {"role": "R", "goal": "G\nwith two lines", "backstory": long}}
    tasks = {"t": {"description": literal, "expected_output": "{}", "agent": "a"}}
    crew = only_crew(
        {"agents.yaml": yaml.safe_dump(agents), "tasks.yaml": yaml.safe_dump(tasks, allow_unicode=True)}
    ).definition

    assert crew.agents[0].backstory == long
    assert crew.agents[0].goals == ["G\nwith two lines"]
    assert crew.tasks[0].description == literal


def test_what_cannot_be_carried_over_is_said_with_the_reason(classic: Files) -> None:
    classic["src/market_news/crew.py"] = CREW.replace(
        "tools=[SerperDevTool()]", "tools=[OwnTool()], max_rpm=10, fancy=1"
    ).replace('output_file="report.md"', "guardrail=check, callback=print, output_file='out/report.md'")
    lost = {(each.where, each.what): each.why for each in only_crew(classic).left_out}

    assert "Python code of the project" in lost["the agent “researcher”", "tool OwnTool"]
    assert "leaks timers" in lost["the agent “researcher”", "max_rpm"]
    assert "no such setting" in lost["the agent “researcher”", "fancy"]
    assert "Python function" in lost["the task “report”", "guardrail check"]
    assert "callback" in {what for _, what in lost}
    assert "posted as report.md" in lost["the task “report”", "output_file out/report.md"]


def test_models_get_their_providers_and_settings() -> None:
    code = """
from crewai import Agent, Crew, Task, LLM
from langchain_anthropic import ChatAnthropic
import os
one = Agent(role="One", goal="g", backstory="b", llm=LLM(model="gemini/gemini-2.0-flash", temperature=0.2))
two = Agent(role="Two", goal="g", backstory="b", llm=ChatAnthropic(model="claude-3-opus", max_tokens=9, api_key="sk-x"))
three = Agent(role="Three", goal="g", backstory="b", llm=os.getenv("MODEL"))
four = Agent(role="Four", goal="g", backstory="b", llm=os.getenv("MODEL", "gpt-4o-mini"))
job = Task(description="d", expected_output="e", agent=one)
team = Crew(agents=[one, two, three, four], tasks=[job])
"""
    found = only_crew({"team.py": code})
    one, two, three, four = found.definition.agents

    assert (one.llm, one.settings.temperature) == ("gemini/gemini-2.0-flash", 0.2)
    assert (two.llm, two.settings.max_tokens) == ("anthropic/claude-3-opus", 9)
    assert (three.llm, four.llm) == ("", "openai/gpt-4o-mini")
    assert "from MODEL" in next(lost.why for lost in found.left_out if lost.where == "the agent “three”")
    assert {"GEMINI_API_KEY", "ANTHROPIC_API_KEY", "OPENAI_API_KEY"} <= {need.name for need in found.needs}
    assert "sk-x" not in repr(found)


def test_classes_of_results_become_schemas() -> None:
    code = """
from typing import List, Optional
from pydantic import BaseModel, Field
from crewai import Agent, Crew, Task

class Point(BaseModel):
    text: str = Field(..., description="What it says")
    weight: Optional[int] = None

class Report(BaseModel):
    title: str
    points: List[Point]

a = Agent(role="r", goal="g", backstory="b")
job = Task(description="d", expected_output="e", agent=a, output_pydantic=Report)
other = Task(description="d2", expected_output="e", agent=a, output_json=Unknown)
team = Crew(agents=[a], tasks=[job, other])
"""
    found = only_crew({"team.py": code})
    schema = json.loads(found.definition.tasks[0].settings.output_schema)

    assert schema["required"] == ["title", "points"]
    assert schema["properties"]["points"]["items"]["properties"]["text"] == {
        "type": "string",
        "description": "What it says",
    }
    assert [(lost.what, lost.why) for lost in found.left_out] == [
        ("output_json", "Its class is not in the project’s files.")
    ]


def test_a_crew_in_jsonc_is_read_with_comments_and_trailing_commas() -> None:
    files = {
        "crew.jsonc": """{
  // The crew
  "name": "Brief writers",
  "agents": ["researcher"],
  "tasks": [
    {"name": "find", "description": "Find {topic} at https://example.com // now", "expected_output": "Facts",
     "agent": "researcher",},
    {"name": "sum up", "description": "Sum up", "expected_output": "A page", "agent": "researcher",
     "context": ["find"], "markdown": true, /* nice */ },
  ],
  "process": "sequential",
  "inputs": {"topic": "AI"},
}""",
        "agents/researcher.jsonc": """{
  "role": "Researcher", "goal": "Find", "backstory": "Reads.",
  "llm": "openai/gpt-4o",
  "tools": ["SerperDevTool", "custom:mine"],
  "settings": {"max_iter": 5, /* slow */ "allow_delegation": true},
}""",
    }
    found = only_crew(files)
    crew = found.definition

    assert crew.name == "Brief writers"
    assert (crew.agents[0].llm, crew.agents[0].settings.max_iter) == ("openai/gpt-4o", 5)
    assert crew.agents[0].allow_delegation
    assert crew.tasks[0].description == "Find {topic} at https://example.com // now"
    assert crew.tasks[1].context == ["find"]
    assert crew.tasks[1].settings.markdown
    assert found.examples == {"topic": "AI"}
    assert [lost.what for lost in found.left_out] == ["tool custom:mine"]


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"notes.yaml": "hello: world"}, "is not a CrewAI project"),
        ({"agents.yaml": "a:\n  role: {topic} Expert\n", "tasks.yaml": "t: {}"}, "agents.yaml, line 2 is not YAML"),
        ({"agents.yaml": AGENTS, "tasks.yaml": "t:\n\tdescription: x"}, "Indent with spaces, not with tabs."),
        (
            {"agents.yaml": AGENTS, "tasks.yaml": "t:\n  description: first: second: third"},
            "with a colon in it in quotes",
        ),
        ({"agents.yaml": AGENTS, "tasks.yaml": "t: !!python/object/apply:os.system [ls]"}, "tasks.yaml, line 1"),
        ({"crew.jsonc": '{"agents": ["a"], "tasks": [}'}, "crew.jsonc, line 1 is not JSON"),
        ({"crew.jsonc": '{"agents": ["a"], "tasks": [{"name": "t"}]}'}, "no file agents/a.jsonc"),
    ],
)
def test_what_is_broken_is_refused_with_file_line_and_mend(files: Files, said: str) -> None:
    with pytest.raises(ProjectRefused) as refused:
        bundle_of(files)

    assert said in refused.value.sentence


def test_a_configuration_that_the_code_asks_for_in_vain_is_said(classic: Files) -> None:
    classic["src/market_news/crew.py"] = CREW.replace('tasks_config["report"]', 'tasks_config["summary"]')
    found = only_crew(classic)

    assert "takes “summary” from src/market_news/config/tasks.yaml" in found.troubles[0].sentence


def test_a_crew_that_only_a_run_would_tell_is_left_out(classic: Files) -> None:
    classic["src/market_news/other.py"] = """
from crewai import Crew
from database import load_agents, load_tasks
other = Crew(agents=[load_agents()], tasks=[load_tasks()])
"""
    bundle = bundle_of(classic)

    assert [found.definition.name for found in bundle.found] == ["Market News"]
    assert [lost.what for lost in bundle.left_out] == ["crew Other"]


def test_a_notebook_is_read_like_a_file_of_python() -> None:
    cells = [
        ["!pip install crewai\n", "%load_ext dotenv\n", "from crewai import Agent, Crew, Task\n"],
        ["writer = Agent(role='Writer', goal='Write', backstory='Wrote.')\n"],
        ["story = Task(description='Tell {what}', expected_output='A story', agent=writer)\n"],
        ["tales = Crew(agents=[writer], tasks=[story])\n", "tales.kickoff(inputs={'what': 'of bees'})"],
    ]
    notebook = {"cells": [{"cell_type": "code", "source": source} for source in cells]}
    found = only_crew({"demo.ipynb": json.dumps(notebook)})

    assert (found.definition.name, found.examples) == ("Tales", {"what": "of bees"})


def test_knowledge_that_stands_in_the_code_is_carried_over() -> None:
    code = """
from crewai import Agent, Crew, Task
from crewai.knowledge.source.string_knowledge_source import StringKnowledgeSource
from crewai.knowledge.source.pdf_knowledge_source import PDFKnowledgeSource
facts = StringKnowledgeSource(content="Bees dance.")
a = Agent(role="r", goal="g", backstory="b", knowledge_sources=[PDFKnowledgeSource(file_paths=["x.pdf"])])
job = Task(description="d", expected_output="e", agent=a)
team = Crew(agents=[a], tasks=[job], knowledge_sources=[facts], memory=True)
"""
    found = only_crew({"team.py": code})

    assert (found.definition.settings.knowledge, found.definition.settings.memory) == ("Bees dance.", True)
    assert [lost.what for lost in found.left_out] == ["knowledge_sources"]


def test_data_beside_a_project_is_passed_by(classic: Files) -> None:
    classic["data/products.json"] = "[" + "1," * 2_000_000 + "1]"

    assert only_crew(classic).definition.name == "Market News"


def test_code_that_would_do_harm_is_only_read(classic: Files) -> None:
    classic["src/market_news/crew.py"] += """
import os, shutil, subprocess
os.system("touch /tmp/crewcall-was-here")
shutil.rmtree("/")
open("/tmp/crewcall-was-here", "w").write("x")
while True:
    pass
"""
    assert only_crew(classic).definition.name == "Market News"
