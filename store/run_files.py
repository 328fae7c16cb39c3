"""Files that people gave to runs: what can be read of each; the files themselves are in the data directory."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.database import Base, Draft, Record


class RunFileDraft(Draft):
    """One file as it was read: ``kind`` is "text", "table", "document" or "picture", ``size`` is in bytes.

    ``cut`` says that ``text`` is only the beginning; a picture has none.
    """

    name: str
    kind: str
    size: int
    text: str = ""
    cut: bool = False


class RunFile(Record):
    """A file of a run; ``number`` counts from 1 and is its name in the data directory."""

    execution_id: int
    number: int
    name: str
    kind: str
    size: int
    text: str
    cut: bool


class RunFileRow(Base):
    """One row for each file of a run; it goes with the run."""

    __tablename__ = "run_files"

    execution_id: Mapped[int] = mapped_column(ForeignKey("executions.id", ondelete="CASCADE"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    kind: Mapped[str]
    size: Mapped[int]
    text: Mapped[str]
    cut: Mapped[bool]


def add(session: Session, run_id: int, drafts: Sequence[RunFileDraft]) -> list[RunFile]:
    """Give these files to a run that has none yet."""
    rows = [
        RunFileRow(execution_id=run_id, number=number, **draft.model_dump())
        for number, draft in enumerate(drafts, start=1)
    ]
    session.add_all(rows)
    session.flush()
    return [RunFile.model_validate(row) for row in rows]


def of_run(session: Session, run_id: int) -> list[RunFile]:
    """The files of a run in the order in which they were given."""
    wanted = select(RunFileRow).where(RunFileRow.execution_id == run_id).order_by(RunFileRow.number)
    return [RunFile.model_validate(row) for row in session.scalars(wanted)]
