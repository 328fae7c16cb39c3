"""Projects as small as they can be, written down where they are tested."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.projects.bundle import Bundle, Found
from bot.projects.reader import read
from bot.projects.source import Source, from_files

Files = dict[str, str]

AGENTS = """
researcher:
  role: >
    {topic} Senior Researcher
  goal: >
    Uncover what is new in {topic}
  backstory: >
    You find what matters.
writer:
  role: Writer
  goal: Write it up
  backstory: You write short sentences.
"""
TASKS = """
research:
  description: >
    Research {topic} thoroughly.
    The year is {current_year}.
  expected_output: A list with 10 bullet points
  agent: researcher
report:
  description: Write a report.
  expected_output: A report
  agent: writer
"""
CREW = '''
from crewai import Agent, Crew, Process, Task
from crewai.project import CrewBase, agent, crew, task
from crewai_tools import SerperDevTool


@CrewBase
class MarketNews():
    """MarketNews crew"""

    agents_config = "config/agents.yaml"
    tasks_config = "config/tasks.yaml"

    @agent
    def researcher(self) -> Agent:
        return Agent(config=self.agents_config["researcher"], tools=[SerperDevTool()], verbose=True)

    @agent
    def writer(self) -> Agent:
        return Agent(config=self.agents_config["writer"], allow_delegation=True, max_iter=7)

    @task
    def research(self) -> Task:
        return Task(config=self.tasks_config["research"])

    @task
    def report(self) -> Task:
        return Task(config=self.tasks_config["report"], context=[self.research()], output_file="report.md")

    @crew
    def crew(self) -> Crew:
        return Crew(agents=self.agents, tasks=self.tasks, process=Process.sequential, verbose=True)
'''
MAIN = """
from market_news.crew import MarketNews

def run():
    inputs = {"topic": "AI", "current_year": "2026"}
    MarketNews().crew().kickoff(inputs=inputs)
"""


@pytest.fixture
def classic() -> Files:
    """The files of a project as ``crewai create`` lays it out."""
    base = "src/market_news"
    return {
        f"{base}/config/agents.yaml": AGENTS,
        f"{base}/config/tasks.yaml": TASKS,
        f"{base}/crew.py": CREW,
        f"{base}/main.py": MAIN,
        "pyproject.toml": '[project]\nname = "market_news"\n',
    }


def source(files: Files) -> Source:
    """The files as somebody gives them."""
    return from_files({path: text.encode() for path, text in files.items()})


def bundle_of(files: Files) -> Bundle:
    """What is found in them."""
    return read(source(files))


def only_crew(files: Files) -> Found:
    """The only crew in them."""
    [found] = bundle_of(files).found
    return found


Reads = Callable[[Files], Bundle]
