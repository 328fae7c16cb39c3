"""The gate's engine: jobs in lanes that keep their order, sent by a few threads at the pace Slack allows."""

from __future__ import annotations

import copy
import logging
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from enum import IntEnum
from http.client import HTTPException
from itertools import count
from threading import Condition, Thread
from typing import Any
from urllib.error import URLError

from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError, SlackRequestError

from bot.slack.fallback import Content, new_types
from bot.slack.limiter import Key, Limiter

log = logging.getLogger(__name__)

HTTP_TIMEOUT = 15
PATIENCE = 15 * 60.0
_LONGEST_PAUSE = 30.0
_REMEMBER_REFUSED_BLOCKS = 10 * 60.0
_BLOCKS_REFUSED = {
    "invalid_blocks",
    "invalid_blocks_format",
    "msg_blocks_too_long",
    "msg_too_long",
    "only_one_table_allowed",
    "block_mismatch",
}
_SLACKS_OWN_TROUBLE = {"internal_error", "fatal_error", "service_unavailable", "request_timeout"}


class SlackRefused(Exception):
    """Slack did not take a message; ``error`` is Slack's own word for it, such as ``not_in_channel``."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.error = error


class OutcomeUnknown(SlackRefused):
    """The connection broke while Slack had the message: it may be in the channel or not, and was not sent again."""

    def __init__(self) -> None:
        super().__init__("outcome_unknown")


class Answer(Exception):
    """Slack answered, and not with ok."""

    def __init__(self, status: int, error: str, headers: Mapping[str, Any], detail: object = None) -> None:
        super().__init__(error)
        self.status, self.error, self.detail = status, error, detail
        self.limited = status == 429 or error in ("ratelimited", "rate_limited")
        retry_after = str({name.lower(): value for name, value in headers.items()}.get("retry-after"))
        self.retry_after = float(retry_after) if retry_after.isdecimal() else 5.0
        # A gateway that gave up waiting, or an answer that is not JSON, does not tell what became of the message.
        self.unknown = status in (408, 504) or (status == 200 and " " in error)
        self.passing = status >= 500 or error in _SLACKS_OWN_TROUBLE


class Rank(IntEnum):
    """What goes first when several could."""

    FIRST = 0
    POST = 1
    EDIT = 2


@dataclass(eq=False, kw_only=True)
class Job:
    """One call to be made; what ``call(client, content)`` returns is the future's result.

    ``contents`` gives simpler versions should Slack refuse the blocks. Jobs of one ``lane`` keep their order; of
    ``coalesced`` ones only the newest waits. ``repeatable``: may be sent twice without harm. ``patience`` is how many
    seconds Slack may be in trouble before the job is given up; waiting for a 429 does not count.
    """

    what: str
    keys: tuple[Key, ...]
    lane: tuple[str, ...]
    rank: Rank
    call: Callable[[WebClient, Content], Any]
    contents: Iterator[Content] = field(default_factory=lambda: iter([Content("", [])]))
    coalesced: bool = False
    repeatable: bool = True
    patience: float = PATIENCE

    content: Content = field(init=False)
    future: Future[Any] = field(default_factory=Future)
    turn: int = 0
    due: float = 0.0
    failures: int = 0
    failing_since: float | None = None
    doubted: frozenset[str] = frozenset()

    def __post_init__(self) -> None:
        self.content = next(self.contents)
        # A running future cannot be cancelled by one of several people who wait for it.
        self.future.set_running_or_notify_cancel()

    @property
    def team(self) -> str:
        """The workspace it goes to."""
        return self.keys[0].team


@dataclass
class _Lane:
    jobs: deque[Job] = field(default_factory=deque)
    sending: Job | None = None


class Sender:
    """Threads that send jobs; see ``Job`` for what they keep to and ``bot.slack.gate.Gate`` for what it is for."""

    def __init__(
        self, client_for: Callable[[str], WebClient], limiter: Limiter, now: Callable[[], float], threads: int
    ) -> None:
        self._client_for = client_for
        self._limiter = limiter
        self._now = now
        self._changed = Condition()
        self._lanes: dict[tuple[str, ...], _Lane] = {}
        self._turns = count()
        self._refused_blocks: dict[tuple[str, frozenset[str]], float] = {}
        self._closing = self._stopped = False
        self._threads = [Thread(target=self._work, name=f"slack-sender-{n}", daemon=True) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    def add(self, job: Job, *, follow_up: bool = False) -> Future[Any]:
        """Queue a job; a ``follow_up`` to one just sent goes to the front of its lane, even while closing."""
        with self._changed:
            if self._closing and not follow_up:
                job.future.set_exception(SlackRefused("gate_closed"))
                return job.future
            lane = self._lanes.setdefault(job.lane, _Lane())
            newest = lane.jobs[-1] if lane.jobs else lane.sending
            if job.coalesced and newest and newest.rank < job.rank:
                return newest.future
            self._skip_refused_blocks(job)
            job.turn = next(self._turns)
            if job.coalesced and lane.jobs:
                waiting = lane.jobs.pop()
                job.future, job.turn, job.due, job.failures = (
                    waiting.future,
                    waiting.turn,
                    waiting.due,
                    waiting.failures,
                )
            (lane.jobs.appendleft if follow_up else lane.jobs.append)(job)
            self._changed.notify_all()
        return job.future

    def close(self, timeout: float) -> None:
        """Take nothing more, drop waiting edits but the last ones, send the rest for up to ``timeout`` seconds."""
        with self._changed:
            self._closing = True
            dropped = self._take_out(lambda job: job.rank is Rank.EDIT)
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._lanes, timeout)
            self._stopped = True
            lost = self._take_out(lambda job: True)
            self._changed.notify_all()
        for job in lost:
            log.warning("Stopped before this could be sent to Slack: %s", job.what)
        for job in [*dropped, *lost]:
            job.future.set_exception(SlackRefused("gate_closed"))
        for thread in self._threads:
            thread.join(timeout=1.0)

    def _take_out(self, unwanted: Callable[[Job], bool]) -> list[Job]:
        out = [job for lane in self._lanes.values() for job in lane.jobs if unwanted(job)]
        for lane in self._lanes.values():
            lane.jobs = deque(job for job in lane.jobs if job not in out)
        self._lanes = {name: lane for name, lane in self._lanes.items() if lane.jobs or lane.sending}
        return out

    def _work(self) -> None:
        while job := self._next():
            try:
                result = self._send(job)
            except Exception as trouble:  # noqa: BLE001 -- it reaches the future; the thread must live on
                self._after(job, trouble)
            else:
                job.future.set_result(result)
                self._leave(job)

    def _next(self) -> Job | None:
        """The next job, as soon as there is one that may be sent; nothing when the sender has stopped."""
        with self._changed:
            while not self._stopped:
                job, wait = self._pick(self._now())
                if job:
                    return job
                self._changed.wait(wait)
            return None

    def _pick(self, now: float) -> tuple[Job | None, float | None]:
        """A job to send now, its lane held and its calls counted; else the seconds until there may be one."""
        heads = [lane.jobs[0] for lane in self._lanes.values() if lane.jobs and not lane.sending]
        waits = {job: max(job.due - now, self._wait_for_turn(job, now)) for job in heads}
        ready = [job for job, wait in waits.items() if wait <= 0]
        if not ready:
            return None, min(waits.values(), default=None)
        job = min(ready, key=lambda job: (job.rank, job.turn))
        lane = self._lanes[job.lane]
        lane.sending = lane.jobs.popleft()
        self._count(job)
        return job, None

    def _wait_for_turn(self, job: Job, now: float) -> float:
        return max(self._limiter.delay(key, now, urgent=job.rank is not Rank.EDIT) for key in job.keys)

    def _count(self, job: Job) -> None:
        for key in job.keys:
            self._limiter.take(key, self._now())

    def _send(self, job: Job) -> Any:
        """Make the call; when Slack refuses the blocks, again at once with simpler ones."""
        client = copy.copy(self._client_for(job.team))
        # The default handler sends a post again when the connection broke after Slack took it.
        client.retry_handlers, client.timeout = [], HTTP_TIMEOUT
        while True:
            try:
                result = _called(job, client)
            except Answer as answer:
                simpler = next(job.contents, None) if answer.error in _BLOCKS_REFUSED else None
                if not simpler:
                    raise
                log.warning("Slack refused the blocks of %s (%s %s)", job.what, answer.error, answer.detail or "")
                job.doubted = new_types(job.content.blocks) if answer.error == "invalid_blocks" else frozenset()
                job.content = simpler
                with self._changed:
                    self._count(job)
            else:
                if job.doubted:
                    self._refused_blocks[job.team, job.doubted] = self._now() + _REMEMBER_REFUSED_BLOCKS
                return result

    def _skip_refused_blocks(self, job: Job) -> None:
        """Slack rolls new blocks out workspace by workspace; don't ask at every edit of a message."""
        known = (job.team, new_types(job.content.blocks))
        if self._refused_blocks.get(known, float("-inf")) > self._now():
            job.content = next(job.contents, job.content)

    def _after(self, job: Job, trouble: Exception) -> None:
        """Decide what a failed call means: wait and send it again, or tell whoever holds the future."""
        match trouble:
            case Answer(limited=True):
                log.info("Slack asks to wait %s s before %s", trouble.retry_after, job.what)
                self._again(job, pause=trouble.retry_after)
            case Answer(unknown=True):
                self._unknown(job, trouble)
            case Answer(passing=True) | URLError() | SlackRequestError():
                # urllib raises URLError while it connects and sends; what was not sent whole was not taken.
                self._later(job, trouble)
            case OSError() | HTTPException():
                self._unknown(job, trouble)
            case Answer():
                log.warning("Slack refused %s: %s %s", job.what, trouble.error, trouble.detail or "")
                self._fail(job, SlackRefused(trouble.error))
            case _:
                log.error("Could not send %s", job.what, exc_info=trouble)
                self._fail(job, trouble)

    def _unknown(self, job: Job, trouble: Exception) -> None:
        if job.repeatable:
            self._later(job, trouble)
            return
        log.warning("The connection to Slack broke during %s, which may be there or not: %r", job.what, trouble)
        self._fail(job, OutcomeUnknown())

    def _later(self, job: Job, trouble: Exception) -> None:
        now = self._now()
        job.failing_since = now if job.failing_since is None else job.failing_since
        if now - job.failing_since > job.patience:
            log.warning("Gave up %s: %r", job.what, trouble)
            self._fail(job, SlackRefused(trouble.error if isinstance(trouble, Answer) else "slack_unreachable"))
            return
        job.due = now + min(_LONGEST_PAUSE, 0.5 * 2**job.failures)
        job.failures += 1
        log.info("Sending %s again in %.1f s: %r", job.what, job.due - now, trouble)
        self._again(job)

    def _again(self, job: Job, *, pause: float = 0.0) -> None:
        with self._changed:
            if pause:
                self._limiter.pause(job.keys[0], self._now(), pause)
            lane = self._lanes[job.lane]
            newer = lane.jobs[0] if job.coalesced and lane.jobs else None
            dropped = not newer and (self._stopped or (self._closing and job.rank is Rank.EDIT))
            if newer:
                newer.due, newer.failures = job.due, job.failures
            elif not dropped:
                lane.jobs.appendleft(job)
        if newer:
            newer.future.add_done_callback(lambda done: _pass_on(done, job.future))
        elif dropped:
            job.future.set_exception(SlackRefused("gate_closed"))
        self._leave(job)

    def _fail(self, job: Job, error: Exception) -> None:
        job.future.set_exception(error)
        self._leave(job)

    def _leave(self, job: Job) -> None:
        """Let the next job of the lane go on."""
        with self._changed:
            lane = self._lanes[job.lane]
            lane.sending = None
            if not lane.jobs:
                del self._lanes[job.lane]
            self._changed.notify_all()


def _called(job: Job, client: WebClient) -> Any:
    try:
        return job.call(client, job.content)
    except SlackApiError as error:
        answer: Any = error.response
        detail = (answer.get("response_metadata") or {}).get("messages")
        raise Answer(answer.status_code, str(answer.get("error")), answer.headers, detail) from None


def _pass_on(done: Future[Any], follower: Future[Any]) -> None:
    if error := done.exception():
        follower.set_exception(error)
    else:
        follower.set_result(done.result())
