"""What people may set beyond the common fields of agents, tasks and crews; named as in CrewAI."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field

from store.database import Draft

Effort = Literal["low", "medium", "high"]
FailurePolicy = Literal["ignore", "warn", "raise"]
Outcome = Literal["approve", "reject", "stop"]

# One part of a path, with an ending; no name that a system hides or treats in its own way.
_FILE_NAME = re.compile(r"\w[\w .()\-]*\.[A-Za-z0-9]{1,8}")


def _plain_file_name(name: str) -> str:
    if name and not _FILE_NAME.fullmatch(name):
        raise ValueError("Write a plain file name with an ending and no folders, for example report.md.")
    return name


_PERIOD = re.compile(r"(\d{1,6})\s*(m|min|minutes?|h|hours?|d|days?)\.?", re.IGNORECASE)
_MINUTES = {"m": 1, "h": 60, "d": 1_440}
_LONGEST_WAIT = 90 * _MINUTES["d"]


def _minutes(given: object) -> object:
    """“4 h” as minutes; what is no text stays what it is."""
    if not isinstance(given, str):
        return given
    said = _PERIOD.fullmatch(given.strip())
    minutes = int(said[1]) * _MINUTES[said[2][0].lower()] if said else 0
    if not 0 < minutes <= _LONGEST_WAIT:
        raise ValueError("Write a time such as 30 min, 4 h or 2 d, of at most 90 days.")
    return minutes


# A stretch of time in minutes, written as people write it.
Minutes = Annotated[int, BeforeValidator(_minutes)]


class Settings(Draft):
    """Settings are read back from JSON, in which a later or earlier release may have kept more."""

    model_config = ConfigDict(extra="ignore", frozen=True)


class AgentSettings(Settings):
    """What an agent's model is asked for, and how the agent works."""

    temperature: float | None = Field(
        None, title="Temperature", ge=0, le=2, description="Low: sober and alike each time. High: varied. Empty: usual."
    )
    max_tokens: int | None = Field(
        None, title="Longest answer", ge=1, le=1_000_000, description="In tokens, about ¾ of a word each."
    )
    top_p: float | None = Field(
        None,
        title="Top p",
        gt=0,
        le=1,
        description="Only the likeliest words that make up this share. Not every model knows it.",
    )
    seed: int | None = Field(
        None, title="Seed", ge=0, le=2_147_483_647, description="The same number makes answers more alike, where known."
    )
    reasoning_effort: Effort | None = Field(
        None, title="Reasoning effort", description="How long a reasoning model thinks. Other models don’t know it."
    )
    max_iter: int = Field(
        25,
        title="Steps",
        ge=1,
        le=1_000,
        description="How often it may ask its model in one task before it must answer.",
    )
    max_execution_time: int | None = Field(
        None, title="Time limit", ge=1, le=86_400, description="In seconds for one task. After that the run fails."
    )
    planning: bool = Field(False, title="Plan first", description="It writes a plan before it works: one call more.")
    inject_date: bool = Field(False, title="Today’s date", description="It is told the date with each task.")
    respect_context_window: bool = Field(
        True, title="Summarise long conversations", description="Where unticked, a task that grows too long fails."
    )
    use_system_prompt: bool = Field(
        True, title="System prompt", description="Untick it for models that take no system message."
    )
    tool_failure_policy: FailurePolicy = Field(
        "warn", title="When a tool fails", description="What happens when one of its tools reports a failure."
    )
    knowledge: str = Field(
        "",
        title="Knowledge",
        max_length=20_000,
        description="What it can look up, for example product facts or rules. Fitting parts are told with each task: "
        "one call more.",
    )
    ask_people: bool = Field(
        False, title="Ask people", description="It may ask a question in the run’s thread, and waits for the reply."
    )
    verbose: bool = Field(
        False, title="Keep answers in the log", description="The run’s log shows everything its model answers."
    )


class ReviewSettings(Settings):
    """Who looks at a result before the work goes on, and what happens when nobody does."""

    reviewers: list[str] = Field(
        [], title="Reviewers", max_length=20, description="Empty, with no group either: whoever may edit the crew."
    )
    groups: list[str] = Field(
        [], title="User groups", max_length=10, description="Everybody in one of these groups may decide, too."
    )
    not_starter: bool = Field(
        False, title="Somebody else", description="Whoever started the run may look at the result and not decide."
    )
    agreeing: int = Field(
        1, title="How many must agree", ge=1, le=20, description="So many different people must approve."
    )
    remind_after: Minutes | None = Field(
        None, title="Remind after", description="For example 30 min or 4 h. Empty: nobody is reminded."
    )
    deadline: Minutes | None = Field(
        None, title="Deadline after", description="For example 8 h or 2 d. Empty: the run waits as long as it takes."
    )
    outcome: Outcome = Field(
        "reject", title="When nobody has decided by then", description="What happens at the deadline."
    )


class TaskSettings(Settings):
    """How a task is done, and what is done with its result."""

    async_execution: bool = Field(
        False,
        title="In parallel",
        description="The next task doesn’t wait for it. Its agent hands no work on meanwhile.",
    )
    uses_all: bool = Field(
        False,
        title="Uses everything before",
        description="It is given the results of all tasks before it, where no results are chosen for it.",
    )
    markdown: bool = Field(False, title="Markdown", description="The agent is told to format its result.")
    condition: str = Field(
        "",
        title="Only if",
        max_length=500,
        description='Else it is skipped. For example output.contains("urgent") or data["Rate"].score > 5. `output` is '
        "the result before, `outputs` has all by task, `data` those that are JSON.",
    )
    guardrail: str = Field(
        "",
        title="Guardrail",
        max_length=30_000,
        description="A rule in plain words. A model checks the result, and the agent tries again where it fails.",
    )
    guardrail_max_retries: int = Field(
        3, title="Further tries", ge=0, le=10, description="How often the guardrail may send the result back."
    )
    output_schema: str = Field(
        "",
        title="Result as JSON",
        max_length=30_000,
        description='A JSON Schema of an object, for example {"type": "object", "properties": {"score": '
        '{"type": "integer"}}}.',
    )
    output_file: Annotated[str, AfterValidator(_plain_file_name)] = Field(
        "", title="File", max_length=100, description="The result is posted as a file of this name, such as report.md."
    )
    review: ReviewSettings | None = Field(
        None, title="Human review", description="Somebody approves the result, or asks for changes, before it is used."
    )


class CrewSettings(Settings):
    """How a crew works together."""

    manager_agent_id: int | None = Field(
        None,
        title="Manager",
        description="Hierarchical only: which agent hands out the tasks. Empty: a manager that CrewAI describes.",
    )
    manager_llm: str = Field(
        "",
        title="Manager’s model",
        max_length=200,
        description="Hierarchical without an agent as manager: as provider/model. Empty: the default model.",
    )
    planning: bool = Field(
        False, title="Plan first", description="A model writes a plan for all tasks before the first begins."
    )
    planning_llm: str = Field(
        "", title="Planning model", max_length=200, description="As provider/model. Empty: the default model."
    )
    memory: bool = Field(
        False,
        title="Memory",
        description="Its agents remember facts from one run to the next. Each task takes one or two calls more.",
    )
    knowledge: str = Field(
        "", title="Knowledge", max_length=20_000, description="What all its agents can look up; one call more a task."
    )
    cache: bool = Field(
        False, title="Remember tool results", description="The same call of a tool in one run is made only once."
    )
