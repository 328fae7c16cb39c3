"""Why a run failed, in words for people."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bot.engine.llms import Models
from bot.errors import UserError

LONGEST = 200

# As in “Error code: 429 - …” of OpenAI and Anthropic, and “503 UNAVAILABLE” of Google.
_STATUS = re.compile(r"(?:[Ee]rror code: |status code[: ]+|\bHTTP )(\d{3})\b|\b(?=\d{3} [A-Z_]{6})(\d{3})")
# A provider's sentence within the object that it answered, as Python writes that.
_SENTENCE = re.compile(r"""['"]message['"]: (?P<quote>['"])(?P<said>.+?)(?P=quote)[,}]""")


class ModelRefused(Exception):
    """What a provider answered in place of an answer, as CrewAI's event has it."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        status = _STATUS.search(said)
        self.status_code = int(status[1] or status[2]) if status else None


@dataclass(frozen=True)
class Failure:
    """What is known: the whole chain of errors as lower-case words, the HTTP status, which model was asked, for how
    many seconds at most, what to do where its key is refused, and which tool was used last, with what it said.
    """

    words: str
    status: int | None
    model: str
    where: str
    key_mend: str
    seconds: float
    tool: str = ""

    def says(self, *phrases: str) -> bool:
        """Whether one of the phrases stands in the errors."""
        return any(phrase in self.words for phrase in phrases)


@dataclass(frozen=True)
class Cause:
    """One usual cause. After ``patience`` refusals in a row there is no hope that the next call fares better; where it
    is ``None``, CrewAI has ways of its own to go on.
    """

    fits: Callable[[Failure], bool]
    sentence: Callable[[Failure], str]
    patience: int | None = None


def reason(error: BaseException, *, model: str, models: Models, tool: str = "") -> str:
    """One sentence, and what to do: why a run whose agent was asking ``model`` ended with ``error``.

    ``tool`` is the tool used last, in quotes, and what it said if it failed.
    """
    for link in chain(error):
        if isinstance(link, UserError):
            return link.sentence
    failure = _failure(error, model, models, tool)
    if cause := _cause(failure):
        return cause.sentence(failure)
    number = f" (HTTP {failure.status})" if failure.status else ""
    return f"The model call failed{number}: {brief(error, models)}"


def lasting(refusal: ModelRefused, *, model: str, models: Models, times: int) -> bool:
    """Whether there is no sense in asking again after a model has refused so many ``times`` in a row."""
    cause = _cause(_failure(refusal, model, models))
    return cause is not None and cause.patience is not None and times >= cause.patience


def words(error: BaseException) -> str:
    """The names and words of an error and all that led to it, in lower case."""
    return "\n".join(f"{type(link).__name__} {link}" for link in chain(error)).lower()


def status(error: BaseException) -> int | None:
    """The HTTP status that led to an error, if one did."""
    found = refusal(error)
    return getattr(found, "status_code", None)


def refusal(error: BaseException) -> BaseException | None:
    """The error that a server answered with a status, in its own words."""
    return next((link for link in chain(error) if isinstance(getattr(link, "status_code", None), int)), None)


