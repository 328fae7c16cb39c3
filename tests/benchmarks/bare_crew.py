"""Plain CrewAI as a process: for every size on a line of its input, the seconds that building and kickoff took."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING

from tests.benchmarks.crews import BACKSTORY, DESCRIPTION, EXPECTED, GOAL, ONE, ROLE, Size

if TYPE_CHECKING:
    from crewai import LLM, Crew

# Without these CrewAI calls home; nothing else differs from a program that just imports it.
os.environ |= {"CREWAI_DISABLE_TELEMETRY": "true", "CREWAI_TRACING_ENABLED": "false", "OTEL_SDK_DISABLED": "true"}


def main() -> None:
    from crewai import LLM

    # One connection for all, as a careful program would have it.
    llm = LLM(model="openai/scripted", base_url=os.environ["OPENAI_BASE_URL"])
    build(ONE, llm).kickoff()
    print("ready", flush=True)
    for line in sys.stdin:
        size = Size(*json.loads(line))
        began = time.perf_counter()
        build(size, llm).kickoff()
        print(time.perf_counter() - began, flush=True)


def build(size: Size, llm: LLM) -> Crew:
    from crewai import Agent, Crew, Task

    agents = [
        Agent(role=ROLE.format(number), goal=GOAL, backstory=BACKSTORY, llm=llm, verbose=False)
        for number in range(size.agents)
    ]
    tasks: list[Task] = []
    for number in range(size.tasks):
        agent, before = agents[number % size.agents], tasks[-1:] if size.chained else []
        task = Task(description=DESCRIPTION.format(number), expected_output=EXPECTED, agent=agent, context=before)
        tasks.append(task)
    return Crew(agents=agents, tasks=tasks, verbose=False)


if __name__ == "__main__":
    main()
