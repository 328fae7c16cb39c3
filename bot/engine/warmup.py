"""Importing CrewAI in the background, so that Slack is answered from the first second."""

from __future__ import annotations

import gc
import logging
import sys
import threading
from collections.abc import Callable
from importlib import import_module

from bot.engine.hardening import tame
from bot.errors import UserError

# While the import computes, another thread waits this many seconds for its turn instead of Python's 0.005. It costs
# the import nothing measurable, and every answer to Slack takes many turns.
SWITCH_SECONDS = 0.0005

# What CrewAI and OpenAI's client put off until the first agent works: it took 0.4 s of the first run.
FIRST_NEEDS = (
    "crewai.agents.agent_executor",
    "crewai.llms.providers.openai_compatible.completion",
    "openai.resources.chat",
)

log = logging.getLogger(__name__)


class EngineUnavailable(UserError):
    """CrewAI could not be loaded, so nothing can run: {reason}. Install requirements.txt again and restart the bot."""


class Warmup:
    """The one import of CrewAI, and of what the first run would otherwise have to wait for."""

    def __init__(self, then: Callable[[], None] | None = None) -> None:
        """``then`` is what comes right after the import, on the same thread."""
        self._then = then
        self._done = threading.Event()
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="warmup", daemon=True)

    def start(self) -> None:
        """Begin, once; ``harden`` must have been called."""
        self._thread.start()

    def wait(self) -> None:
        """Return when CrewAI is there; raises ``EngineUnavailable`` if its import failed."""
        self._done.wait()
        if self._error is not None:
            reason = str(self._error).partition("\n")[0] or type(self._error).__name__
            raise EngineUnavailable(reason=reason) from self._error

    def _run(self) -> None:
        usual = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_SECONDS)
        # A collection looks through everything that was ever imported while all threads stand still: 0.4 s with CrewAI
        # in memory. What is there when the import ends stays for good, so no collection need look at it again.
        gc.disable()
        try:
            tame()
            for module in FIRST_NEEDS:
                import_module(module)
            if self._then:
                self._then()
        except Exception as error:
            log.exception("CrewAI could not be imported")
            self._error = error
        finally:
            gc.freeze()
            gc.enable()
            sys.setswitchinterval(usual)
            self._done.set()
