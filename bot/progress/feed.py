"""The feed itself: one thread that turns what happens in runs into log rows and Slack messages."""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from bot.events import (
    ENDINGS,
    RunEvent,
    RunResumed,
    RunStarted,
    RunWaiting,
    TaskFile,
)
from bot.progress import messages
from bot.progress.drawings import Draw, Drawings
from bot.progress.log import Counting, Log, nothing_used
from bot.progress.picture import RunPicture
from bot.progress.poster import Poster
from bot.slack.gate import Gate
from bot.slack.text import fit
from store import finished, line, outbox, runs
from store.database import Session, Store
from store.limits import LimitPause, last_pause
from store.outbox import FILE, LIMIT, NOTICE, PICTURE, Said
from store.runs import NOTHING_NEW, Execution, RunState

logger = logging.getLogger(__name__)

# When a flow is drawn anew in its thread; between these moments the cards show how far it is.
_DRAWN = (RunStarted, RunWaiting, *ENDINGS)

# The elapsed time of a run that is silent is refreshed this often; several runs share Slack's allowance.
REFRESH = timedelta(seconds=5)
# How often the feed looks for what nobody is saying, and how long it leaves a thing to whoever wrote it down.
CATCH_UP = timedelta(seconds=5)
PATIENCE = timedelta(seconds=10)
# So many seconds of the end are for what is on its way.
SEEING_OFF = 5.0

NOT_A_MEMBER = (
    "I’m not in this channel, so I can’t post the run here. Invite me with /invite @{bot}, then run it again."
)
UNTOLD = "Slack did not take the message ({error}), so nothing is told there. `/crew runs` shows what became of it."

# Says a sentence to a person, given the workspace and the person; it returns at once.
Notify = Callable[[str, str, str], None]


def _nothing_to_ask(_run_id: int) -> None:
    """Nobody has to decide anything."""


