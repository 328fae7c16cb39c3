"""From a frozen definition to CrewAI's objects, fresh for every run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, count
from typing import TYPE_CHECKING, Any

from bot.engine import placeholders
from bot.engine.llms import Models, ModelUnusable
from bot.engine.tools.toolbox import Kit, ToolUnusable
from bot.errors import UserError
from store.crews import Process
from store.definitions import AgentPlan, Definition, TaskPlan, ToolPlan

if TYPE_CHECKING:
    from crewai import Agent, Crew, Task
    from crewai.tools import BaseTool

MANAGER = "Manager"

# Below this many tokens CrewAI's way of parking long tool results in files costs more than it saves.
SMALL_WINDOW = 16_000


class CannotBuild(UserError):
    """{reason}"""


@dataclass(frozen=True)
class Worker:
    """Who an agent of CrewAI's is in the definition, and the full name of its model."""

    name: str
    model: str


@dataclass(frozen=True)
class Built:
    """A crew ready to run, and whose objects are whose: ``tasks`` and ``workers`` go by the ids in CrewAI's events."""

    crew: Crew
    tasks: Mapping[str, TaskPlan]
    workers: Mapping[str, Worker]
    # What people call each tool, by the name the model knows it under.
    tools: Mapping[str, str]


def build(definition: Definition, inputs: Mapping[str, object], models: Models, kit: Kit | None = None) -> Built:
    """Make the objects of one run, the inputs filled in; run it with ``crew.kickoff()``. Tools come from ``kit``.

    Raises ``CannotBuild`` or ``MissingInput`` with a sentence that names the agent, the task or the input.
    """
    from crewai import Crew
    from crewai import Process as CrewProcess

    _check(definition)
    agents = _agents(definition, inputs, models)
    tools = _equip(definition, agents, kit)
    tasks = _tasks(definition, inputs, agents)
    hierarchical = definition.process is Process.HIERARCHICAL
    manager = _manager(models) if hierarchical else None
    crew = Crew(
        name=definition.name,
        agents=list(agents.values()),
        tasks=list(tasks.values()),
        process=CrewProcess.hierarchical if hierarchical else CrewProcess.sequential,
        manager_agent=manager,
        verbose=False,
        cache=False,
        memory=False,
        tracing=False,
    )
    workers = {str(agents[plan.name].id): Worker(plan.name, models.name(plan.llm)) for plan in definition.agents}
    if manager is not None:
        workers[str(manager.id)] = Worker(MANAGER, models.name(""))
    return Built(crew, {str(tasks[plan.name].id): plan for plan in definition.tasks}, workers, tools)


def _check(definition: Definition) -> None:
    """Refuse what CrewAI would refuse in words of its own, or do wrong in silence."""
    if not definition.tasks:
        raise CannotBuild(reason=f"{definition.name} has no tasks yet. Add one and run it again.")
    if not definition.agents:
        raise CannotBuild(reason=f"{definition.name} has no agents yet. Add one and run it again.")
    names = {agent.name for agent in definition.agents}
    earlier: set[str] = set()
    for task in definition.tasks:
        if task.agent is None and definition.process is Process.SEQUENTIAL:
            raise CannotBuild(reason=f"The task “{task.name}” has no agent. Choose who does it.")
        if task.agent is not None and task.agent not in names:
            raise CannotBuild(reason=f"The task “{task.name}” is for “{task.agent}”, who is not in the crew.")
        for other in task.context:
            if other not in earlier:
                raise CannotBuild(
                    reason=f"The task “{task.name}” uses the result of “{other}”, which is not done before it. "
                    "Change their order or what it uses."
                )
        earlier.add(task.name)


def _agents(definition: Definition, inputs: Mapping[str, object], models: Models) -> dict[str, Agent]:
    roles = {plan.name: placeholders.fill(plan.role, inputs) for plan in definition.agents}
    # Agents hand work to each other by role, and CrewAI ignores case and space there: two alike would be one.
    alike = Counter(_plain(role) for role in roles.values())
    return {
        plan.name: _agent(
            plan,
            inputs,
            models,
            role=f"{roles[plan.name]} ({plan.name})" if alike[_plain(roles[plan.name])] > 1 else roles[plan.name],
        )
        for plan in definition.agents
    }


