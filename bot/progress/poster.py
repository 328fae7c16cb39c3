"""Says each part of a run exactly once, whatever becomes of this process or of the connection meanwhile."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from bot import processes
from bot.progress.messages import Message
from bot.slack.blocks import Json
from bot.slack.gate import Gate, OutcomeUnknown, SlackRefused
from store import outbox
from store.database import Session, Store
from store.outbox import Part, Said
from store.runs import Execution, RunState

logger = logging.getLogger(__name__)

EVENT = "crewcall_run"
# Slack's clock and ours may differ by so much.
_CLOCKS = timedelta(seconds=60)
_MOST_SHOWN = 1_000
# The part may well be taken later.
_PASSING = {"gate_closed", "slack_unreachable"}

Job = Callable[[], None]


def lasting(trouble: BaseException) -> bool:
    """Whether Slack has refused for good, so that another try is of no use."""
    return isinstance(trouble, SlackRefused) and trouble.error not in _PASSING


def _nothing(_: str) -> None:
    """Nobody has to know."""


def _nowhere(_session: Session, _ts: str) -> None:
    """It is in the outbox alone that the part is there."""


@dataclass(frozen=True, kw_only=True)
class _Errand:
    """A part on its way: how it is sent, how it is told in Slack, and what happens then."""

    run: Execution
    part: str
    thread_ts: str | None
    send: Callable[[], Future[Any]]
    is_it: Callable[[Json], bool]
    placed: Callable[[Session, str], None] = _nowhere
    then: Callable[[str], None] = _nothing
    refused: Callable[[str], None] = _nothing


class Poster:
    """Everything here is called on one thread, and so is what it calls back: see ``later``."""

    def __init__(self, store: Store, gate: Gate, later: Callable[[Job], None]) -> None:
        """``later(job)`` has the job done on the thread from which this is used."""
        self.store = store
        self.gate = gate
        self.owner = processes.name_of_this()
        self._later = later
        self._going: set[tuple[int, str]] = set()
        # The last states that messages certainly show: showing them once more would only keep others waiting.
        self._shown: dict[tuple[int, str], tuple[RunState, int]] = {}

    def post(
        self,
        run: Execution,
        part: str,
        message: Message,
        *,
        thread_ts: str | None,
        placed: Callable[[Session, str], None] = _nowhere,
        then: Callable[[str], None] = _nothing,
        refused: Callable[[str], None] = _nothing,
    ) -> None:
        """Post a message unless it is there; then, or if it was there already, call ``then`` with its ``ts``.

        ``placed`` writes down where it is, in the transaction in which the outbox does: both know it, or neither.
        ``refused`` is called with Slack's word if Slack does not take it.
        """
        metadata = {"event_type": EVENT, "event_payload": {"run_id": run.id, "part": part}}
        send = partial(
            self.gate.post,
            run.channel,
            message.text,
            message.blocks,
            thread_ts=thread_ts,
            metadata=metadata,
            team=run.team,
        )

        def is_it(found: Json) -> bool:
            return bool((found.get("metadata") or {}).get("event_payload") == metadata["event_payload"])

        self._take(
            _Errand(
                run=run,
                part=part,
                thread_ts=thread_ts,
                send=send,
                is_it=is_it,
                placed=placed,
                then=then,
                refused=refused,
            )
        )

    def upload(
        self,
        run: Execution,
        part: str,
        name: str,
        content: str | bytes,
        title: str,
        *,
        thread_ts: str,
        alt_text: str | None = None,
    ) -> None:
        """Share a file in the run's thread unless it is there."""
        send = partial(self.gate.upload, run.channel, name, content, title, thread_ts, alt_text, team=run.team)

        def is_it(found: Json) -> bool:
            files = [(file.get("name"), file.get("title")) for file in found.get("files", [])]
            return (name, title) in files

        self._take(
            _Errand(
                run=run,
                part=part,
                thread_ts=thread_ts,
                send=send,
                is_it=is_it,
            )
        )

    def edit(self, run: Execution, part: str, ts: str, message: Message, state: RunState) -> None:
        """Bring a message to this state. That its run is over, or waits, is shown before everything else."""
        last = state.over or state is RunState.WAITING
        if last and self._shown.get((run.id, part)) == (state, run.round):
            return
        self._shown.pop((run.id, part), None)
        # The channel shows the state of a run; its cards stand in the thread, beside the result.
        detail = part == outbox.PROGRESS
        edited = self.gate.edit(run.channel, ts, message.text, message.blocks, last=last, detail=detail, team=run.team)
        if last:
            edited.add_done_callback(lambda done: self._later(partial(self._edited, run, part, state, done)))

    @property
    def busy(self) -> bool:
        """Whether something is on its way."""
        return bool(self._going)

    def hold(self) -> None:
        """Say that this process is still at what it has begun to send."""
        if self._going:
            with self.store.transaction() as session:
                outbox.hold(session, self.owner)

    def behind(self, *, patience: timedelta) -> list[int]:
        """The runs of which something has been unsaid or shown wrong for so long, and which nobody is at."""
        with self.store.reading() as session:
            return outbox.behind(session, self._is_idle, since=datetime.now(UTC) - patience)

    def _is_idle(self, run_id: int, part: str, holder: str) -> bool:
        """Whether the process that took a part is not at it: it is no more, or it is this one and lost the part."""
        return (run_id, part) not in self._going if holder == self.owner else processes.is_gone(holder)

    def _take(self, errand: _Errand) -> None:
        key = (errand.run.id, errand.part)
        if key in self._going:
            return
        with self.store.transaction() as session:
            taken = outbox.take(session, *key, owner=self.owner, lost=processes.is_gone)
        if taken is None or taken.state is Said.REFUSED:
            return
        if taken.ts is not None:
            errand.then(taken.ts)
            return
        self._going.add(key)
        if taken.tries > 1:
            self._look_up(errand, taken)
        else:
            self._send(errand, taken)

    def _send(self, errand: _Errand, taken: Part) -> None:
        errand.send().add_done_callback(lambda done: self._later(partial(self._sent, errand, taken, done)))

    def _sent(self, errand: _Errand, taken: Part, done: Future[Any]) -> None:
        try:
            ts = str(done.result() or "file")
        except OutcomeUnknown:
            self._look_up(errand, taken)
        except SlackRefused as refusal:
            self._refused(errand, refusal.error)
        except Exception:
            logger.exception("run %s: %s could not be sent", errand.run.id, errand.part)
            self._refused(errand, "no_answer")
        else:
            self._is_there(errand, ts)

    def _look_up(self, errand: _Errand, taken: Part) -> None:
        """It may be in Slack already: somebody set out to send it, and nobody knows what became of that."""
        since = (taken.first_try_at or datetime.now(UTC)) - _CLOCKS
        found = self.gate.find(
            errand.run.channel,
            errand.is_it,
            since=since.timestamp(),
            thread_ts=errand.thread_ts,
            team=errand.run.team,
        )
        found.add_done_callback(lambda done: self._later(partial(self._looked_up, errand, taken, done)))

    def _looked_up(self, errand: _Errand, taken: Part, done: Future[str | None]) -> None:
        try:
            ts = done.result()
        except SlackRefused as refusal:
            if refusal.error in _PASSING:
                self._refused(errand, refusal.error)
                return
            # Twice is better than never.
            logger.warning("run %s: cannot look for %s (%s)", errand.run.id, errand.part, refusal.error)
            ts = None
        if ts is None:
            self._send(errand, taken)
        else:
            self._is_there(errand, ts)

    def _is_there(self, errand: _Errand, ts: str) -> None:
        self._going.discard((errand.run.id, errand.part))
        with self.store.transaction() as session:
            errand.placed(session, ts)
            outbox.sent(session, errand.run.id, errand.part, ts)
        errand.then(ts)

    def _refused(self, errand: _Errand, error: str) -> None:
        self._going.discard((errand.run.id, errand.part))
        passing = error in _PASSING
        with self.store.transaction() as session:
            (outbox.release if passing else outbox.refused)(session, errand.run.id, errand.part)
        if not passing:
            errand.refused(error)

    def _edited(self, run: Execution, part: str, state: RunState, done: Future[None]) -> None:
        trouble = done.exception()
        if trouble is not None and not lasting(trouble):
            return
        # A message that Slack does not let us edit, because somebody deleted it, needs no other try.
        with self.store.transaction() as session:
            outbox.shown(session, run, part, state)
        if len(self._shown) >= _MOST_SHOWN:
            self._shown.clear()
        self._shown[run.id, part] = (state, run.round)
