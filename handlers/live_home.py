"""App Home while people look at it: published when they open it, and anew when something in it has changed."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from threading import Condition, Thread

from bot.errors import UserError
from bot.services import Actor
from bot.services.home import Home, Standing
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.boundary import unexpected
from bot.slack.gate import Gate
from bot.slack.text import escape
from handlers.crew_list import PAGE, Look
from handlers.home_page import home_page
from handlers.review_rows import Link
from handlers.waiting import MOST

logger = logging.getLogger(__name__)

# Slack does not say when somebody leaves their App Home; who has not opened it for so long, in seconds, has.
_LOOKED_AT = 600.0
_MOST_PEOPLE = 1_000
# How often the store is asked what has changed, for runs of other processes; what happens here is looked at sooner.
_LOOK = 5.0
_SOON = 1.0
# Nobody's App Home changes more often than this by itself.
_REST = 3.0


@dataclass(eq=False)
class _Shown:
    """Somebody's App Home: what they look at, and what of it Slack has."""

    actor: Actor
    look: Look
    opened_at: float
    # They wait for it; or it may have changed.
    asked: bool = True
    stale: bool = False
    rests_until: float = 0.0
    # Counts what was sent; only the answer to the last of it tells what Slack shows.
    turn: int = 0
    on_its_way: bool = False
    hash: str | None = None
    digest: str = ""


class LiveHome:
    """Everybody's App Home. Each method returns at once, and no trouble with Slack reaches who calls it.

    A view that is older never follows a newer one: one thread draws them all, and the gate keeps their order. Another
    process may show the same person something newer, because they clicked there: views that nobody asked for go only
    over the one that was shown last from here, by its hash, and when Slack says that another is there now, whoever
    put it there brings it up to date.
    """

    def __init__(self, home: Home, gate: Gate, link: Link, *, now: Callable[[], float] = time.monotonic) -> None:
        """``link`` gives the address of a message; ``now`` is in seconds."""
        self._home = home
        self._gate = gate
        self._link = link
        self._now = now
        self._changed = Condition()
        # Who opened it longest ago comes first.
        self._people: dict[Actor, _Shown] = {}
        self._standing: dict[str, Standing] = {}
        self._look_at = self._looked_at = 0.0
        self._closed = False
        self._thread = Thread(target=self._work, name="app-home", daemon=True)
        self._thread.start()

    def show(self, actor: Actor, look: Look) -> None:
        """Show somebody their App Home, who looks at it now."""
        with self._changed:
            shown = self._people.pop(actor, None) or _Shown(actor, look, 0.0)
            shown.look, shown.opened_at, shown.asked = look, self._now(), True
            self._people[actor] = shown
            if len(self._people) > _MOST_PEOPLE:
                del self._people[next(iter(self._people))]
            self._changed.notify()

    def acted(self, actor: Actor) -> None:
        """Take note that somebody did something, which may show in their App Home a moment later."""
        with self._changed:
            if shown := self._people.get(actor):
                shown.stale, shown.rests_until = True, max(shown.rests_until, self._now() + _SOON)
                self._changed.notify()

    def run_moved(self) -> None:
        """Take note that a run has begun, waits, goes on or is over."""
        with self._changed:
            if self._people:
                self._look_at = min(self._look_at, max(self._now(), self._looked_at + _SOON))
                self._changed.notify()

    def close(self) -> None:
        """Show nothing more."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join()

    # --- The thread ------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while job := self._next():
            try:
                job()
            except Exception:
                logger.exception("App Home could not be brought up to date")

    def _next(self) -> Callable[[], None] | None:
        with self._changed:
            while not self._closed:
                now = self._now()
                self._forget(now)
                if shown := next((each for each in self._people.values() if each.asked), None):
                    return self._taken(shown)
                if self._people and now >= self._look_at:
                    self._looked_at, self._look_at = now, now + _LOOK
                    return self._look
                waiting = [each for each in self._people.values() if each.stale and not each.on_its_way]
                if shown := next((each for each in waiting if now >= each.rests_until), None):
                    return self._taken(shown)
                due = [each.rests_until for each in waiting] + ([self._look_at] if self._people else [])
                self._changed.wait(min(due) - now if due else None)
        return None

    def _forget(self, now: float) -> None:
        gone = [actor for actor, shown in self._people.items() if now - shown.opened_at > _LOOKED_AT]
        for actor in gone:
            del self._people[actor]
        teams = {actor.team for actor in self._people}
        self._standing = {team: known for team, known in self._standing.items() if team in teams}

    def _taken(self, shown: _Shown) -> Callable[[], None]:
        """The publishing of what somebody looks at now."""
        asked, shown.asked, shown.stale = shown.asked, False, False
        return partial(self._publish, shown, shown.look, asked)

    def _look(self) -> None:
        """Find out what has changed, and whom it concerns."""
        with self._changed:
            people = list(self._people.values())
        for team in {shown.actor.team for shown in people}:
            before, after = self._standing.get(team), self._home.standing(team)
            self._standing[team] = after
            changed = {thing for thing, _ in before.items() ^ after.items()} if before is not None else set()
            for shown in people if changed else ():
                if shown.actor.team == team and self._home.concerns(changed, by=shown.actor):
                    shown.stale = True

    # --- Publishing ------------------------------------------------------------------------------------------------

    def _publish(self, shown: _Shown, look: Look, asked: bool) -> None:
        actor = shown.actor
        if actor.team not in self._standing:
            # Before it is drawn: whatever changes from here on is noticed.
            self._standing[actor.team] = self._home.standing(actor.team)
        try:
            view = self._drawn(actor, look)
        except Exception as error:  # noqa: BLE001 - whoever waits is told in any case
            refusal = error if isinstance(error, UserError) else unexpected(error, "App Home")
            shown.stale, shown.rests_until = True, self._now() + _LOOK
            if not asked:
                return
            view = _excuse(refusal.sentence)
        self._send(shown, view, asked=asked)

    def _drawn(self, actor: Actor, look: Look) -> Json:
        sheet = self._home.sheet(by=actor, which=look.which, offset=look.offset, page=PAGE, most=MOST)
        return home_page(sheet, look, self._link)

    def _send(self, shown: _Shown, view: Json, *, asked: bool) -> None:
        digest = hashlib.sha256(json.dumps(view).encode()).hexdigest()
        with self._changed:
            if digest == shown.digest and not asked:
                return
            shown.turn += 1
            shown.on_its_way, shown.rests_until = True, self._now() + _REST
            turn, seen = shown.turn, None if asked else shown.hash
        sent = self._gate.publish(shown.actor.user, view, hash=seen, first=asked, team=shown.actor.team)
        sent.add_done_callback(partial(self._sent, shown, turn, digest))

    def _sent(self, shown: _Shown, turn: int, digest: str, sent: Future[str]) -> None:
        """On a thread of the gate’s."""
        refused = sent.exception()
        with self._changed:
            if turn != shown.turn:
                return
            shown.on_its_way = False
            if refused is None:
                shown.hash, shown.digest = sent.result(), digest
            elif self._people.get(shown.actor) is shown:
                # Another process shows it now, or Slack takes none: until it is opened again here.
                del self._people[shown.actor]
            self._changed.notify()


def _excuse(sentence: str) -> Json:
    return blocks.home([blocks.section(escape(sentence)), blocks.actions(blocks.button("Help", "do.help"))])
