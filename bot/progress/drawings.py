"""Pictures of a flow's run for its thread, drawn on a thread of their own, so that no message waits for one."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor

from bot.progress.picture import RunPicture
from store.definitions import Definition

logger = logging.getLogger(__name__)

# A flow with its steps' marks by key → a PNG, or nothing where it cannot be drawn, and the same in words.
Draw = Callable[[Definition, Mapping[str, str]], tuple[bytes | None, str]]
# What is done with a picture and its words; there is no picture where none could be drawn.
Drawn = Callable[[bytes | None, str], None]


class Drawings:
    """Draws one picture after the other."""

    def __init__(self, draw: Draw) -> None:
        self._draw = draw
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="drawings")

    def draw(self, picture: RunPicture, then: Drawn) -> None:
        """Draw the run's steps as they stand now."""
        assert picture.steps is not None
        try:
            self._thread.submit(self._drawn, picture.run.definition, dict(picture.steps.marks), then)
        except RuntimeError:
            logger.info("The bot is closing; what is to be drawn will be drawn after the next start.")

    def close(self) -> None:
        """Draw what is still to be drawn."""
        self._thread.shutdown(wait=True)

    def _drawn(self, definition: Definition, marks: Mapping[str, str], then: Drawn) -> None:
        try:
            png, words = self._draw(definition, marks)
        except Exception:
            logger.exception("the flow “%s” could not be drawn", definition.name)
            png, words = None, ""
        then(png, words)
