"""Waits for what other threads write into a database, without asking again and again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from sqlalchemy import Engine, event


class Watch:
    """Sees that other threads are done with something in a database."""

    def __init__(self, engine: Engine) -> None:
        """Make it before the threads: SQLAlchemy must not be given a listener while it calls others."""
        self._done = 0
        self._changed = threading.Condition()
        self._watching = threading.local()
        # A commit is told of before it has happened, the return of its connection after.
        event.listen(engine, "checkin", self._note)

    def until(self, condition: Callable[[], bool], *, seconds: float) -> None:
        """Return once this holds, which is looked at anew each time that another thread was in the database."""
        self._watching.here = True
        end = time.monotonic() + seconds
        seen = self._done
        while not condition():
            with self._changed:
                left = end - time.monotonic()
                assert self._changed.wait_for(lambda seen=seen: self._done != seen, left), "it never happened"
                seen = self._done

    def _note(self, *_: object) -> None:
        if not getattr(self._watching, "here", False):
            with self._changed:
                self._done += 1
                self._changed.notify_all()
