"""What CrewAI must be told before and right after its first import, so that it behaves on a server."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

# No telemetry, traces, update checks or sign-in prompts; no signal handlers of CrewAI's own (they come with telemetry);
# tools stay inside their directory; no ``.env`` file of whichever directory this was started from.
QUIET = {
    "CREWAI_DISABLE_TELEMETRY": "true",
    "CREWAI_DISABLE_TRACKING": "true",
    "CREWAI_TRACING_ENABLED": "false",
    "CREWAI_DISABLE_VERSION_CHECK": "true",
    "CREWAI_TOOLS_FORCE_SAFE_PATHS": "true",
    "ANONYMIZED_TELEMETRY": "false",
    "PYTHON_DOTENV_DISABLED": "true",
}

# Each of these opens a door: code from a flow's text, files outside the directory, callbacks by name, SQL that writes.
# REDIS_URL would turn every lock of CrewAI into a Redis lock.
UNWANTED = (
    "CREWAI_ALLOW_FLOW_SCRIPT_EXECUTION",
    "CREWAI_TOOLS_ALLOW_UNSAFE_PATHS",
    "CREWAI_DESERIALIZE_CALLBACKS",
    "CREWAI_NL2SQL_ALLOW_DML",
    "REDIS_URL",
)

_HARDENED = threading.Event()


def harden(data_dir: Path) -> None:
    """Set the environment that CrewAI reads at its import; its own files go below ``data_dir``. Safe to call again.

    Raises ``RuntimeError`` if somebody imported CrewAI before.
    """
    if "crewai" in sys.modules and not _HARDENED.is_set():
        raise RuntimeError("crewai was imported before harden()")
    storage = data_dir.resolve() / "crewai"
    storage.mkdir(parents=True, exist_ok=True)
    os.environ.update(QUIET)
    os.environ["CREWAI_STORAGE_DIR"] = str(storage)
    # Every task unpickles this file if it exists; the default is one in the working directory, where a tool may write.
    os.environ["CREWAI_TRAINED_AGENTS_FILE"] = "/nonexistent/none.pkl"
    for name in UNWANTED:
        os.environ.pop(name, None)
    if not _writable_home():
        os.environ["HOME"] = str(storage)
    _HARDENED.set()


@cache
def tame() -> None:
    """Import CrewAI and take out what it does for one user at a terminal. Safe to call again."""
    if not _HARDENED.is_set():
        raise RuntimeError("harden() comes before the first import of crewai")
    from crewai import Crew
    from crewai_core.lock_store import set_lock_backend

    # CrewAI speaks of every failed call, the provider's words and all, through the root logger. The run tells of it
    # once, without keys.
    logging.getLogger().addFilter(_not_from_crewai)
    logging.getLogger("crewai.flow.runtime").setLevel(logging.CRITICAL)
    set_lock_backend(_lock)
    # Each crew would open one SQLite file that every run empties; it halves the throughput and keeps prompts in clear.
    Crew.__private_attributes__["_task_output_handler"].default_factory = _NoTaskOutputs


def _not_from_crewai(record: logging.LogRecord) -> bool:
    return f"{os.sep}crewai{os.sep}" not in record.pathname


class _NoTaskOutputs:
    """Remembers nothing, in place of CrewAI's table of the last run's outputs."""

    def reset(self) -> None: ...

    def update(self, *args: Any, **kwargs: Any) -> None: ...

    def add(self, *args: Any, **kwargs: Any) -> None: ...

    def load(self) -> list[Any]:
        return []


_locks: defaultdict[str, threading.RLock] = defaultdict(threading.RLock)


@contextmanager
def _lock(name: str, *, timeout: float) -> Iterator[None]:
    """A lock of this process in place of CrewAI's files in the temporary directory."""
    lock = _locks[name]
    if not lock.acquire(timeout=timeout):
        raise TimeoutError(f"CrewAI's lock {name} was not free within {timeout} s")
    try:
        yield
    finally:
        lock.release()


def _writable_home() -> bool:
    """Whether CrewAI can make its key file, without which it cannot be imported."""
    share = Path.home() / ".local" / "share"
    try:
        share.mkdir(parents=True, exist_ok=True)
    except OSError:
        return False
    return os.access(share, os.W_OK)