def _agent(plan: AgentPlan, inputs: Mapping[str, object], models: Models, *, role: str) -> Agent:
    from crewai import Agent

    try:
        llm = models.llm(plan.llm, temperature=plan.settings.temperature, max_tokens=plan.settings.max_tokens)
    except ModelUnusable as problem:
        raise CannotBuild(reason=f"The agent “{plan.name}” has no model to work with. {problem.sentence}") from None
    return Agent(
        role=role,
        goal=_goal([placeholders.fill(goal, inputs) for goal in plan.goals]),
        backstory=placeholders.fill(plan.backstory, inputs),
        allow_delegation=plan.allow_delegation,
        **_manners(llm),
    )


def _manager(models: Models) -> Agent:
    """CrewAI's own manager of a hierarchical crew, in CrewAI's words, but with our limits."""
    from crewai import Agent
    from crewai.utilities.i18n import I18N_DEFAULT

    try:
        llm = models.llm("")
    except ModelUnusable as problem:
        raise CannotBuild(reason=f"The crew’s manager has no model to work with. {problem.sentence}") from None
    words = {part: I18N_DEFAULT.retrieve("hierarchical_manager_agent", part) for part in ("role", "goal", "backstory")}
    return Agent(**words, allow_delegation=True, **_manners(llm))


def _manners(llm: Any) -> dict[str, Any]:
    """What every agent is told. A failed task is not tried again as a whole: each try asks and pays anew."""
    return {
        "llm": llm,
        "verbose": False,
        "cache": False,
        "max_retry_limit": 0,
        "respect_context_window": True,
        "use_better_compaction": llm.get_context_window_size() > SMALL_WINDOW,
    }


def _equip(definition: Definition, agents: Mapping[str, Agent], kit: Kit | None) -> dict[str, str]:
    """Give each agent its tools; what people call them, by the names that models know."""
    from crewai.utilities.string_utils import sanitize_tool_name

    plans = {plan.name: plan for plan in definition.tools}
    titles: dict[str, str] = {}
    for agent in definition.agents:
        taken: set[str] = set()
        for tool in (tool for name in agent.tools for tool in _made(plans[name], kit)):
            title = tool.name
            # A model is told letters, digits and underscores only; a name in another script would be none.
            known = sanitize_tool_name(title) or f"tool_{len(taken) + 1}"
            tool.name = next(name for name in chain([known], (f"{known}_{n}" for n in count(2))) if name not in taken)
            taken.add(tool.name)
            titles[tool.name] = title
            agents[agent.name].tools = [*(agents[agent.name].tools or []), tool]
    return titles


def _made(plan: ToolPlan, kit: Kit | None) -> list[BaseTool]:
    if kit is None:
        raise CannotBuild(reason=f"The tool “{plan.name}” cannot be used here.")
    try:
        return kit.make(plan)
    except ToolUnusable as problem:
        raise CannotBuild(reason=problem.sentence) from None


def _tasks(definition: Definition, inputs: Mapping[str, object], agents: Mapping[str, Agent]) -> dict[str, Task]:
    from crewai import Task

    tasks: dict[str, Task] = {}
    for plan in definition.tasks:
        tasks[plan.name] = Task(
            name=plan.name,
            description=placeholders.fill(plan.description, inputs),
            expected_output=placeholders.fill(plan.expected_output, inputs),
            agent=agents[plan.agent] if plan.agent else None,
            # An empty list means none at all; left out, CrewAI would hand over every earlier result.
            context=[tasks[other] for other in plan.context],
            markdown=plan.settings.markdown,
        )
    return tasks


def _goal(goals: list[str]) -> str:
    """CrewAI knows one goal; several become numbered lines."""
    if len(goals) < 2:
        return "".join(goals)
    return "\n".join(f"{number}. {goal}" for number, goal in enumerate(goals, start=1))


def _plain(role: str) -> str:
    return " ".join(role.split()).casefold()
