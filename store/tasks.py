"""Tasks: what a crew does, in order, and what each waits for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any

from pydantic import Field
from sqlalchemy import ForeignKey, Index, UniqueConstraint, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.errors import EditedMeanwhile, Gone, NameTaken
from store.database import Base, Draft, Record, translated
from store.more_settings import TaskSettings
from store.names import Name, name_key

LONG = 100_000

# Settings that have columns of their own.
_IN_COLUMNS = {"async_execution", "markdown", "guardrail", "output_schema", "output_file"}


class TaskDraft(Draft):
    """What a person decides about a task."""

    name: Name = Field(title="Name", description="What your team calls it, for example Find sources.")
    description: str = Field(
        title="What to do",
        min_length=1,
        max_length=LONG,
        description="Words in braces, like {topic}, are asked for at each run. If it is longer than 3,000 characters, "
        "save the beginning, then edit it to go on.",
    )
    expected_output: str = Field(
        title="Expected result",
        min_length=1,
        max_length=LONG,
        description="What a good answer looks like, for example: five bullet points with sources.",
    )
    agent_id: int | None = Field(
        None, title="Agent", description="Who does it. Only a hierarchical crew can do without."
    )
    depends_on: list[int] = Field(
        default=[], title="Uses the results of", description="Earlier tasks whose results it is given."
    )


class Task(Record):
    """A task as stored, with the ids of the tasks whose results it is given."""

    id: int
    crew_id: int
    agent_id: int | None
    name: str
    description: str
    expected_output: str
    position: int
    depends_on: list[int] = []
    status: str
    result: str | None
    human_input: bool
    settings: TaskSettings
    changed_by: str
    version: int

    def draft(self) -> TaskDraft:
        """What an edit starts from."""
        return TaskDraft(
            name=self.name,
            description=self.description,
            expected_output=self.expected_output,
            agent_id=self.agent_id,
            depends_on=self.depends_on,
        )


class TaskRow(Base):
    """One row for each task of a crew; ``status`` and ``result`` tell about its last run."""

    __tablename__ = "tasks"
    __table_args__ = (UniqueConstraint("crew_id", "name_key"), Index(None, "agent_id"))

    id: Mapped[int] = mapped_column(primary_key=True)
    team: Mapped[str]
    crew_id: Mapped[int] = mapped_column(ForeignKey("crew_instances.id", ondelete="CASCADE"))
    agent_id: Mapped[int | None] = mapped_column(ForeignKey("agents.id", ondelete="SET NULL"))
    name: Mapped[str]
    name_key: Mapped[str]
    description: Mapped[str]
    expected_output: Mapped[str]
    position: Mapped[int]
    status: Mapped[str] = mapped_column(default="new")
    result: Mapped[str | None]
    human_input: Mapped[bool] = mapped_column(default=False)
    async_execution: Mapped[bool] = mapped_column(default=False)
    markdown: Mapped[bool] = mapped_column(default=False)
    guardrail: Mapped[str | None]
    # As it was typed: the order of a schema's properties means something to models.
    output_schema: Mapped[str | None]
    output_file: Mapped[str | None]
    # Further settings by their names.
    manners: Mapped[dict[str, Any]] = mapped_column("settings", default=dict)
    changed_by: Mapped[str]
    version: Mapped[int] = mapped_column()
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __mapper_args__ = {"version_id_col": version}

    @property
    def settings(self) -> TaskSettings:
        """All settings, wherever they are kept."""
        kept = {name: value for name in _IN_COLUMNS if (value := getattr(self, name)) is not None}
        return TaskSettings.model_validate({**self.manners, **kept})


class TaskDependencyRow(Base):
    """``task_id`` is given the result of ``depends_on_id``; between two crews it is a flow's connection."""

    __tablename__ = "task_dependencies"
    __table_args__ = (Index(None, "depends_on_id"),)

    task_id: Mapped[int] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True)
    depends_on_id: Mapped[int] = mapped_column(ForeignKey("tasks.id", ondelete="CASCADE"), primary_key=True)


