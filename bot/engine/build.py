"""From a frozen definition to CrewAI's objects, fresh for every run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import chain, count
from typing import TYPE_CHECKING, Any

from bot.engine import placeholders
from bot.engine.asking import Asking, agent_class, ask_through, ask_tool
from bot.engine.knowledge import knowledge_of
from bot.engine.llms import Models, ModelUnusable
from bot.engine.memory import TASK, Output
from bot.engine.remembering import memory_of
from bot.engine.tools.toolbox import Kit, ToolUnusable
from bot.engine.work import Skips, make_task
from bot.errors import UserError
from store.crews import Process
from store.definitions import AgentPlan, Definition, TaskPlan, ToolPlan

if TYPE_CHECKING:
    from crewai import Agent, Crew, Task
    from crewai.memory.unified_memory import Memory
    from crewai.tools import BaseTool

MANAGER = "Manager"
PLANNER = "Planner"

# Under this key a run remembers what its planner made of the tasks.
PLAN = "plan"

# Below this many tokens CrewAI's way of parking long tool results in files costs more than it saves.
SMALL_WINDOW = 16_000


class CannotBuild(UserError):
    """{reason}"""


@dataclass(frozen=True)
class Worker:
    """Who an agent of CrewAI's is in the definition, and the full name of its model.

    ``seconds`` is how long it may work at one task; ``quoted`` says that the log keeps what its model answers.
    """

    name: str
    model: str
    seconds: int | None = None
    quoted: bool = False


@dataclass(frozen=True)
class Built:
    """A crew ready to run, and whose objects are whose: ``tasks`` and ``workers`` go by the ids in CrewAI's events."""

    crew: Crew
    tasks: Mapping[str, TaskPlan]
    workers: Mapping[str, Worker]
    # What people call each tool, by the name the model knows it under.
    tools: Mapping[str, str]
    skips: Skips
    asking: Asking
    # Who works before the first task.
    planner: Worker | None = None


def build(
    definition: Definition,
    inputs: Mapping[str, object],
    models: Models,
    kit: Kit | None = None,
    finished: Mapping[str, Output] | None = None,
) -> Built:
    """Make the objects of one run, the inputs filled in; run it with ``crew.kickoff()``. Tools come from ``kit``.

    What is ``finished``, by the keys of ``bot.engine.memory``, is not done again.

    Raises ``CannotBuild``, ``MissingInput`` or ``NoSchema`` with a sentence that names the agent, task or input.
    """
    _check(definition)
    finished = finished or {}
    asking = Asking()
    cast = _Cast(definition, inputs, models, kit, asking)
    tasks: dict[str, Task] = {}
    skips = Skips()
    for plan in definition.tasks:
        kept = finished.get(TASK + plan.name)
        worker = cast.for_task(plan)
        tasks[plan.name] = make_task(plan, inputs, worker, tasks, skips, manager=cast.manager, kept=kept)
    planned = finished.get(PLAN)
    for name, description in (planned or {}).items():
        tasks[name].description = description
    planning = definition.settings.planning and planned is None
    crew = _crew(definition, cast, list(tasks.values()), models, kit, planning=planning)
    plans = {str(tasks[plan.name].id): plan for plan in definition.tasks}
    planner = Worker(PLANNER, models.name(definition.settings.planning_llm)) if planning else None
    return Built(crew, plans, cast.workers, cast.titles, skips, asking, planner)


def _crew(
    definition: Definition, cast: _Cast, tasks: list[Task], models: Models, kit: Kit | None, *, planning: bool
) -> Crew:
    from crewai import Crew
    from crewai import Process as CrewProcess
    from pydantic import ValidationError

    wanted = definition.settings
    try:
        crew = Crew(
            name=definition.name,
            agents=[agent for name, agent in cast.agents.items() if name != cast.manages],
            tasks=tasks,
            process=CrewProcess.hierarchical if cast.manager else CrewProcess.sequential,
            manager_agent=cast.manager,
            planning=planning,
            planning_llm=_llm(models, wanted.planning_llm, "The planning") if planning else None,
            verbose=False,
            cache=wanted.cache,
            memory=_memory(definition, cast, kit),
            tracing=False,
        )
    except ValidationError as error:
        said = error.errors()[0]["msg"]
        raise CannotBuild(reason=f"The crew’s settings do not go together: {said}") from None
    crew.knowledge = knowledge_of(wanted.knowledge)
    return crew


def _memory(definition: Definition, cast: _Cast, kit: Kit | None) -> Memory | bool:
    """What the crew remembers; the model of its first agent says what is worth it, as CrewAI has it."""
    if not definition.settings.memory or kit is None or kit.facts is None:
        return False
    return memory_of(kit.facts(definition.name), cast.agents[definition.agents[0].name].llm)


