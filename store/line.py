"""The queue: workspaces, and the people in each, take turns; of one person's runs the oldest comes first."""

from __future__ import annotations

from collections import Counter, defaultdict, deque
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from sqlalchemy import ColumnElement, func, or_, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from store import runs, workspace_settings
from store.database import Base
from store.runs import Execution, ExecutionRow, RunState
from store.upserts import upsert

# Somebody whose turn has never been.
_NEVER = datetime.min.replace(tzinfo=UTC)

# A run in the queue: its id, its workspace, and who started it.
Waiting = tuple[int, str, str]


class TurnRow(Base):
    """When a run of somebody was last taken; ``person`` is empty for the workspace as a whole."""

    __tablename__ = "turns"

    team: Mapped[str] = mapped_column(primary_key=True)
    person: Mapped[str] = mapped_column(primary_key=True)
    taken_at: Mapped[datetime]


def claim_next(session: Session, *, owner: str) -> Execution | None:
    """Take the run whose turn it is for this process; ``None`` where nothing waits that may begin now.

    Raises nothing: of several processes that ask at the same time each gets another run.
    """
    if session.get_bind().dialect.name == "postgresql":
        # Two at once would each see room for one more. SQLite lets one write at a time in any case.
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": 0x6C696E65})
    waiting = {waits[0]: waits for waits in _waiting(session)}
    going = _going(session)
    for run_id in in_turn(list(waiting.values()), _taken(session)):
        _, team, person = waiting[run_id]
        if _room(session, team, person, going):
            for who in ("", person):
                taken = {"taken_at": datetime.now(UTC)}
                upsert(session, TurnRow, {"team": team, "person": who, **taken}, update=taken)
            return runs.claim(session, run_id, owner=owner)
    return None


def order(session: Session) -> list[int]:
    """The ids of all waiting runs, the one whose turn is next first."""
    return in_turn(_waiting(session), _taken(session))


def in_turn(waiting: Sequence[Waiting], taken: Mapping[tuple[str, str], datetime]) -> list[int]:
    """The order in which runs are taken up; ``taken`` says when the last one of whom was."""
    lines: defaultdict[str, defaultdict[str, deque[int]]] = defaultdict(lambda: defaultdict(deque))
    for run_id, team, person in sorted(waiting):
        lines[team][person].append(run_id)
    people = {team: _by_turn(line, team, taken) for team, line in lines.items()}
    teams = deque(
        sorted(lines, key=lambda team: (taken.get((team, ""), _NEVER), min(q[0] for q in lines[team].values())))
    )
    found: list[int] = []
    while teams:
        team = teams.popleft()
        person = people[team].popleft()
        found.append(lines[team][person].popleft())
        if lines[team][person]:
            people[team].append(person)
        if people[team]:
            teams.append(team)
    return found


def _by_turn(line: Mapping[str, deque[int]], team: str, taken: Mapping[tuple[str, str], datetime]) -> deque[str]:
    return deque(sorted(line, key=lambda person: (taken.get((team, person), _NEVER), line[person][0])))


def _waiting(session: Session) -> list[Waiting]:
    wanted = select(ExecutionRow.id, ExecutionRow.team, ExecutionRow.started_by)
    rows = session.execute(wanted.where(ExecutionRow.status == RunState.QUEUED, _known()))
    return [(run_id, team, person) for run_id, team, person in rows]


def _known() -> ColumnElement[bool]:
    """A run begins when people have been told of it, or when they are told of it only later."""
    return or_(ExecutionRow.thread_ts.is_not(None), ExecutionRow.telling.is_not(None))


def _going(session: Session) -> Counter[tuple[str, str]]:
    """How many runs of each person go on, and with ``""`` for a person of each workspace."""
    wanted = select(ExecutionRow.team, ExecutionRow.started_by, func.count()).where(
        ExecutionRow.status == RunState.RUNNING
    )
    going: Counter[tuple[str, str]] = Counter()
    for team, person, number in session.execute(wanted.group_by(ExecutionRow.team, ExecutionRow.started_by)):
        going[team, person] += number
        going[team, ""] += number
    return going


def _room(session: Session, team: str, person: str, going: Mapping[tuple[str, str], int]) -> bool:
    limits = workspace_settings.get(session, team).limits
    most = {"": limits.runs_at_once, person: limits.person_runs_at_once}
    return all(number is None or going[team, who] < number for who, number in most.items())


def _taken(session: Session) -> dict[tuple[str, str], datetime]:
    """Of those who wait."""
    teams = select(ExecutionRow.team).where(ExecutionRow.status == RunState.QUEUED)
    rows = session.execute(select(TurnRow.team, TurnRow.person, TurnRow.taken_at).where(TurnRow.team.in_(teams)))
    return {(team, person): at for team, person, at in rows}
