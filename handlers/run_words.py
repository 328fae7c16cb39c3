"""How runs are spoken of in lists, and a run's log as a file."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from bot.events import Fault
from bot.progress.messages import MARKS, failed_at
from bot.services.run_history import RunSheet
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.text import count, duration, escape, fit_escaped, fit_markup
from store.logs import LogEntry
from store.runs import Execution, RunState
from store.usage import dollars

WORDS = {
    RunState.QUEUED: "in line",
    RunState.WAITING: "waiting for an answer",
    RunState.RUNNING: "running",
    RunState.WAITING: "waits for an answer",
    RunState.COMPLETED: "done",
    RunState.FAILED: "failed",
    RunState.CANCELLED: "stopped",
}
EVENTS = {
    "RunStarted": "The run began",
    "RunResumed": "The run went on",
    "RunWaiting": "Waited for an answer",
    "Asked": "Asked people",
    "Decided": "Was answered",
    "TaskStarted": "Began",
    "TaskFinished": "Finished",
    "TaskFailed": "Failed",
    "TaskSkipped": "Skipped",
    "TaskFile": "Made a file",
    "StepStarted": "Began the step",
    "StepFinished": "Finished the step",
    "StepFailed": "The step failed",
    "StepSkipped": "Left the step out",
    "StateChanged": "The state is now",
    "ToolStarted": "Uses",
    "ToolFinished": "Used",
    "ModelCalled": "Model answered",
    "ModelAnswered": "Said",
    "RunCompleted": "The run is done",
    "RunFailed": "The run failed",
    "RunCancelled": "The run was stopped",
    "RunTraced": "For developers",
}


def moment(at: datetime, form: str = "{date_short_pretty} {time}") -> str:
    """A time in mrkdwn: Slack shows it in the reader's own zone; what follows the bar is for places that cannot."""
    return f"<!date^{int(at.timestamp())}^{form}|{at:%Y-%m-%d %H:%M} UTC>"


def run_line(run: Execution, *, error: bool = True) -> str:
    """One run in one line of mrkdwn: how it went, who started it and when, how long and how much it took.

    ``error`` says whether why it failed is part of it.
    """
    facts = [f"{MARKS[run.status]} {WORDS[run.status]}", f"by <@{run.started_by}>", moment(run.created_at)]
    if run.started_at:
        facts.append(duration(run.seconds))
    if run.tokens:
        facts.append(count(run.tokens, "token"))
    if run.cost is not None:
        facts.append(dollars(run.cost))
    if run.error and error:
        facts.append(fit_escaped(run.error, 150))
    return " · ".join(facts)


def going_line(run: Execution) -> str:
    """A run that goes on, in words that stay true while it does."""
    where = f" at *{fit_escaped(run.waiting_for, 100)}*" if run.waiting_for else ""
    state = f"{MARKS[run.status]} {WORDS[run.status]}{where}"
    return f"*{escape(run.crew_name)}* · {state} · by <@{run.started_by}> · since {moment(run.created_at)}"


def where_failed(run: Execution) -> str:
    """At which task a run failed, and who was at it, in mrkdwn to go behind “Failed”."""
    return fit_markup(failed_at(run.error_task, Fault(**run.fault or {})), 300)


def log_file(sheet: RunSheet) -> str:
    """A run and its whole log as plain text, with what the page has no room or no use for."""
    run = sheet.run
    facts = [
        f"{run.crew_name}, run {run.id} of version {run.crew_version}: {WORDS[run.status]}",
        *(f"{name}: {value}" for name, value in run.inputs.items()),
        *(
            [f"Failed at {run.error_task}: {run.error}" if run.error_task else f"Failed: {run.error}"]
            if run.error
            else []
        ),
        *(["Earlier lines are left out."] if sheet.more else []),
    ]
    return "\n".join([*facts, "", *map(_file_line, sheet.entries), ""])


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


def open_button(run: Execution) -> Json:
    """Opens the run's page."""
    return blocks.button("Open", "run.page", str(run.id), accessibility_label=f"Open run {run.id} of {run.crew_name}")


def _file_line(entry: LogEntry) -> str:
    where = " · ".join(part for part in (entry.task, entry.agent) if part)
    said = entry.message.replace("\n", "\n    ")
    told = f"{entry.timestamp:%Y-%m-%d %H:%M:%S} UTC  {EVENTS.get(entry.log_type, entry.log_type)}  {where}".rstrip()
    return f"{told}\n    {said}" if said else told
