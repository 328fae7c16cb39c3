"""Why a run failed, in words for people."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bot.engine.llms import ANSWER_SECONDS, Models
from bot.errors import UserError

LONGEST = 200


@dataclass(frozen=True)
class Failure:
    """What is known: the whole chain of errors as lower-case words, the HTTP status, which model was asked, and what
    to do where its key is refused.
    """

    words: str
    status: int | None
    model: str
    where: str
    key_mend: str

    def says(self, *phrases: str) -> bool:
        """Whether one of the phrases stands in the errors."""
        return any(phrase in self.words for phrase in phrases)


def reason(error: BaseException, *, model: str, models: Models) -> str:
    """One sentence, and what to do: why a run whose agent was asking ``model`` ended with ``error``."""
    for link in _chain(error):
        if isinstance(link, UserError):
            return link.sentence
    failure = Failure(
        words=words(error),
        status=status(error),
        model=models.name(model),
        where=models.where(model),
        key_mend=models.key_mend(model),
    )
    for fits, sentence in CAUSES:
        if fits(failure):
            return sentence(failure)
    return f"The model call failed: {brief(error, models)}"


def words(error: BaseException) -> str:
    """The names and words of an error and all that led to it, in lower case."""
    return "\n".join(f"{type(link).__name__} {link}" for link in _chain(error)).lower()


def status(error: BaseException) -> int | None:
    """The HTTP status that led to an error, if one did."""
    found = refusal(error)
    return getattr(found, "status_code", None)


def refusal(error: BaseException) -> BaseException | None:
    """The error that a server answered with a status, in its own words."""
    return next((link for link in _chain(error) if isinstance(getattr(link, "status_code", None), int)), None)


def brief(error: BaseException, models: Models) -> str:
    """What an error says, on one line and without keys."""
    return _short(models.redactor(str(error))) or type(error).__name__


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        error = error.__cause__ or error.__context__


def _short(text: str) -> str:
    line = next((line.strip() for line in text.splitlines() if line.strip()), "")
    return line if len(line) <= LONGEST else line[: LONGEST - 1].rstrip() + "…"


# The first that fits is told. Statuses and phrases are those of OpenAI, Anthropic, Google and the servers that speak
# like them, and CrewAI's own.
CAUSES: tuple[tuple[Callable[[Failure], bool], Callable[[Failure], str]], ...] = (
    (
        # The words of the check itself come later in the same sentence, and may be about anything.
        lambda it: it.says("failed guardrail") and not it.says("error while validating the task output"),
        lambda it: (
            "The result still broke its guardrail after the last try. Show log has what was answered; mend the task "
            "or the guardrail under More settings."
        ),
    ),
    (
        lambda it: it.says("convertererror", "validation error for taskresult", "validation errors for taskresult"),
        lambda it: (
            f"What {it.model} answered did not fit the task’s JSON Schema. Ask for less, or choose another model."
        ),
    ),
    (
        lambda it: it.says("context_length_exceeded", "maximum context length", "contextlengthexceeded"),
        lambda it: (
            f"The prompt is too long for {it.model}. Shorten the task or its inputs, or choose a model that reads more."
        ),
    ),
    (
        lambda it: it.status == 402 or it.says("insufficient_quota", "exceeded your current quota", "credit balance"),
        lambda it: f"The account at {it.where} has used up what it paid for. Check its billing, then run it again.",
    ),
    (
        lambda it: it.status in (401, 403) or it.says("invalid_api_key", "incorrect api key", "api key not valid"),
        lambda it: f"{it.where} refused the key for {it.model}. {it.key_mend}",
    ),
    (
        lambda it: it.status == 404 or it.says("model_not_found", "notfounderror"),
        lambda it: f"{it.where} does not know the model {it.model}. Choose another model for the agent.",
    ),
    (
        lambda it: it.status == 429 or it.says("ratelimit", "rate limit", "too many requests", "resource_exhausted"),
        lambda it: f"{it.where} takes no more calls for now: too many at once. Wait a minute and run it again.",
    ),
    (
        lambda it: it.says("timeout", "timed out"),
        lambda it: (
            f"The model at {it.where} did not answer within {ANSWER_SECONDS} seconds. "
            "Run it again, or give the task less to do."
        ),
    ),
    (
        lambda it: it.status is not None and it.status >= 500,
        lambda it: f"{it.where} had a failure of its own ({it.status}). Run it again in a few minutes.",
    ),
    (
        lambda it: it.says("connecterror", "readerror", "remoteprotocolerror", "connection error"),
        lambda it: f"Could not reach the model at {it.where}. Check that it runs and can be reached from the server.",
    ),
    (
        lambda it: it.says("none or empty", "no valid task outputs"),
        lambda it: f"The model {it.model} answered with nothing. Run it again, or choose another model for the agent.",
    ),
    (
        lambda it: it.says("toolexecutionfailed", "toolusageerror"),
        lambda it: "A tool kept failing. Look at the run’s log for what it said, then mend the tool or the task.",
    ),
)
