"""What a picture of a crew shows, and the same in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from bot.pictures.fonts import clean
from store.crews import Process
from store.definitions import Definition, TaskPlan


class Status(StrEnum):
    """How far a task or step is, in the word that people read."""

    PENDING = "Pending"
    IN_PROGRESS = "In progress"
    WAITING = "Waiting"
    DONE = "Done"
    FAILED = "Failed"
    STOPPED = "Stopped"
    SKIPPED = "Skipped"


@dataclass(frozen=True)
class Member:
    """An agent."""

    name: str
    role: str


@dataclass(frozen=True)
class Step:
    """A task: its place in the order, who does it, and the numbers of the tasks whose results it is given."""

    number: int
    name: str
    agent: int | None
    uses: tuple[int, ...]
    status: Status | None


@dataclass(frozen=True)
class Crew:
    """Everything in the picture; ``Step.agent`` counts in ``members``."""

    name: str
    hierarchical: bool
    members: tuple[Member, ...]
    steps: tuple[Step, ...]

    def who(self, step: Step) -> str:
        """The name of the agent who does a task, or what stands in its place."""
        if step.agent is not None:
            return self.members[step.agent].name
        return "the manager decides" if self.hierarchical else "no agent yet"

    @property
    def summary(self) -> str:
        """How many tasks and agents there are, and how the tasks are given out."""
        tasks = f"{len(self.steps)} {'task' if len(self.steps) == 1 else 'tasks'}"
        agents = f"{len(self.members)} {'agent' if len(self.members) == 1 else 'agents'}"
        if self.hierarchical and self.steps:
            return f"A manager gives {tasks} to {agents}"
        return f"{tasks}{' in order' if len(self.steps) > 1 else ''}, {agents}"


def crew_of(definition: Definition, statuses: Mapping[str, Status] | None = None) -> Crew:
    """The picture of a definition; ``statuses`` by the names of tasks, if it shows a run."""
    members = [agent.name for agent in definition.agents]
    numbers = {task.name: number for number, task in enumerate(definition.tasks, 1)}
    return Crew(
        name=clean(definition.name),
        hierarchical=definition.process is Process.HIERARCHICAL,
        members=tuple(Member(clean(agent.name), clean(agent.role)) for agent in definition.agents),
        steps=tuple(
            Step(
                number=number,
                name=clean(task.name),
                agent=members.index(task.agent) if task.agent in members else None,
                uses=_uses(task, number, numbers),
                status=None if statuses is None else statuses.get(task.name, Status.PENDING),
            )
            for number, task in enumerate(definition.tasks, 1)
        ),
    )


def _uses(task: TaskPlan, number: int, numbers: Mapping[str, int]) -> tuple[int, ...]:
    if task.settings.uses_all and not task.context:
        return tuple(range(1, number))
    return tuple(sorted({numbers[other] for other in task.context if other in numbers} - {number}))


def in_words(crew: Crew) -> list[str]:
    """The picture as sentences, the first about the whole, then one for each task; joined they are its alt text."""
    names = {step.number: step.name for step in crew.steps}
    return [f"{crew.name}: {_lower_first(crew.summary)}.", *(_sentence(crew, step, names) for step in crew.steps)]


def ranges(numbers: Sequence[int]) -> str:
    """Ascending numbers, short: “1, 3–5”."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(_run(run) for run in runs)


def _run(run: list[int]) -> str:
    return f"{run[0]}–{run[-1]}" if len(run) > 2 else ", ".join(map(str, run))


def _sentence(crew: Crew, step: Step, names: Mapping[int, str]) -> str:
    by = f" by {crew.who(step)}" if step.agent is not None else f", {crew.who(step)}"
    uses = f", uses {', '.join(names[number] for number in step.uses)}" if step.uses else ""
    status = f": {step.status.lower()}" if step.status else ""
    return f"{step.number}. {step.name}{by}{uses}{status}."


def _lower_first(text: str) -> str:
    return text[:1].lower() + text[1:]