def brief(error: BaseException, models: Models) -> str:
    """What an error says, on one line and without keys; of an answer of a provider's only the sentence in it."""
    said = models.redactor(str(error))
    found = _SENTENCE.search(said)
    return first_line(found["said"] if found else said) or type(error).__name__


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """An error and all that led to it, each once, the last first."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _failure(error: BaseException, model: str, models: Models, tool: str = "") -> Failure:
    return Failure(
        words=words(error),
        status=status(error),
        model=models.name(model),
        where=models.where(model),
        key_mend=models.key_mend(model),
        seconds=models.seconds,
        tool=tool,
    )


def _cause(failure: Failure) -> Cause | None:
    return next((cause for cause in CAUSES if cause.fits(failure)), None)


def first_line(text: str) -> str:
    """The first line that says something, cut to ``LONGEST`` characters."""
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + "…"


# The first that fits is told. Statuses and phrases are those of OpenAI, Anthropic, Google and the servers that speak
# like them, and CrewAI's own.
CAUSES = (
    Cause(
        # The words of the check itself come later in the same sentence, and may be about anything.
        lambda it: it.says("failed guardrail") and not it.says("error while validating the task output"),
        lambda it: (
            "The result still broke its guardrail after the last try. Show log has what was answered; mend the task "
            "or the guardrail under More settings."
        ),
    ),
    Cause(
        lambda it: it.says("convertererror", "validation error for taskresult", "validation errors for taskresult"),
        lambda it: (
            f"What {it.model} answered did not fit the task’s JSON Schema. Ask for less, or choose another model."
        ),
    ),
    Cause(
        lambda it: it.says("times and got the same result"),
        lambda it: (
            f"The agent asked {it.tool or 'a tool'} the same thing again and again and got the same answer each time. "
            "Show log has what was said; mend the tool, or say in the task what to do then."
        ),
    ),
    Cause(
        lambda it: it.says("toolexecutionfailed", "toolusageerror"),
        lambda it: (
            f"The tool {it.tool} kept failing. Mend the tool or the task, then run it again."
            if it.tool
            else "A tool kept failing. Look at the run’s log for what it said, then mend the tool or the task."
        ),
    ),
    Cause(
        lambda it: it.says("context_length_exceeded", "maximum context length", "contextlengthexceeded"),
        lambda it: (
            f"The prompt is too long for {it.model}. Shorten the task or its inputs, or choose a model that reads more."
        ),
    ),
    Cause(
        lambda it: it.status == 402 or it.says("insufficient_quota", "exceeded your current quota", "credit balance"),
        lambda it: f"The account at {it.where} has used up what it paid for. Check its billing, then run it again.",
        patience=1,
    ),
    Cause(
        lambda it: it.status in (401, 403) or it.says("invalid_api_key", "incorrect api key", "api key not valid"),
        lambda it: f"{it.where} refused the key for {it.model}. {it.key_mend}",
        patience=1,
    ),
    Cause(
        lambda it: it.says("does not support tools", "tool use is not supported", "support tool use"),
        lambda it: (
            f"The model {it.model} cannot use tools. Choose another model for the agent, or take its tools away."
        ),
        patience=1,
    ),
    Cause(
        lambda it: (
            it.status == 404 or it.says("model_not_found", "notfounderror", "not a valid model", "unknown model")
        ),
        lambda it: f"{it.where} does not know the model {it.model}. Choose another model for the agent.",
        patience=1,
    ),
    Cause(
        lambda it: it.says("content_filter", "content management policy", "contentpolicyviolation"),
        lambda it: (
            f"The content filter at {it.where} stopped the answer. Put the task in other words, or choose another "
            "model."
        ),
    ),
    Cause(
        lambda it: it.status == 429 or it.says("ratelimit", "rate limit", "too many requests", "resource_exhausted"),
        lambda it: f"{it.where} takes no more calls for now: too many at once. Wait a minute and run it again.",
        # CrewAI itself asks three times, with a pause between.
        patience=3,
    ),
    Cause(
        lambda it: it.says("timeout", "timed out"),
        lambda it: (
            f"The model at {it.where} did not answer within {it.seconds:g} seconds. "
            "Run it again, or give the task less to do."
        ),
        patience=1,
    ),
    Cause(
        lambda it: it.status is not None and it.status >= 500,
        lambda it: f"{it.where} had a failure of its own ({it.status}). Run it again in a few minutes.",
        patience=1,
    ),
    Cause(
        lambda it: it.says("certificate_verify_failed", "certificate verify failed"),
        lambda it: (
            f"{it.where} shows a certificate that the server does not trust. Mend it there, or set SSL_CERT_FILE here."
        ),
        patience=1,
    ),
    Cause(
        lambda it: it.says("connecterror", "readerror", "remoteprotocolerror", "connection error", "connect to openai"),
        lambda it: f"Could not reach the model at {it.where}. Check that it runs and can be reached from the server.",
        patience=1,
    ),
    Cause(
        lambda it: it.says("none or empty", "no valid task outputs"),
        lambda it: f"The model {it.model} answered with nothing. Run it again, or choose another model for the agent.",
    ),
)
