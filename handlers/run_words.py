"""How runs are spoken of in lists, and a run's log."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from bot.progress.messages import MARKS
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.text import count, duration, escape, fit_escaped, unmarked
from store.logs import LogEntry
from store.runs import Execution, RunState

WORDS = {
    RunState.QUEUED: "waiting",
    RunState.RUNNING: "running",
    RunState.COMPLETED: "done",
    RunState.FAILED: "failed",
    RunState.CANCELLED: "stopped",
}
_EVENTS = {
    "RunStarted": "The run began",
    "TaskStarted": "Began",
    "TaskFinished": "Finished",
    "TaskFailed": "Failed",
    "TaskSkipped": "Skipped",
    "TaskFile": "Made a file",
    "ToolStarted": "Uses",
    "ToolFinished": "Used",
    "ModelCalled": "Model answered",
    "ModelAnswered": "Said",
    "RunCompleted": "The run is done",
    "RunFailed": "The run failed",
    "RunCancelled": "The run was stopped",
}
_MOST_LINES = 80
PAGE = 8


def moment(at: datetime, form: str = "{date_short_pretty} {time}") -> str:
    """A time in mrkdwn: Slack shows it in the reader's own zone; what follows the bar is for places that cannot."""
    return f"<!date^{int(at.timestamp())}^{form}|{at:%Y-%m-%d %H:%M} UTC>"


def run_line(run: Execution) -> str:
    """One run in one line of mrkdwn: how it went, who started it and when, how long and how much it took."""
    facts = [f"{MARKS[run.status]} {WORDS[run.status]}", f"by <@{run.started_by}>", moment(run.created_at)]
    if run.started_at:
        facts.append(duration(run.seconds))
    if run.tokens:
        facts.append(count(run.tokens, "token"))
    if run.error:
        facts.append(fit_escaped(run.error, 150))
    return " · ".join(facts)


def run_rows(runs: Sequence[Execution], crew_id: int | None) -> list[Json]:
    """A page of runs, the newest first, with a button for each one's log; ``runs`` has one more if there are more."""
    if not runs:
        return [blocks.section("No runs here. Start one with `/crew run`.")]
    rows = [
        blocks.section(
            f"*{escape(run.crew_name)}*\n{run_line(run)}",
            accessory=blocks.button(
                "Log", "run.log", str(run.id), accessibility_label=f"Log of {run.crew_name}, run {run.id}"
            ),
            block_id=f"run-{run.id}",
        )
        for run in runs[:PAGE]
    ]
    if len(runs) > PAGE:
        value = f"{runs[PAGE - 1].id}:{crew_id or ''}"
        older = blocks.button("Older", "run.older", value, accessibility_label="Older runs")
        rows.append(blocks.actions(older, block_id="runs.pages"))
    return rows


def running_rows(runs: Sequence[Execution]) -> list[Json]:
    """The runs that go on, with a button that stops each."""
    if not runs:
        return [blocks.section("Nothing is running at the moment.")]
    return [
        blocks.section(
            f"*{escape(run.crew_name)}*\n{run_line(run)}", accessory=stop_button(run), block_id=f"run-{run.id}"
        )
        for run in runs
    ]


def stop_button(run: Execution) -> Json:
    """Stops a run, after asking."""
    sure = blocks.confirm("Stop this run?", "What is done so far stays in its thread.", "Stop it", "Go on", danger=True)
    label = f"Stop the run of {run.crew_name}"
    return blocks.button("Stop", "run.stop", str(run.id), style="danger", confirm=sure, accessibility_label=label)


def log_page(run: Execution, entries: Sequence[LogEntry]) -> Json:
    """A run's log in a window: what happened, step by step."""
    rows = [blocks.header(run.crew_name), blocks.context(run_line(run)), *_log_rows(entries)]
    return blocks.modal("Log", rows, callback_id="run.log_page")


def _words(message: str) -> str:
    return fit_escaped(unmarked(message), 400)


def _log_rows(entries: Sequence[LogEntry]) -> Iterable[Json]:
    if not entries:
        yield blocks.section("Nothing has happened yet.")
    if len(entries) > _MOST_LINES:
        # How a run ended matters more than how it began.
        yield blocks.context(f"The last {_MOST_LINES} lines; Slack has no room here for those before")
    for entry in entries[-_MOST_LINES:]:
        where = " · ".join(escape(part) for part in (entry.task, entry.agent) if part)
        line = f"{moment(entry.timestamp, '{time_secs}')} *{_EVENTS.get(entry.log_type, entry.log_type)}* {where}"
        said = f"by <@{escape(entry.message)}>" if entry.log_type == "RunCancelled" else _words(entry.message)
        yield blocks.section(f"{line}\n{said}" if said else line)
