"""Steps: what a flow does, what each comes after, and what it is given."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from itertools import chain, count
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import ForeignKey, Index, UniqueConstraint, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from bot.errors import EditedMeanwhile, Gone, NameTaken
from store.crews import CrewInstanceRow
from store.database import Base, Draft, Record, translated
from store.names import Name, name_key

# What the first steps come after; no step has it for a key.
START = "start"

Join = Literal["all", "any"]

_LONGEST_KEY = 40
# They mean something else where expressions speak of steps.
_TAKEN_KEYS = frozenset(
    {START, "as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop"}
    | {"namespace", "null", "package", "return", "true", "var", "void", "while"}
)


class AfterPlan(BaseModel):
    """One step, by its key, that must come before; only when it ends with ``outcome`` if there is one."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    step: str
    outcome: str = ""


class TaskLink(BaseModel):
    """A connection between tasks of two crews: ``task_id`` is given what ``depends_on_id`` came to in ``step``."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    task_id: int
    step: str
    depends_on_id: int


class StepDraft(Draft):
    """What a person decides about a step."""

    name: Name = Field(title="Name", description="What your team calls it, for example Write the report.")
    kind: str = Field(title="Kind", description="What the step does.")
    target_id: int | None = Field(None, title="Crew or flow", description="What it runs.")
    inputs: dict[str, str] = Field(
        {}, title="Inputs", description="Where each input comes from, for example state.topic or outputs.research.raw."
    )
    after: list[AfterPlan] = Field(
        [], title="Comes after", description="The steps that must be done before it. None: it is one of the first."
    )
    join: Join = Field(
        "all", title="Waits for", description="All of them; or any, where only one of them is ever reached."
    )
    result: str = Field("", title="Result goes to", max_length=80, description="A field of the state. Empty: nowhere.")
    links: list[TaskLink] = Field(
        [], title="Connected tasks", description="Tasks of its crew that use results of tasks in earlier steps."
    )
    settings: dict[str, Any] = Field({}, title="Settings")


class FlowStep(Record):
    """A step as stored; ``key`` is what other steps and expressions call it, and stays when the name changes."""

    id: int
    flow_id: int
    key: str
    name: str
    kind: str
    target_id: int | None
    inputs: dict[str, str]
    after: list[AfterPlan]
    join: Join
    result: str
    links: list[TaskLink]
    settings: dict[str, Any]
    position: int
    changed_by: str
    version: int

    def draft(self) -> StepDraft:
        """What an edit starts from."""
        return StepDraft.model_validate(self.model_dump(include=set(StepDraft.model_fields)))


class FlowStepRow(Base):
    """One row for each step of a flow; ``after``, ``links`` and ``settings`` are JSON, as the drafts have them."""

    __tablename__ = "flow_steps"
    __table_args__ = (
        UniqueConstraint("flow_id", "key"),
        UniqueConstraint("flow_id", "name_key"),
        Index(None, "target_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    team: Mapped[str]
    flow_id: Mapped[int] = mapped_column(ForeignKey("crew_instances.id", ondelete="CASCADE"))
    key: Mapped[str]
    name: Mapped[str]
    name_key: Mapped[str]
    kind: Mapped[str]
    target_id: Mapped[int | None] = mapped_column(ForeignKey("crew_instances.id", ondelete="SET NULL"))
    inputs: Mapped[dict[str, Any]] = mapped_column(default=dict)
    after: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    join: Mapped[str] = mapped_column(default="all")
    result: Mapped[str] = mapped_column(default="")
    links: Mapped[list[dict[str, Any]]] = mapped_column(default=list)
    settings: Mapped[dict[str, Any]] = mapped_column(default=dict)
    position: Mapped[int]
    changed_by: Mapped[str]
    version: Mapped[int] = mapped_column()
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]

    __mapper_args__ = {"version_id_col": version}


def add(session: Session, draft: StepDraft, *, flow_id: int, team: str, by: str, key: str | None = None) -> FlowStep:
    """Add a step at the end of the flow, under a new key or the given one; raise ``NameTaken`` or ``Gone``."""
    now = datetime.now(UTC)
    taken = set(session.scalars(select(FlowStepRow.key).where(FlowStepRow.flow_id == flow_id)))
    last = session.scalar(select(func.max(FlowStepRow.position)).where(FlowStepRow.flow_id == flow_id))
    row = FlowStepRow(
        **_columns(draft),
        team=team,
        flow_id=flow_id,
        key=key or new_key(draft.name, taken),
        position=(last or 0) + 1,
        changed_by=by,
        created_at=now,
        updated_at=now,
    )
    session.add(row)
    with _refusals(draft.name):
        session.flush()
    return FlowStep.model_validate(row)


def get(session: Session, step_id: int, *, team: str) -> FlowStep:
    """The step; raise ``Gone`` if the workspace has none with this id (any more)."""
    return FlowStep.model_validate(_row(session, step_id, team))


def list_all(session: Session, flow_id: int, *, team: str) -> list[FlowStep]:
    """The flow's steps in order."""
    wanted = select(FlowStepRow).where(FlowStepRow.flow_id == flow_id, FlowStepRow.team == team)
    rows = session.scalars(wanted.order_by(FlowStepRow.position, FlowStepRow.id))
    return [FlowStep.model_validate(row) for row in rows]