class Feed:
    """Give it runs to announce and events; it never blocks the caller, and keeps the order of each run's events."""

    def __init__(
        self,
        store: Store,
        gate: Gate,
        *,
        bot_name: str,
        notify: Notify,
        ask: Callable[[int], None] = _nothing_to_ask,
        patience: timedelta = PATIENCE,
        draw: Draw | None = None,
        counting: Counting = nothing_used,
    ) -> None:
        """What another process has not said after so much ``patience`` is said by this one.

        ``notify(team, user, sentence)`` tells a person directly, when nobody is left who could say it otherwise.
        ``ask(run_id)`` posts what a run asks people, now that it has a thread later than others.
        ``draw`` draws a flow with the marks of its steps; without it flows are told of in words alone. ``counting``
        gives what runs have used, to be counted with the log.
        """
        self.store = store
        self.bot_name = bot_name
        self._notify, self._ask = notify, ask
        self._patience_with_others = patience
        self._catch_up_every = min(CATCH_UP, patience)
        self._caught_up_at = datetime.now(UTC)
        self._drawings = Drawings(draw) if draw else None
        self._jobs: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._pictures: dict[int, RunPicture] = {}
        # Runs that are told about only if there is news, each with whom to tell what goes wrong.
        self._hushed: dict[int, Callable[[str], None]] = {}
        self._log = Log(store, counting)
        self._poster = Poster(store, gate, self._jobs.put)
        self._thread = threading.Thread(target=self._work, name="feed", daemon=True)
        self._thread.start()

    def announce(self, run: Execution, *, tell: Callable[[str], None], then: Callable[[int], None]) -> None:
        """Post the run's parent message, then call ``then(run.id)``.

        When Slack refuses the message the run ends before it began, and ``tell`` is given the reason.
        """
        self._jobs.put(partial(self._announce, run, tell, then))

    def __call__(self, event: RunEvent) -> None:
        """Take note of what happened."""
        self._jobs.put(partial(self._happened, event))

    def close(self) -> None:
        """Write and send what is still to be said, then stop."""
        self._jobs.put(None)
        self._thread.join()

    def _work(self) -> None:
        while True:
            try:
                job = self._jobs.get(timeout=self._patience())
            except queue.Empty:
                self._safely(self._tick)
                continue
            if job is None:
                self._safely(self._log.flush)
                if self._drawings:
                    self._drawings.close()
                self._see_off()
                return
            self._safely(job)
            self._safely(self._tick)

    def _see_off(self) -> None:
        """Hear what becomes of what is on its way; the next process would have to look for it."""
        until = time.monotonic() + SEEING_OFF
        while (self._poster.busy or not self._jobs.empty()) and (left := until - time.monotonic()) > 0:
            with suppress(queue.Empty):
                if job := self._jobs.get(timeout=left):
                    self._safely(job)

    def _safely(self, job: Callable[[], None]) -> None:
        # One run's trouble must not silence the others.
        try:
            job()
        except Exception:
            logger.exception("the feed could not do a job")

    def _patience(self) -> float:
        due = [self._caught_up_at + self._catch_up_every]
        if self._log.flush_at is not None:
            due.append(self._log.flush_at)
        return max(0.0, (min(due) - datetime.now(UTC)).total_seconds())

    def _tick(self) -> None:
        now = datetime.now(UTC)
        if self._log.is_due(now):
            self._log.flush()
        for picture in self._pictures.values():
            if picture.state is RunState.RUNNING and picture.shown_at and now - picture.shown_at >= self._refresh():
                self._show(picture)
        if now - self._caught_up_at >= self._catch_up_every:
            self._catch_up()

    def _refresh(self) -> timedelta:
        return max(REFRESH, timedelta(seconds=2 * len(self._pictures)))

    # --- Announcing ------------------------------------------------------------------------------------------------

    def _announce(self, run: Execution, tell: Callable[[str], None], then: Callable[[int], None]) -> None:
        if run.id in self._pictures:
            return
        picture = self._pictures[run.id] = RunPicture.of(run)
        if run.telling is None:
            self._post_parent(picture, tell, then)
            return
        self._hushed[run.id] = tell
        then(run.id)

    def _post_parent(self, picture: RunPicture, tell: Callable[[str], None], then: Callable[[int], None]) -> None:
        self._poster.post(
            picture.run,
            outbox.PARENT,
            messages.parent(picture),
            # A run that was asked for in a thread is told about there.
            thread_ts=picture.run.thread_ts,
            placed=partial(_in_its_thread, picture.run),
            then=partial(self._opened, picture, then),
            refused=partial(self._refused, picture, tell),
        )

    def _opened(self, picture: RunPicture, then: Callable[[int], None], ts: str) -> None:
        picture.parent_ts = ts
        picture.thread_ts = picture.run.thread_ts or ts
        if picture.state.over:
            self._end(picture)
            return
        self._post_progress(picture)
        then(picture.run.id)

    def _refused(self, picture: RunPicture, tell: Callable[[str], None], error: str) -> None:
        with self.store.transaction() as session:
            waited = runs.discard(session, picture.run.id)
        self._pictures.pop(picture.run.id, None)
        if not waited:
            tell(UNTOLD.format(error=error))
        elif error in ("not_in_channel", "channel_not_found"):
            tell(NOT_A_MEMBER.format(bot=self.bot_name))
        else:
            tell(f"Slack did not take the message ({error}), so the run did not start.")

    def _to_its_starter(self, run: Execution) -> Callable[[str], None]:
        """How to tell whoever started a run what goes wrong, now that the request with which they did is long over."""
        return lambda sentence: self._notify(run.team, run.started_by, f"Your run of “{run.crew_name}”: {sentence}")

    def _post_progress(self, picture: RunPicture) -> None:
        picture.shown_at = datetime.now(UTC)
        message = messages.progress(picture, picture.shown_at)
        self._poster.post(
            picture.run,
            outbox.PROGRESS,
            message,
            thread_ts=picture.thread_ts,
            placed=partial(_its_progress, picture.run),
            then=partial(self._progress_posted, picture),
        )

    def _progress_posted(self, picture: RunPicture, ts: str) -> None:
        picture.progress_ts = ts
        self._show(picture)

    # --- What happened ---------------------------------------------------------------------------------------------

    def _happened(self, event: RunEvent) -> None:
        picture = self._pictures.get(event.run_id) or self._taken_up(event)
        self._log.note(event)
        if picture is None:
            return
        picture.note(event)
        if picture.run.telling is not None and isinstance(event, (*ENDINGS, RunWaiting)):
            self._break_silence(picture)
        if picture.thread_ts is None:
            return
        if self._drawings and picture.steps and picture.steps.steps and isinstance(event, _DRAWN):
            part = outbox.named(picture.run, PICTURE + _moment(event))
            with self.store.transaction() as session:
                outbox.want(session, picture.run.id, [part])
            self._drawings.draw(picture, partial(self._drawn, picture, part))
        if isinstance(event, (RunResumed, *ENDINGS)):
            self._settle_limit(picture)
        if isinstance(event, ENDINGS):
            self._end(picture)
            return
        if isinstance(event, RunStarted | RunResumed | RunWaiting):
            self._show_parent(picture)
        if isinstance(event, RunResumed | RunWaiting):
            self._post_notices(picture)
        if isinstance(event, RunResumed | TaskFile):
            self._attach(picture)
        self._show(picture)

    def _taken_up(self, event: RunEvent) -> RunPicture | None:
        """A run that another process announced, or could not; nothing where one that has been told about is meant."""
        picture = self._picture(event.run_id)
        if picture.state.over and not isinstance(event, ENDINGS):
            return None
        self._pictures[event.run_id] = picture
        if picture.run.telling is not None:
            return picture
        if picture.parent_ts is None or picture.thread_ts is None:
            self._post_parent(picture, self._to_its_starter(picture.run), self._ask)
        elif picture.progress_ts is None and not picture.state.over:
            self._post_progress(picture)
        return picture

    def _picture(self, run_id: int) -> RunPicture:
        """The picture of a run as the store knows it, with where its messages are."""
        with self.store.reading() as session:
            run, said = runs.fetch(session, run_id), outbox.of_run(session, run_id)
            picture = RunPicture.of(run, finished.all_of(session, run_id))
        parent = said.get(outbox.PARENT)
        # Runs of before the outbox have their parent message where their thread is.
        picture.parent_ts = parent.ts if parent else run.thread_ts
        picture.unheard = parent is not None and parent.state is Said.REFUSED
        return picture

    def _break_silence(self, picture: RunPicture) -> None:
        """Tell about a run that was to be told about only if its result is new, or let it rest in the log.

        One that waits for a person is told about whatever comes out: nobody can answer what they do not see.
        """
        tell = self._hushed.pop(picture.run.id, self._to_its_starter(picture.run))
        with self.store.transaction() as session:
            if not picture.state.over:
                runs.keep_quiet(session, picture.run.id, nothing_new=False)
            picture.run = runs.fetch(session, picture.run.id)
        if picture.run.telling != NOTHING_NEW:
            self._post_parent(picture, tell, self._ask)
            return
        self._safely(self._log.flush)
        self._pictures.pop(picture.run.id, None)

    def _attach(self, picture: RunPicture) -> None:
        """Share the results that are wanted as files and are not there yet."""
        with self.store.reading() as session:
            said = outbox.of_run(session, picture.run.id)
            owed = [part for part in said.values() if part.part.startswith(FILE) and part.state is Said.PENDING]
            done = finished.all_of(session, picture.run.id) if owed else {}
        for part in owed:
            content = done[part.part.removeprefix(FILE)]["raw"]
            self._upload(picture, part.part, part.payload["name"], content, f"Result of {part.payload['work']}")

    def _post_pictures(self, picture: RunPicture) -> None:
        """Draw the flow as it is now where an earlier picture of it is owed."""
        with self.store.reading() as session:
            said = outbox.of_run(session, picture.run.id)
        for part in said.values():
            if self._drawings and part.part.startswith(PICTURE) and part.state is Said.PENDING:
                self._drawings.draw(picture, partial(self._drawn, picture, part.part))

    def _drawn(self, picture: RunPicture, part: str, png: bytes | None, words: str) -> None:
        """Called on the thread that draws."""
        self._jobs.put(partial(self._post_picture, picture, part, png, words))

    def _post_picture(self, picture: RunPicture, part: str, png: bytes | None, words: str) -> None:
        if png is None:
            with self.store.transaction() as session:
                outbox.leave_out(session, picture.run.id, part)
            return
        assert picture.thread_ts is not None
        self._poster.upload(
            picture.run,
            part,
            f"flow {part.removeprefix(PICTURE).partition(':')[0].partition('~')[0]}.png",
            png,
            fit(words.partition(". ")[0], 200),
            thread_ts=picture.thread_ts,
            alt_text=fit(words, 1_000),
        )

    def _upload(self, picture: RunPicture, part: str, name: str, content: str, title: str) -> None:
        assert picture.thread_ts is not None
        self._poster.upload(picture.run, part, name, content, title, thread_ts=picture.thread_ts)

    def _post_notices(self, picture: RunPicture) -> None:
        with self.store.reading() as session:
            said = outbox.of_run(session, picture.run.id)
        for part in said.values():
            say = next((say for prefix, say in _NOTICES.items() if part.part.startswith(prefix)), None)
            if say and part.state is Said.PENDING:
                message = say(picture.run, part.payload)
                self._poster.post(picture.run, part.part, message, thread_ts=picture.thread_ts)

    def _settle_limit(self, picture: RunPicture) -> None:
        """Take the buttons from the question at which the run waited last: it waits no more."""
        with self.store.reading() as session:
            pause = last_pause(session, picture.run.id)
            part = outbox.of_run(session, picture.run.id).get(f"{LIMIT}{pause.id}") if pause else None
        if pause and part and part.ts:
            self._poster.edit(picture.run, part.part, part.ts, messages.limit_settled(pause), picture.state)

    def _show(self, picture: RunPicture) -> None:
        if picture.progress_ts is None:
            return
        picture.shown_at = datetime.now(UTC)
        message = messages.progress(picture, picture.shown_at)
        self._poster.edit(picture.run, outbox.PROGRESS, picture.progress_ts, message, picture.state)

    def _show_parent(self, picture: RunPicture) -> None:
        if picture.parent_ts is not None:
            message = messages.parent(picture)
            self._poster.edit(picture.run, outbox.PARENT, picture.parent_ts, message, picture.state)

    def _end(self, picture: RunPicture) -> None:
        # A log that cannot be written must not keep the result from people.
        self._safely(self._log.flush)
        self._post_notices(picture)
        self._attach(picture)
        self._show(picture)
        self._show_parent(picture)
        final, file = messages.results(picture)
        parts = [outbox.RESULT, *(f"{outbox.RESULT}:{number}" for number in range(2, len(final) + 1))]
        file_part = f"{outbox.RESULT}:file"
        run = picture.run
        with self.store.transaction() as session:
            outbox.leave_out(session, run.id, outbox.PROGRESS)
            # Before the first of them is said, so that none is forgotten.
            now = runs.fetch(session, run.id)
            names = {part: outbox.named(now, part) for part in (*parts, file_part)}
            outbox.want(session, run.id, [names[part] for part in parts] + ([names[file_part]] if file else []))
        for part, message in zip(parts, final, strict=True):
            self._poster.post(run, names[part], message, thread_ts=picture.thread_ts)
        if file is not None:
            title = f"Result of {run.crew_name}"
            self._upload(picture, names[file_part], f"{run.crew_name} {run.id}.md", file, title)
        self._pictures.pop(run.id, None)

    # --- What nobody is saying -------------------------------------------------------------------------------------

    def _catch_up(self) -> None:
        """Say what was to be said by a process that is no more, or when Slack did not answer."""
        self._caught_up_at = datetime.now(UTC)
        self._safely(self._forget)
        self._safely(self._show_places)
        self._poster.hold()
        for run_id in self._poster.behind(patience=self._patience_with_others):
            self._safely(partial(self._resay, run_id))

    def _show_places(self) -> None:
        """Say of the runs that wait for their turn how many come before them."""
        waiting = [picture for picture in self._pictures.values() if picture.state is RunState.QUEUED]
        if not waiting:
            return
        with self.store.reading() as session:
            places = {run_id: place for place, run_id in enumerate(line.order(session), 1)}
        for picture in waiting:
            # Of a long line only the front moves: each change takes one of Slack's edits.
            place = min(places.get(picture.run.id, 0), messages.LAST_PLACE)
            if place != picture.place:
                picture.place = place
                self._show_parent(picture)

    def _forget(self) -> None:
        """What was announced here and has begun elsewhere is told about there."""
        queued = [each for each in self._pictures.values() if each.state is RunState.QUEUED and each.progress_ts]
        if not queued:
            return
        with self.store.reading() as session:
            begun = [each for each in queued if runs.fetch(session, each.run.id).status is not RunState.QUEUED]
        for picture in begun:
            self._pictures.pop(picture.run.id, None)

    def _resay(self, run_id: int) -> None:
        picture, stored = self._pictures.get(run_id), self._picture(run_id)
        if picture is None or stored.state.over:
            picture = stored
        if picture.unheard:
            with self.store.transaction() as session:
                outbox.give_up(session, run_id)
        elif picture.parent_ts is None or picture.thread_ts is None:
            self._pictures[run_id] = picture
            self._post_parent(picture, self._to_its_starter(picture.run), self._ask)
        else:
            if picture.progress_ts is None:
                self._post_progress(picture)
            self._post_pictures(picture)
            if picture.state.over:
                self._end(picture)
                return
            self._post_notices(picture)
            self._attach(picture)
            self._show(picture)
            self._show_parent(picture)


# What a run says in its thread while it goes on, by what the names of the parts begin with.
_NOTICES: Mapping[str, Callable[[Execution, dict[str, Any]], messages.Message]] = {
    NOTICE: lambda _run, payload: messages.notice(payload),
    LIMIT: lambda run, payload: messages.limit_question(run, LimitPause.model_validate(payload)),
}


def _moment(event: RunEvent) -> str:
    """What a picture of this moment is called."""
    match event:
        case RunStarted():
            return "start"
        case RunWaiting():
            return f"waiting:{event.key}"
    return "end"


def _in_its_thread(run: Execution, session: Session, ts: str) -> None:
    runs.place(session, run.id, thread_ts=run.thread_ts or ts)


def _its_progress(run: Execution, session: Session, ts: str) -> None:
    runs.place(session, run.id, progress_ts=ts)
