"""App Home as it is drawn: what waits, what runs, crews and flows, the last runs, and the way to everything else."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from bot.services.home import HomeSheet, Told
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.text import escape, fit_escaped
from handlers.crew_list import NOTHING, Look, filter_buttons, rows_with_run, turning
from handlers.review_rows import Link, review_rows
from handlers.run_words import going_line, moment, open_button, run_line, stop_button, where_failed
from handlers.schedule_list import stopped_line
from handlers.waiting import MOST
from store.schedules import Schedule, ScheduleState


def home_page(sheet: HomeSheet, look: Look, link: Link) -> Json:
    """The whole tab; ``look`` says which page of the crews, and comes back with the view.

    ``link`` gives the address of a message.
    """
    look = replace(look, offset=sheet.offset)
    rows = [
        *_first_steps(sheet, look),
        *_waiting(sheet, link),
        *_going(sheet),
        *_crews(sheet, look),
        *_latest(sheet),
        *_more(sheet),
        *_administration(sheet),
    ]
    return blocks.home(rows, meta={"look": look.value})


def _first_steps(sheet: HomeSheet, look: Look) -> Iterator[Json]:
    if sheet.owns_any:
        return
    if sheet.total or look.which != Look().which:
        said = "You have no crew of your own yet. Make one, say what it is for, or copy a ready-made one."
    else:
        said = f"{NOTHING[look.which]} There are four ways to begin:"
    yield blocks.header("First steps")
    yield blocks.section(said)
    yield _ways()


def _ways() -> Json:
    return blocks.actions(
        blocks.button("New crew", "crew.new", style="primary"),
        blocks.button("Describe it", "do.describe", accessibility_label="Describe a crew in your words"),
        blocks.button("Start from a template", "do.templates"),
        blocks.button("Import", "do.import", accessibility_label="Import a CrewAI project"),
        block_id="home.new",
    )


def _waiting(sheet: HomeSheet, link: Link) -> Iterator[Json]:
    if not (sheet.reviews or sheet.failed or sheet.stopped):
        return
    yield blocks.header("Waiting for you")
    yield from review_rows(sheet.reviews, link)
    for told in sheet.failed[:MOST]:
        yield from _failed(told)
    if len(sheet.failed) > MOST:
        yield blocks.context("More of your runs have failed: see *Runs* below.")
    for schedule in sheet.stopped[:MOST]:
        yield from _stopped(schedule)
    if len(sheet.stopped) > MOST:
        yield blocks.context("More schedules are paused: see *Schedules* below.")


def _failed(told: Told) -> Iterator[Json]:
    run = told.run
    when = f" · {moment(run.ended_at)}" if run.ended_at else ""
    why = f"\n{fit_escaped(run.error, 300)}" if run.error else ""
    said = f"*{escape(run.crew_name)}* · ❌ failed{where_failed(run)}{when}{why}"
    yield blocks.section(said, block_id=f"failed-{run.id}")
    label = f"Retry the run of {run.crew_name} from the failed task"
    retry = blocks.button("Retry", "run.retry", str(run.id), style="primary", accessibility_label=label)
    yield blocks.actions(*([retry] if told.allowed else []), open_button(run), block_id=f"failed.do-{run.id}")


def _stopped(schedule: Schedule) -> Iterator[Json]:
    yield blocks.section(stopped_line(schedule), block_id=f"stopped-{schedule.id}")
    label = f"Resume the schedule of {schedule.crew_name}"
    resume = blocks.button("Resume", "home.resume", str(schedule.id), style="primary", accessibility_label=label)
    every = blocks.button(
        "Open schedules", "do.schedules", accessibility_label=f"Open the schedules, of {schedule.crew_name} too"
    )
    # Whose owner has left needs a new one before it can run again: whoever edits it.
    can = [resume] if schedule.state is not ScheduleState.OWNER_LEFT else []
    yield blocks.actions(*can, every, block_id=f"stopped.do-{schedule.id}")


def _going(sheet: HomeSheet) -> Iterator[Json]:
    if not sheet.going:
        return
    yield blocks.header("Running now")
    for told in sheet.going[:MOST]:
        run = told.run
        yield blocks.section(going_line(run), block_id=f"going-{run.id}")
        buttons = [open_button(run), *([stop_button(run)] if told.allowed else [])]
        yield blocks.actions(*buttons, block_id=f"going.do-{run.id}")
    if len(sheet.going) > MOST:
        yield blocks.context("More are running: see *Runs* below.")


def _crews(sheet: HomeSheet, look: Look) -> Iterator[Json]:
    yield blocks.header("Crews and flows")
    if sheet.owns_any:
        yield _ways()
    filters = filter_buttons("home.show", look.which, lambda each: replace(look, offset=0, which=each).value)
    find = blocks.button("Find and run", "shortcut.search", accessibility_label="Find a crew by its name and run it")
    yield blocks.actions(*filters, find, block_id="home.filter")
    for crew in sheet.crews:
        yield from rows_with_run(crew, sheet.reader)
    if not sheet.crews and (sheet.owns_any or look.which != Look().which):
        yield blocks.section(NOTHING[look.which])
    yield from turning(look, sheet.total, "home.show")


def _latest(sheet: HomeSheet) -> Iterator[Json]:
    if not sheet.latest:
        return
    yield blocks.header("Last runs")
    for run in sheet.latest:
        said = f"*{escape(run.crew_name)}*\n{run_line(run, error=False)}"
        yield blocks.section(said, accessory=open_button(run), block_id=f"last-{run.id}")


def _more(sheet: HomeSheet) -> Iterator[Json]:
    """Everything else that ``/crew help`` names."""
    yield blocks.divider()
    yield blocks.actions(
        blocks.button("Runs", "do.runs", accessibility_label="All runs"),
        blocks.button("Schedules", "do.schedules"),
        blocks.button("New schedule", "do.schedule", accessibility_label="Let a crew run by itself"),
        blocks.button("All crews", "do.list"),
        blocks.button("Export", "do.export", accessibility_label="Export a crew as a CrewAI project"),
        *([] if sheet.admin else _settings()),
        blocks.button("Help", "do.help"),
        block_id="home.more",
    )


def _administration(sheet: HomeSheet) -> Iterator[Json]:
    if not sheet.admin:
        return
    yield blocks.header("For administrators")
    if sheet.schedules_paused:
        yield blocks.section("⏸️ All schedules are paused.")
    yield blocks.actions(
        *_settings(),
        blocks.button("Audit log", "do.audit"),
        _all_schedules(paused=sheet.schedules_paused),
        block_id="home.admin",
    )


def _settings() -> Iterable[Json]:
    """Pages that everybody may read and administrators change."""
    return (
        blocks.button("Models", "do.models"),
        blocks.button("Tools", "do.tools"),
        blocks.button("Limits", "do.limits"),
    )


def _all_schedules(*, paused: bool) -> Json:
    if paused:
        return blocks.button("Resume all schedules", "home.schedules", "resume", style="primary")
    sure = blocks.confirm(
        "Pause all schedules?", "No schedule of this workspace runs until you resume them.", "Pause all", "Go on"
    )
    return blocks.button("Pause all schedules", "home.schedules", "pause", confirm=sure)
