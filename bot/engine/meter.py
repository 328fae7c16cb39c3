"""What a run uses, held against its limits while it goes on."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from bot.errors import UserError
from store.limits import Ceiling, Scope, amount
from store.usage import Used

# What others use in the same month is asked for again after so many seconds.
MONTH_REFRESH = 5.0

# What stands for the run's own figures in a ceiling's name, and for those of the month.
_MONTHLY = ("month_", "person_")


@dataclass(frozen=True)
class Price:
    """US dollars for a million tokens."""

    prompt: float
    completion: float

    def of(self, prompt_tokens: int, completion_tokens: int) -> float:
        """What so many tokens cost."""
        return (self.prompt * prompt_tokens + self.completion * completion_tokens) / 1_000_000


class LimitReached(UserError):
    """{what} {whose} limit is {most}."""

    def __init__(self, ceiling: Ceiling, used: float) -> None:
        """Say that ``ceiling`` was reached when ``used`` of it was used."""
        crew = f"“{ceiling.crew}”" if ceiling.crew else ""
        whose = f"{crew or 'The crew'}’s" if ceiling.scope is Scope.CREW else "The workspace’s"
        who = f"{crew}’s runs have" if crew else _WHO[ceiling.scope]
        run = f"In this run {crew} has" if crew else "This run has"
        what = _WHAT[ceiling.name].format(amount(ceiling.name, used), who=who, run=run)
        super().__init__(what=what, whose=whose, most=f"{amount(ceiling.name, ceiling.most)}{_PER[ceiling.name]}")
        self.ceiling, self.used = ceiling, used
        # The task or the step of a flow where the run was then; empty between two.
        self.task = ""


class Meter:
    """One run's figures. ``called`` and the clock move them; ``reached`` says which limit they have come to.

    What a crew inside a flow uses counts for it and for the ``whole``.
    """

    def __init__(
        self,
        ceilings: Sequence[Ceiling] = (),
        *,
        used: Used | None = None,
        seconds: float = 0.0,
        in_month: Callable[[Ceiling], Used] | None = None,
        now: Callable[[], float] = time.monotonic,
        whole: Meter | None = None,
        part: Callable[[str, Meter], Meter] | None = None,
        keep: Callable[[Meter], None] | None = None,
    ) -> None:
        """``used`` and ``seconds`` are what the run took before; ``in_month`` says what the month has seen so far.

        ``part`` makes the meter of a crew or flow inside a flow, from its name and the whole. Such a meter's clock goes
        while that works, and when it stops, ``keep`` is given the meter.
        """
        self._ceilings = ceilings
        # Crews in branches of a flow work at the same time.
        self._lock = threading.Lock()
        self._own = Used()
        self._before = used or Used()
        self._in_month = in_month or (lambda _ceiling: Used())
        self._now = now
        self._whole, self._part, self._keep = whole, part, keep
        self._parts: dict[str, Meter] = {}
        self._working = 0 if whole else 1
        self._seconds, self._since = seconds, now()
        # What of its own is kept already.
        self._kept, self._keeping = Used(), threading.Lock()
        self._calls: dict[str, float] = {}
        self._longest = 0.0
        self._months: dict[str, tuple[float, Used, Used]] = {}

    @property
    def seconds(self) -> float:
        """How long the run has worked, the times before included."""
        return self._seconds + (self._now() - self._since if self._working else 0.0)

    @property
    def total(self) -> Used:
        """What the run has used, the times before included."""
        return self._before + self._own

    @contextmanager
    def inside(self, crew: str) -> Iterator[Meter]:
        """The meter of a crew of the run, which works until the end of the block, perhaps in several steps at once."""
        if self._part is None:
            yield self
            return
        with self._lock:
            if crew not in self._parts:
                self._parts[crew] = self._part(crew, self)
        meter = self._parts[crew]
        meter._work(1)
        try:
            yield meter
        finally:
            meter._work(-1)

    def _work(self, more: int) -> None:
        with self._lock:
            self._seconds, self._since = self.seconds, self._now()
            self._working += more
        if more < 0 and self._keep is not None:
            self._keep(self)

    @contextmanager
    def keeping(self) -> Iterator[Used]:
        """What was used since a block like this last ended well."""
        with self._keeping:
            own = self._own
            yield own - self._kept
            self._kept = own

    def asked(self, call: str) -> None:
        """A call to a model began."""
        self._calls[call] = self._now()
        if self._whole is not None:
            self._whole.asked(call)

    def answered(self, call: str) -> None:
        """It ended, well or not."""
        self._longest = max(self._longest, self._now() - self._calls.pop(call, self._now()))
        if self._whole is not None:
            self._whole.answered(call)

    def used(self, prompt_tokens: int, completion_tokens: int, cost: float | None) -> None:
        """A call used so much."""
        with self._lock:
            self._own += Used(prompt_tokens, completion_tokens, cost)
        if self._whole is not None:
            self._whole.used(prompt_tokens, completion_tokens, cost)

    def late(self) -> LimitReached | None:
        """The limit of time that is reached; asks nobody, so that it can be looked at all the time."""
        whole = self._whole.late() if self._whole is not None else None
        return whole or self._first(lambda ceiling: ceiling.name in ("run_minutes", "call_seconds"))

    def reached(self) -> LimitReached | None:
        """The limit that is reached, if one is; may ask the store for what others used this month."""
        whole = self._whole.reached() if self._whole is not None else None
        return whole or self._first(lambda _ceiling: True)

    def _first(self, which: Callable[[Ceiling], bool]) -> LimitReached | None:
        for ceiling in filter(which, self._ceilings):
            used = self._of(ceiling)
            if used >= ceiling.most:
                return LimitReached(ceiling, used)
        return None

    def _of(self, ceiling: Ceiling) -> float:
        if ceiling.name == "run_minutes":
            return self.seconds / 60
        if ceiling.name == "call_seconds":
            now = self._now()
            return max([self._longest, *(now - began for began in list(self._calls.values()))])
        used = self._month(ceiling) if ceiling.name.startswith(_MONTHLY) else self._before + self._own
        return used.cost or 0.0 if ceiling.name.endswith("_cost") else used.tokens

    def _month(self, ceiling: Ceiling) -> Used:
        """What the month has seen: what the store knew a moment ago, and what this run has used since."""
        at, known, own = self._months.get(ceiling.key, (float("-inf"), Used(), Used()))
        if self._now() - at > MONTH_REFRESH:
            with self._keeping:
                own, known = self._kept, self._in_month(ceiling)
            self._months[ceiling.key] = self._now(), known, own
        return known + self._own - own


_WHO = {Scope.CREW: "This crew’s runs have", Scope.WORKSPACE: "This workspace’s runs have"}
_MONTH = "{who} used {0} this month."
_PERSON = "Whoever started this run has used {0} this month."
_RUN = "{run} used {0}."
_WHAT = {
    "run_minutes": "{run} worked for {0}.",
    "call_seconds": "A call to a model took {0}.",
    "run_tokens": _RUN,
    "run_cost": _RUN,
    "month_tokens": _MONTH,
    "month_cost": _MONTH,
    "person_tokens": _PERSON,
    "person_cost": _PERSON,
}
_PER = {
    "run_minutes": " a run",
    "call_seconds": " a call",
    "run_tokens": " a run",
    "run_cost": " a run",
    "month_tokens": " a month",
    "month_cost": " a month",
    "person_tokens": " a month for each person",
    "person_cost": " a month for each person",
}