class _Cast:
    """The agents of one run: each by its name, and the copies of them that work at the same time."""

    def __init__(
        self, definition: Definition, inputs: Mapping[str, object], models: Models, kit: Kit | None, asking: Asking
    ) -> None:
        self._inputs, self._models, self._kit, self._asking = inputs, models, kit, asking
        self._cache = definition.settings.cache
        self._tools = {plan.name: plan for plan in definition.tools}
        self._plans = {plan.name: plan for plan in definition.agents}
        self._roles = _roles(definition, inputs)
        self.workers: dict[str, Worker] = {}
        # What people call each tool, by the name the model knows it under.
        self.titles: dict[str, str] = {}
        self.agents = {plan.name: self._agent(plan, plan.allow_delegation) for plan in definition.agents}
        self.manages = definition.manager if definition.process is Process.HIERARCHICAL else None
        self.manager = self._manager(definition) if definition.process is Process.HIERARCHICAL else None

    def for_task(self, plan: TaskPlan) -> Agent | None:
        """Who does the task. CrewAI's agents do one thing at a time, so a task in parallel gets a copy of its own.

        The copy hands no work on, because whom it would ask may be at work too. What the manager does needs no agent.
        """
        if plan.agent is None or plan.agent == self.manages:
            return None
        if plan.settings.async_execution and self.manager is None:
            return self._agent(self._plans[plan.agent], False)
        return self.agents[plan.agent]

    def _agent(self, plan: AgentPlan, allow_delegation: bool) -> Agent:
        wanted = plan.settings
        asked = wanted.model_dump(include={"temperature", "max_tokens", "top_p", "seed", "reasoning_effort"})
        agent = agent_class()(
            role=self._roles[plan.name],
            goal=_goal([placeholders.fill(goal, self._inputs) for goal in plan.goals]),
            backstory=placeholders.fill(plan.backstory, self._inputs),
            allow_delegation=allow_delegation,
            max_iter=wanted.max_iter,
            planning=wanted.planning,
            inject_date=wanted.inject_date,
            use_system_prompt=wanted.use_system_prompt,
            tool_failure_policy=wanted.tool_failure_policy,
            **_manners(_llm(self._models, plan.llm, f"The agent “{plan.name}”", **asked), cache=self._cache),
        )
        agent.respect_context_window = wanted.respect_context_window
        agent.knowledge = knowledge_of(wanted.knowledge)
        ask_through(self._asking, agent, plan.name)
        self._equip(agent, plan)
        model = self._models.name(plan.llm)
        self.workers[str(agent.id)] = Worker(plan.name, model, wanted.max_execution_time, wanted.verbose)
        return agent

    def _manager(self, definition: Definition) -> Agent:
        """An agent of the crew's, or CrewAI's own manager in CrewAI's words, but with our limits."""
        from crewai.utilities.i18n import I18N_DEFAULT

        if self.manages:
            return self.agents[self.manages]
        parts = ("role", "goal", "backstory")
        words = {part: I18N_DEFAULT.retrieve("hierarchical_manager_agent", part) for part in parts}
        name = definition.settings.manager_llm
        llm = _llm(self._models, name, "The crew’s manager")
        manager = agent_class()(**words, allow_delegation=True, **_manners(llm, cache=self._cache))
        ask_through(self._asking, manager, MANAGER)
        self.workers[str(manager.id)] = Worker(MANAGER, self._models.name(name))
        return manager

    def _equip(self, agent: Agent, plan: AgentPlan) -> None:
        """Give the agent its tools, each under a name that models take."""
        from crewai.utilities.string_utils import sanitize_tool_name

        taken: set[str] = set()
        tools = [tool for name in plan.tools for tool in _made(self._tools[name], self._kit)]
        tools += [ask_tool(self._asking, agent)] if plan.settings.ask_people else []
        tools += self._kit.readers(agent.llm) if self._kit else []
        for tool in tools:
            title = tool.name
            # A model is told letters, digits and underscores only; a name in another script would be none.
            known = sanitize_tool_name(title) or f"tool_{len(taken) + 1}"
            tool.name = next(name for name in chain([known], (f"{known}_{n}" for n in count(2))) if name not in taken)
            taken.add(tool.name)
            self.titles[tool.name] = title
        agent.tools = [*(agent.tools or []), *tools]


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


def _roles(definition: Definition, inputs: Mapping[str, object]) -> dict[str, str]:
    roles = {plan.name: placeholders.fill(plan.role, inputs) for plan in definition.agents}
    # Agents hand work to each other by role, and CrewAI ignores case and space there: two alike would be one.
    alike = Counter(_plain(role) for role in roles.values())
    return {name: f"{role} ({name})" if alike[_plain(role)] > 1 else role for name, role in roles.items()}


def _llm(models: Models, name: str, who: str, **asked: Any) -> Any:
    try:
        return models.llm(name, **asked)
    except ModelUnusable as problem:
        raise CannotBuild(reason=f"{who} has no model to work with. {problem.sentence}") from None


def _manners(llm: Any, *, cache: bool) -> dict[str, Any]:
    """What every agent is told. A failed task is not tried again as a whole: each try asks and pays anew."""
    return {
        "llm": llm,
        "verbose": False,
        "cache": cache,
        "max_retry_limit": 0,
        "respect_context_window": True,
        "use_better_compaction": llm.get_context_window_size() > SMALL_WINDOW,
    }


def _made(plan: ToolPlan, kit: Kit | None) -> list[BaseTool]:
    if kit is None:
        raise CannotBuild(reason=f"The tool “{plan.name}” cannot be used here.")
    try:
        return kit.make(plan)
    except ToolUnusable as problem:
        raise CannotBuild(reason=problem.sentence) from None


def _goal(goals: list[str]) -> str:
    """CrewAI knows one goal; several become numbered lines."""
    if len(goals) < 2:
        return "".join(goals)
    return "\n".join(f"{number}. {goal}" for number, goal in enumerate(goals, start=1))


def _plain(role: str) -> str:
    return " ".join(role.split()).casefold()
