"""What waits for a person besides questions: their failed runs and the schedules that rest; in rows."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.services.home import Told
from bot.services.schedules import Entry
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.text import count, escape
from handlers.run_words import open_button, run_line
from handlers.schedule_list import resting, schedule_line

# Of each kind so many are shown.
MOST = 5


def failed_rows(failed: Sequence[Told]) -> Iterable[Json]:
    """Runs that failed and that nothing followed, each with the way to go on; of more than ``MOST`` that there are."""
    if failed:
        yield blocks.header("Failed")
    for told in failed[:MOST]:
        run = told.run
        label = f"Try the failed run of {run.crew_name} again"
        again = blocks.button("Try again", "do.retry", run.crew_name, accessibility_label=label)
        yield blocks.section(f"*{escape(run.crew_name)}*\n{run_line(run)}")
        yield blocks.actions(*([again] if told.allowed else []), open_button(run), block_id=f"failed-{run.id}")
    if len(failed) > MOST:
        yield blocks.context("and more: `/crew runs` shows them")


def resting_rows(entries: Sequence[Entry]) -> Iterable[Json]:
    """The schedules that rest and that the person lets go on again, with the way to their list."""
    found = [entry.schedule for entry in entries if resting(entry)]
    if found:
        yield blocks.header("Paused schedules")
        yield from (blocks.context(schedule_line(schedule)) for schedule in found[:MOST])
        if len(found) > MOST:
            yield blocks.context(f"and {count(len(found) - MOST, 'schedule')} more")
        yield blocks.actions(blocks.button("Schedules", "do.schedules"), block_id="waiting.schedules")
