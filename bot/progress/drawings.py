"""Pictures of a flow's run in its thread: at the start, when it waits, and when it is over."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from bot.progress.picture import RunPicture
from bot.slack.gate import Gate
from bot.slack.text import fit
from store.definitions import Definition
from store.runs import Execution

logger = logging.getLogger(__name__)

# A flow with its steps' marks by key → a PNG, or nothing where it cannot be drawn, and the same in words.
Draw = Callable[[Definition, Mapping[str, str]], tuple[bytes | None, str]]


class Drawings:
    """Draws on a thread of its own, so that no message waits for a picture."""

    def __init__(self, gate: Gate, draw: Draw) -> None:
        self._gate = gate
        self._draw = draw
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="drawings")

    def show(self, picture: RunPicture) -> None:
        """Post the run's steps as they stand now; nothing for a crew, and nothing before there is a thread."""
        if picture.steps and picture.thread_ts and picture.steps.steps:
            self._thread.submit(self._post, picture.run, picture.thread_ts, picture.steps.marks)

    def close(self) -> None:
        """Draw what is still to be drawn."""
        self._thread.shutdown(wait=True)

    def _post(self, run: Execution, thread_ts: str, marks: Mapping[str, str]) -> None:
        try:
            png, words = self._draw(run.definition, marks)
        except Exception:
            logger.exception("the picture of run %s could not be drawn", run.id)
            return
        if png is None:
            return
        title = fit(words.partition(". ")[0], 200)
        self._gate.upload(run.channel, "flow.png", png, title, thread_ts, fit(words, 1_000), team=run.team)
