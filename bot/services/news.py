"""Whether the result of a schedule's run is worth telling: compared with the last one, or as a rule in words says."""

from __future__ import annotations

import logging
from collections.abc import Callable

from store import runs, schedules
from store.database import Store
from store.definitions import Definition
from store.runs import NEWS_ONLY, Execution
from store.schedules import News, Schedule

logger = logging.getLogger(__name__)

# Whether a rule in words says that a result is news: team, model, rule, the result before, the result.
Judge = Callable[[str, str, str, str, str], bool]


class Newsroom:
    """Weighs results before their run is over, so that what has nothing new is never posted."""

    def __init__(self, store: Store, judge: Judge) -> None:
        """``judge`` asks a model; it may take as long as models do."""
        self.store = store
        self.judge = judge

    def weigh(self, run_id: int, result: str) -> None:
        """Decide whether a run that waits for this is told about. In doubt it is: silence must never be a mistake."""
        with self.store.reading() as session:
            run = runs.fetch(session, run_id)
            if run.telling != NEWS_ONLY or run.schedule_id is None:
                return
            schedule = schedules.find(session, run.schedule_id, team=run.team)
            before = schedules.last_told(session, run.schedule_id, team=run.team, before=run.id)
        nothing_new = schedule is not None and before is not None and not self._is_news(run, schedule, before, result)
        with self.store.transaction() as session:
            runs.keep_quiet(session, run_id, nothing_new=nothing_new)

    def _is_news(self, run: Execution, schedule: Schedule, before: str, result: str) -> bool:
        if _words(before) == _words(result):
            return False
        if schedule.news is not News.RULE:
            return True
        try:
            return self.judge(run.team, _model(run.definition), schedule.news_rule, before, result)
        except Exception:
            logger.exception("run %s: the rule of its schedule could not be asked", run.id)
            return True


def _words(text: str) -> str:
    """White space makes no difference."""
    return " ".join(text.split())


def _model(definition: Definition) -> str:
    """The model of the crew's first agent that names one; ``""`` for the default model."""
    named = [agent.llm for agent in definition.agents if agent.llm]
    return named[0] if named else ""
