"""How schedules are shown: in a list with what can be done with each, on the crew page, and before one is deleted."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from bot.progress.messages import MARKS
from bot.services.crews import ScheduleLine
from bot.services.schedules import Entry, ScheduleList
from bot.slack import blocks
from bot.slack.blocks import Json
from bot.slack.text import count, escape, fit_escaped, named_place
from handlers.run_words import WORDS, moment
from store.schedules import News, Schedule, ScheduleState

# Each takes up to two rows of the hundred that a window has.
_MOST = 40
_ON_CREW_PAGE = 5
_IN_MESSAGE = 15
_NONE = "No schedules yet. Make one with `/crew schedule NAME`."
_RESTS = {
    ScheduleState.PAUSED: "⏸️ Paused",
    ScheduleState.FAILING: "⚠️ Paused: it failed three times in a row",
    ScheduleState.NOT_ALLOWED: "⚠️ Paused: its owner may no longer run this crew",
    ScheduleState.OWNER_LEFT: "⚠️ Paused: its owner is no longer in this workspace",
    ScheduleState.DONE: "🏁 It has had its time",
}


def list_page(shown: ScheduleList, *, crew: int | None = None, notice: str | None = None) -> Json:
    """The schedules of everybody's crews, or of one ``crew``; ``notice`` is a mrkdwn sentence on top."""
    rows = [
        *([blocks.alert(notice, "success")] if notice else []),
        *_for_all(shown),
        *(row for entry in _orphans_first(shown)[:_MOST] for row in _rows(entry)),
    ]
    if not shown.entries:
        rows.append(blocks.section(_NONE))
    if len(shown.entries) > _MOST:
        more = count(len(shown.entries) - _MOST, "schedule")
        rows.append(blocks.context(f"and {more} more; the page of a crew has those of that crew"))
    return blocks.modal("Schedules", rows, callback_id="schedule.list", meta={"crew": crew})


def message_rows(shown: ScheduleList) -> Iterable[Json]:
    """The same for a message, where a schedule has no menu; a button leads to the window that has them."""
    if shown.paused:
        yield blocks.section("An administrator has paused all schedules.")
    yield from (blocks.section(_entry_line(entry)) for entry in shown.entries[:_IN_MESSAGE])
    if len(shown.entries) > _IN_MESSAGE:
        yield blocks.context(f"and {count(len(shown.entries) - _IN_MESSAGE, 'schedule')} more")
    said = "To pause, edit or delete one:" if shown.entries else _NONE
    button = blocks.button("Schedules", "do.schedules", accessibility_label="Open the schedules")
    yield blocks.section(said, accessory=button)


def resting(entry: Entry) -> bool:
    """Whether it waits for somebody, and that is the reader."""
    state = entry.schedule.state
    orphan = state is ScheduleState.OWNER_LEFT and entry.may_change
    return orphan or (entry.mine and state not in (ScheduleState.ACTIVE, ScheduleState.DONE))


def schedule_line(schedule: Schedule) -> str:
    """A schedule in one line: what runs when, and when next or why not."""
    return f"*{escape(schedule.crew_name)}* · {_rule(schedule)} · {_next(schedule)}"


def removal(schedule: Schedule, crew: int | None) -> Json:
    """“Are you sure?”, with what goes and what stays; ``crew`` is whose list it was asked from, if it was one's."""
    said = f"*{escape(schedule.crew_name)}* no longer runs {escape(schedule.recurrence.words)}. Its past runs stay."
    meta = {"schedule": schedule.id, "crew": crew}
    return blocks.modal(
        "Delete schedule", [blocks.section(said)], callback_id="schedule.remove", submit="Delete", meta=meta
    )


def crew_lines(lines: Sequence[ScheduleLine]) -> Iterable[Json]:
    """The schedules of a crew on its page, first those that do not give it what it asks for."""
    if not lines:
        return
    yield blocks.divider()
    see = blocks.button("All schedules", "schedule.list", str(lines[0].schedule.crew_id))
    yield blocks.section(f"*Schedules* ({len(lines)})", accessory=see)
    first = sorted(lines, key=lambda line: not line.missing)[:_ON_CREW_PAGE]
    yield from (_unfilled(line) if line.missing else blocks.context(_crew_line(line.schedule)) for line in first)
    if len(lines) > _ON_CREW_PAGE:
        yield blocks.context(f"and {count(len(lines) - _ON_CREW_PAGE, 'schedule')} more")