def add(session: Session, draft: TaskDraft, *, crew_id: int, team: str, by: str) -> Task:
    """Add a task at the end of the crew; raise ``NameTaken`` if the crew already has the name."""
    now = datetime.now(UTC)
    last = session.scalar(select(func.max(TaskRow.position)).where(TaskRow.crew_id == crew_id))
    row = TaskRow(
        **_columns(draft),
        team=team,
        crew_id=crew_id,
        position=(last or 0) + 1,
        changed_by=by,
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    with _refusals(draft.name):
        session.flush()
    return _record(row, _depend(session, row.id, draft.depends_on))


def get(session: Session, task_id: int, *, team: str) -> Task:
    """The task; raise ``Gone`` if the workspace has none with this id (any more)."""
    row = _row(session, task_id, team)
    wanted = select(TaskDependencyRow.depends_on_id).where(TaskDependencyRow.task_id == task_id)
    return _record(row, session.scalars(wanted.order_by(TaskDependencyRow.depends_on_id)))


def list_all(session: Session, crew_id: int, *, team: str) -> list[Task]:
    """The crew's tasks in order."""
    wanted = select(TaskRow).where(TaskRow.crew_id == crew_id, TaskRow.team == team)
    rows = session.scalars(wanted.order_by(TaskRow.position, TaskRow.id)).all()
    edges = select(TaskDependencyRow.task_id, TaskDependencyRow.depends_on_id).join(
        TaskRow, TaskRow.id == TaskDependencyRow.task_id
    )
    before: dict[int, list[int]] = defaultdict(list)
    for task_id, depends_on in session.execute(edges.where(TaskRow.crew_id == crew_id)):
        before[task_id].append(depends_on)
    return [_record(row, sorted(before[row.id])) for row in rows]


def change(session: Session, task_id: int, draft: TaskDraft, *, team: str, version: int, by: str) -> Task:
    """Save an edit of ``version``; raise ``EditedMeanwhile``, ``Gone`` or ``NameTaken``."""
    row = _row(session, task_id, team, lock=True)
    if row.version != version:
        raise EditedMeanwhile(kind="task", who=row.changed_by, version=row.version)
    for field, value in _columns(draft).items():
        setattr(row, field, value)
    row.changed_by, row.updated_at = by, datetime.now(UTC)
    with _refusals(draft.name):
        session.flush()
    return _record(row, _depend(session, row.id, draft.depends_on))


def configure(session: Session, task_id: int, settings: TaskSettings, *, team: str, version: int, by: str) -> Task:
    """Save an edit of ``version``'s settings; raise ``EditedMeanwhile`` or ``Gone``."""
    row = _row(session, task_id, team, lock=True)
    if row.version != version:
        raise EditedMeanwhile(kind="task", who=row.changed_by, version=row.version)
    for name in _IN_COLUMNS:
        setattr(row, name, getattr(settings, name))
    row.human_input = settings.review is not None
    row.manners = settings.model_dump(exclude=_IN_COLUMNS)
    row.changed_by, row.updated_at = by, datetime.now(UTC)
    session.flush()
    return get(session, task_id, team=team)


def note_run(session: Session, crew_id: int | None, results: dict[str, tuple[str, str | None]]) -> None:
    """Remember each task's status and result of the last run, by task name. No edit: the versions stay."""
    for name, (status, result) in results.items():
        session.execute(
            TaskRow.__table__.update()  # type: ignore[attr-defined]
            .where(TaskRow.crew_id == crew_id, TaskRow.name_key == name_key(name))
            .values(status=status, result=result)
        )


def reorder(session: Session, crew_id: int, ids: list[int], *, team: str) -> None:
    """Put the crew's tasks into this order. No edit: the versions stay, and an open form is not disturbed."""
    table = TaskRow.__table__
    for position, task_id in enumerate(ids, 1):
        session.execute(
            table.update()  # type: ignore[attr-defined]
            .where(TaskRow.id == task_id, TaskRow.crew_id == crew_id, TaskRow.team == team)
            .values(position=position)
        )


def move(session: Session, task_id: int, crew_id: int, *, team: str, by: str) -> Task:
    """Put the task at the end of another crew, without its agent and what it uses; raise ``Gone`` or ``NameTaken``.

    Tasks that used its result no longer do.
    """
    row = _row(session, task_id, team, lock=True)
    last = session.scalar(select(func.max(TaskRow.position)).where(TaskRow.crew_id == crew_id))
    row.crew_id, row.agent_id, row.position = crew_id, None, (last or 0) + 1
    row.changed_by, row.updated_at = by, datetime.now(UTC)
    used_by = TaskDependencyRow.depends_on_id == task_id
    session.execute(delete(TaskDependencyRow).where((TaskDependencyRow.task_id == task_id) | used_by))
    with _refusals(row.name):
        session.flush()
    return _record(row, [])


def release(session: Session, agent_id: int, *, team: str) -> None:
    """Take their agent from the tasks that this agent does. No edit: the versions stay."""
    session.execute(
        TaskRow.__table__.update()  # type: ignore[attr-defined]
        .where(TaskRow.agent_id == agent_id, TaskRow.team == team)
        .values(agent_id=None)
    )


def remove(session: Session, task_id: int, *, team: str) -> Task:
    """Delete a task and return what it was; tasks that used its result no longer do."""
    row = _row(session, task_id, team, lock=True)
    was = _record(row, [])
    session.delete(row)
    session.flush()
    return was


def _depend(session: Session, task_id: int, depends_on: Iterable[int]) -> list[int]:
    """Let the task depend on exactly these, each once; the ids in the order in which they are read back."""
    each_once = sorted(set(depends_on))
    session.execute(delete(TaskDependencyRow).where(TaskDependencyRow.task_id == task_id))
    session.add_all(TaskDependencyRow(task_id=task_id, depends_on_id=other) for other in each_once)
    with translated({"fk_task_dependencies_depends_on_id_tasks": Gone(kind="task")}):
        session.flush()
    return each_once


def _columns(draft: TaskDraft) -> dict[str, Any]:
    return {**draft.model_dump(exclude={"depends_on"}), "name_key": name_key(draft.name)}


def _refusals(name: str) -> AbstractContextManager[None]:
    return translated(
        {
            "uq_tasks_crew_id_name_key": NameTaken(kind="a task", name=name),
            # What was looked up before may have been deleted since.
            "fk_tasks_crew_id_crew_instances": Gone(kind="crew"),
            "fk_tasks_agent_id_agents": Gone(kind="agent"),
        }
    )


def _record(row: TaskRow, depends_on: Iterable[int]) -> Task:
    return Task.model_validate(row).model_copy(update={"depends_on": list(depends_on)})


def _row(session: Session, task_id: int, team: str, *, lock: bool = False) -> TaskRow:
    wanted = select(TaskRow).where(TaskRow.id == task_id, TaskRow.team == team)
    row = session.scalar(wanted.with_for_update() if lock else wanted)
    if row is None:
        raise Gone(kind="task")
    return row
