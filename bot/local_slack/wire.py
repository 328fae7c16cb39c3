"""What goes over the wire: Slack's JSON, its ids and timestamps, and its way of refusing."""

from __future__ import annotations

import secrets
import string
import time
from collections.abc import Sequence
from typing import Any

Json = dict[str, Any]

_LETTERS = string.ascii_uppercase + string.digits


class Refusal(Exception):
    """A call that Slack answers with ``ok: false``, an error code and perhaps the reasons in detail."""

    def __init__(self, error: str, messages: Sequence[str] = (), **more: Any) -> None:
        super().__init__(error)
        self.error = error
        self.messages = [f"[ERROR] {message}" for message in messages]
        self.more = more

    def answer(self) -> Json:
        """The JSON body Slack sends."""
        details = {"response_metadata": {"messages": self.messages}} if self.messages else {}
        return {"ok": False, "error": self.error, **self.more, **details}


class Trouble(Exception):
    """Something a person in the workspace is told; the exception's text is the sentence."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status


def new_id(prefix: str) -> str:
    """A fresh id in Slack's shape, like ``C0AB12CD34``."""
    return prefix + "".join(secrets.choice(_LETTERS) for _ in range(10))


class Timestamps:
    """Message timestamps: seconds and microseconds as a string, never the same twice."""

    def __init__(self, last: str = "0.0") -> None:
        self._last = int(last.replace(".", ""))

    def next(self) -> str:
        self._last = max(time.time_ns() // 1000, self._last + 1)
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"