def _crew_line(schedule: Schedule) -> str:
    return f"{_rule(schedule)} · <@{schedule.owner}> · {_next(schedule)}"


def _unfilled(line: ScheduleLine) -> Json:
    """A schedule that needs a mend before its next run, with the button that leads to its form."""
    schedule = line.schedule
    names = fit_escaped(", ".join(f"{{{name}}}" for name in line.missing), 500)
    said = f"{_crew_line(schedule)}\n⚠️ It doesn’t fill `{names}`, so its next run can’t start."
    if not line.may_change:
        return blocks.section(f"{said} Ask <@{schedule.owner}> to edit it.")
    label = f"Edit the schedule {schedule.recurrence.words}"
    button = blocks.button("Edit schedule", "schedule.mend", str(schedule.id), accessibility_label=label)
    return blocks.section(said, accessory=button)


def stopped_line(schedule: Schedule) -> str:
    """A schedule that came to rest by itself, and why."""
    note = f"\n{fit_escaped(schedule.note, 300)}" if schedule.note else ""
    return f"*{escape(schedule.crew_name)}* · {_rule(schedule)}\n{_next(schedule)}{note}"


def saved(schedule: Schedule) -> str:
    """That it is saved, and when it runs first."""
    first = f" It runs first {moment(schedule.next_at, '{date_long} at {time}')}." if schedule.next_at else ""
    return f"*{escape(schedule.crew_name)}* runs {_rule(schedule)}.{first}"


def _for_all(shown: ScheduleList) -> Iterable[Json]:
    if shown.paused:
        yield blocks.alert(
            "An administrator has paused all schedules. Times that come meanwhile are left out.", "warning"
        )
    if shown.admin and (shown.paused or shown.entries):
        word, value = ("Resume all", "resume") if shown.paused else ("Pause all", "pause")
        sure = blocks.confirm(
            "Pause all schedules?", "No schedule of this workspace runs until you resume them.", "Pause all", "Go on"
        )
        button = blocks.button(word, "schedule.all", value, confirm=None if shown.paused else sure)
        yield blocks.actions(button, block_id="schedule.controls")


def _orphans_first(shown: ScheduleList) -> list[Entry]:
    if not shown.admin:
        return shown.entries
    return sorted(shown.entries, key=lambda entry: entry.schedule.state is not ScheduleState.OWNER_LEFT)


def _rows(entry: Entry) -> Iterable[Json]:
    schedule = entry.schedule
    menu = _menu(schedule) if entry.may_change else None
    block_id = f"schedule-{schedule.id}"
    yield blocks.section(_entry_line(entry), accessory=menu, block_id=block_id)
    if entry.last:
        said = f"Last: {MARKS[entry.last.status]} {WORDS[entry.last.status]} {moment(entry.last.created_at)}"
        note = f" · {fit_escaped(schedule.note, 300)}" if schedule.note else ""
        yield blocks.context(said + note)
    elif schedule.note:
        yield blocks.context(fit_escaped(schedule.note, 300))


def _entry_line(entry: Entry) -> str:
    schedule = entry.schedule
    where = named_place(schedule.channel, "direct message")
    quiet = "" if schedule.news is News.ALWAYS else " · only what is new"
    whose = "yours" if entry.mine else f"of <@{schedule.owner}>"
    return f"*{escape(schedule.crew_name)}* · {_rule(schedule)}\n{_next(schedule)} · in {where} · {whose}{quiet}"


def _menu(schedule: Schedule) -> Json:
    on = schedule.state is ScheduleState.ACTIVE
    choices = (
        ("Run now", "run"),
        ("Pause", "pause") if on else ("Resume", "resume"),
        ("Edit", "edit"),
        ("Delete…", "delete"),
    )
    return blocks.overflow("schedule.menu", *(blocks.option(label, f"{what}:{schedule.id}") for label, what in choices))


def _rule(schedule: Schedule) -> str:
    return f"{escape(schedule.recurrence.words)} ({escape(schedule.zone)})"


def _next(schedule: Schedule) -> str:
    if schedule.state is not ScheduleState.ACTIVE or schedule.next_at is None:
        return _RESTS.get(schedule.state, "Nothing is to come")
    return f"Next: {moment(schedule.next_at, '{date_short_pretty} at {time}')}"
