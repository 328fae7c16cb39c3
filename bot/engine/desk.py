"""Questions of a run to people, and what they answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal, Protocol

from store.more_settings import ReviewSettings


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a run asks people; ``key`` says at which task or step, ``round`` how often it was asked there before."""

    key: str
    kind: Literal["review", "question"]
    task: str
    agent: str
    # What is to be reviewed, whole.
    produced: str
    # What the agent wants to know, in its words.
    prompt: str
    settings: ReviewSettings
    round: int = 0


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of a question; ``text`` is the comment, the edited text or the reply, ``by`` a Slack user id."""

    verdict: Literal["approved", "changes", "edited", "answered", "rejected"]
    text: str = ""
    by: str = ""


class Waiting(Exception):
    """The run can go on only when a person has answered, or at ``until``; before that it holds no thread."""

    def __init__(self, key: str, task: str, *, until: datetime | None = None) -> None:
        super().__init__(key)
        self.key = key
        self.task = task
        self.until = until


class Desk(Protocol):
    """Where a run asks and looks for answers. Without an answer the engine asks, then raises ``Waiting``."""

    def answer(self, key: str) -> Answer | None: ...

    def ask(self, question: Question) -> None:
        """Ask it, once: the same question asked again changes nothing."""
        ...


class Closed:
    """Nobody is there: for runs without a question to people, and for tests."""

    def answer(self, key: str) -> Answer | None:
        return None

    def ask(self, question: Question) -> None:
        """The question is written down nowhere."""