def users_of(session: Session, crew_id: int, *, team: str) -> list[tuple[int, str]]:
    """Id and name of each flow with a step that runs this crew or flow, by name."""
    wanted = (
        select(CrewInstanceRow.id, CrewInstanceRow.name)
        .join(FlowStepRow, FlowStepRow.flow_id == CrewInstanceRow.id)
        .where(FlowStepRow.target_id == crew_id, FlowStepRow.team == team)
        .order_by(CrewInstanceRow.name_key)
        .distinct()
        .add_columns(CrewInstanceRow.name_key)
    )
    return [(id_, name) for id_, name, _ in session.execute(wanted)]


def change(session: Session, step_id: int, draft: StepDraft, *, team: str, version: int, by: str) -> FlowStep:
    """Save an edit of ``version``; raise ``EditedMeanwhile``, ``Gone`` or ``NameTaken``."""
    row = _row(session, step_id, team, lock=True)
    if row.version != version:
        raise EditedMeanwhile(kind="step", who=row.changed_by, version=row.version)
    for field, value in _columns(draft).items():
        setattr(row, field, value)
    row.changed_by, row.updated_at = by, datetime.now(UTC)
    with _refusals(draft.name):
        session.flush()
    return FlowStep.model_validate(row)


def reorder(session: Session, flow_id: int, ids: list[int], *, team: str) -> None:
    """Show the flow's steps in this order. No edit: the versions stay, and an open form is not disturbed."""
    table = FlowStepRow.__table__
    for position, step_id in enumerate(ids, 1):
        session.execute(
            table.update()  # type: ignore[attr-defined]
            .where(FlowStepRow.id == step_id, FlowStepRow.flow_id == flow_id, FlowStepRow.team == team)
            .values(position=position)
        )


def remove(session: Session, step_id: int, *, team: str) -> FlowStep:
    """Delete a step and return what it was; what others say of it stays as it is."""
    row = _row(session, step_id, team, lock=True)
    was = FlowStep.model_validate(row)
    session.delete(row)
    session.flush()
    return was


def new_key(name: str, taken: Collection[str]) -> str:
    """A short name for expressions that is none of ``taken``: ``write_the_report`` of “Write the report”."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    words = re.sub(r"[^a-z0-9]+", "_", plain).strip("_")[:_LONGEST_KEY].rstrip("_")
    known = words if words[:1].isalpha() else f"step_{words}".rstrip("_")
    tries = chain([known], (f"{known}_{number}" for number in count(2)))
    return next(each for each in tries if each not in taken and each not in _TAKEN_KEYS)


def _columns(draft: StepDraft) -> dict[str, Any]:
    return {**draft.model_dump(mode="json"), "name_key": name_key(draft.name)}


def _refusals(name: str) -> AbstractContextManager[None]:
    return translated(
        {
            "uq_flow_steps_flow_id_name_key": NameTaken(kind="a step", name=name),
            # What was looked up before may have been deleted since.
            "fk_flow_steps_flow_id_crew_instances": Gone(kind="flow"),
            "fk_flow_steps_target_id_crew_instances": Gone(kind="crew"),
        }
    )


def _row(session: Session, step_id: int, team: str, *, lock: bool = False) -> FlowStepRow:
    wanted = select(FlowStepRow).where(FlowStepRow.id == step_id, FlowStepRow.team == team)
    row = session.scalar(wanted.with_for_update() if lock else wanted)
    if row is None:
        raise Gone(kind="step")
    return row
