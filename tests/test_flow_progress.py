"""What people read of a flow's run: cards of steps with the tasks inside them, pictures, and the way to the state."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot.events import (
    RunCancelled,
    RunCompleted,
    RunEvent,
    RunFailed,
    RunResumed,
    RunStarted,
    RunWaiting,
    StepFailed,
    StepFinished,
    StepSkipped,
    StepStarted,
    TaskFinished,
    TaskStarted,
    ToolStarted,
)
from bot.local_slack.validation import problems
from bot.pictures.png import Painter
from bot.progress import messages
from bot.progress.picture import RunPicture
from bot.services.pictures import of_run
from store.definitions import Definition
from store.runs import Execution, RunState
from tests.support.flows import crew, flow, state, step

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
LETTER = flow(
    step("draft", name="Write the draft"),
    step("check", "each", "draft", name="Check the facts"),
    step("good", "decide", "check", name="Good enough?"),
    step("send", "wait", "good/yes", name="Send it"),
    name="Weekly letter",
    state=state(topic="string"),
    parts=[crew()],
)


def run_of(definition: Definition) -> Execution:
    """A queued run of the flow that nothing is known of but what its messages say."""
    facts: dict[str, Any] = dict.fromkeys(Execution.model_fields) | {
        "id": 7,
        "team": "T0NORTHWIND",
        "crew_id": 3,
        "crew_name": definition.name,
        "definition": definition,
        "inputs": {"topic": "batteries", "rounds": 3, "tags": ["a", "b"]},
        "status": RunState.QUEUED,
        "started_by": "U0ANA000001",
        "channel": "C0GENERAL01",
        "prompt_tokens": 0,
        "completion_tokens": 0,
    }
    return Execution.model_construct(**facts)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def began(key: str, name: str, kind: str = "crew", at: float = 1, round_: int = 1) -> StepStarted:
    return StepStarted(run_id=7, step=key, name=name, kind=kind, at=after(at), round=round_)


def done(key: str, name: str, output: str = "Fine", outcome: str = "", at: float = 9) -> StepFinished:
    return StepFinished(run_id=7, step=key, name=name, kind="crew", output=output, outcome=outcome, at=after(at))


def shown(
    *events: RunEvent, definition: Definition = LETTER, finished: Mapping[str, dict[str, str]] | None = None
) -> RunPicture:
    picture = RunPicture.of(run_of(definition), finished)
    for event in (RunStarted(run_id=7, at=NOON), *events):
        picture.note(event)
    return picture


def cards(picture: RunPicture) -> list[tuple[str, str, str]]:
    """Each card's title, status and details."""
    [plan] = [block for block in messages.progress(picture, after(60)).blocks if block["type"] == "plan"]
    return [(card["title"], card["status"], text(card.get("details"))) for card in plan["tasks"]]


def marks(picture: RunPicture) -> dict[str, str]:
    """How each step stands."""
    assert picture.steps
    return picture.steps.marks


def text(rich: object) -> str:
    return rich["elements"][0]["elements"][0]["text"] if isinstance(rich, dict) else ""


def test_each_step_has_a_card_with_the_tasks_of_its_crew() -> None:
    picture = shown(
        began("draft", "Write the draft"),
        TaskStarted(run_id=7, task="Outline", agent="Ada", step="draft", at=after(1)),
        TaskFinished(run_id=7, task="Outline", agent="Ada", step="draft", output="1. 2.", at=after(4)),
        TaskStarted(run_id=7, task="Write", agent="Ada", step="draft", at=after(4)),
        ToolStarted(run_id=7, task="Write", agent="Ada", step="draft", tool="Search"),
    )

    assert cards(picture) == [
        ("Write the draft", "in_progress", "Research · 59 s · ✓ Outline, ▸ Write (Ada, using Search)"),
        ("Check the facts", "pending", "Research"),
        ("Good enough?", "pending", ""),
        ("Send it", "pending", ""),
    ]
    assert messages.progress(picture, after(60)).blocks[0]["title"] == "Working on Write the draft"


def test_tasks_of_the_same_name_stay_with_their_steps_and_items() -> None:
    picture = shown(
        began("draft", "Write the draft"),
        TaskFinished(run_id=7, task="Write", agent="Ada", step="draft", output="x", at=after(2)),
        done("draft", "Write the draft", at=2),
        began("check", "Check the facts", "each", at=2),
        TaskFinished(run_id=7, task="Write", agent="Ada", step="check[0]", output="x", at=after(3)),
        TaskStarted(run_id=7, task="Write", agent="Ada", step="check[1]", at=after(3)),
    )

    assert cards(picture)[0] == ("Write the draft", "complete", "Research · 1 s · ✓ Write")
    assert cards(picture)[1][2] == "Research · 58 s · ✓ Write, ▸ Write (Ada)"


def test_parallel_steps_outcomes_rounds_and_what_is_left_out() -> None:
    picture = shown(
        began("draft", "Write the draft"),
        began("check", "Check the facts", "each"),
    )
    assert messages.progress(picture, after(60)).blocks[0]["title"] == "Working on Write the draft and Check the facts"

    for event in (
        done("draft", "Write the draft"),
        done("check", "Check the facts"),
        done("good", "Good enough?", output="no", outcome="no"),
        began("draft", "Write the draft", round_=2, at=10),
        done("draft", "Write the draft", at=12),
        StepSkipped(run_id=7, step="send", name="Send it", kind="wait", at=after(12)),
        RunCompleted(run_id=7, result="Fine", at=after(13)),
    ):
        picture.note(event)
    assert [card[:2] for card in cards(picture)] == [
        ("Write the draft (round 2)", "complete"),
        ("Check the facts", "complete"),
        ("Good enough?", "complete"),
        ("Send it", "pending"),
    ]
    assert marks(picture)["send"] == "skipped"
    assert cards(picture)[3][2] == "skipped"


def test_a_failure_and_a_stop_leave_no_step_working() -> None:
    failed = shown(
        began("draft", "Write the draft"),
        StepFailed(run_id=7, step="draft", name="Write the draft", kind="crew", reason="No model.", at=after(2)),
        RunFailed(run_id=7, reason="No model.", task="Write the draft", at=after(2)),
    )
    stopped = shown(began("draft", "Write the draft"), RunCancelled(run_id=7, by="U0BEN000002", at=after(2)))

    assert cards(failed)[0][1] == "error"
    assert marks(failed)["draft"] == "failed"
    assert marks(stopped)["draft"] == "stopped"
    assert cards(stopped)[0][2] == "Research · stopped · 1 s"


def test_a_step_that_waits_says_so_and_goes_on_after_the_answer() -> None:
    picture = shown(
        done("draft", "Write the draft"),
        began("send", "Send it", "wait"),
        RunWaiting(run_id=7, key="step:send", task="Send it", at=after(3)),
    )
    assert marks(picture) == {"draft": "done", "check": "pending", "good": "pending", "send": "waiting"}
    picture.note(RunResumed(run_id=7, at=after(4), why="answered", task="Send it"))
    assert marks(picture)["send"] == "pending"
    assert marks(picture)["draft"] == "done"


def test_a_run_that_is_taken_up_shows_what_was_finished() -> None:
    finished = {
        "step:draft": {"raw": "Old"},
        "step:draft#2": {"raw": "New"},
        "step:good": {"raw": "yes", "outcome": "yes"},
    }
    picture = shown(finished=finished)

    assert cards(picture)[0][:2] == ("Write the draft (round 2)", "complete")
    assert cards(picture)[2][:2] == ("Good enough?", "complete")


def test_a_run_that_is_taken_up_shows_what_was_finished_inside_its_steps() -> None:
    month = flow(
        step("letter", "flow", target="Weekly letter", name="Letter"),
        step("news", "crew", "letter", name="News"),
        step("facts", "each", "news", name="Facts"),
        name="Month",
        parts=[LETTER, crew()],
    )
    finished = {
        "step:letter/step:draft/task:Outline": {"raw": "1. 2."},
        "step:letter/step:draft": {"raw": "Old"},
        "step:letter/step:send/due": {"due": "2026-03-01"},
        "step:news/task:Look": {"raw": "Old news"},
        "step:news#2/task:Look": {"raw": "New news"},
        "step:news#2/task:Gone/over": {"raw": "Also this"},
        "step:facts[1]/task:Write": {"raw": "A fact"},
        "spent:Research": {"prompt_tokens": 5},
    }
    picture = shown(
        RunResumed(run_id=7, at=after(1), why="restarted", task="Letter"),
        began("letter", "Letter", "flow", at=50),
        began("letter/send", "Send it", "wait", at=50),
        began("news", "News", at=50, round_=2),
        TaskStarted(run_id=7, task="Tell", agent="Ada", step="news", at=after(50)),
        definition=month,
        finished=finished,
    )

    assert cards(picture) == [
        ("Letter", "in_progress", "Weekly letter · 10 s · ✓ Outline, ✓ Write the draft, ▸ Send it"),
        ("News (round 2)", "in_progress", "Research · 10 s · ✓ Look, ✓ Gone/over, ▸ Tell (Ada)"),
        ("Facts", "pending", "Research · ✓ Write"),
    ]


def test_forty_steps_are_a_window_around_the_one_that_is_worked_on() -> None:
    many = flow(*(step(f"s{at}", "wait", name=f"Step {at}") for at in range(40)), name="Long")
    picture = shown(
        *(done(f"s{at}", f"Step {at}") for at in range(20)), began("s20", "Step 20", "wait"), definition=many
    )

    said = cards(picture)
    assert len(said) == 20
    assert said[0] == ("14 steps before", "complete", "14 done")
    assert ("Step 20", "in_progress") in [card[:2] for card in said]
    assert said[-1] == ("8 steps after", "pending", "8 pending")


@pytest.mark.parametrize("output", ["x" * 5_000, "<!channel> *b* & `c`", "🦜" * 900])
def test_slack_takes_every_message_at_every_stage(output: str) -> None:
    many = flow(*(step(f"s{at}", "wait", name=output[:80]) for at in range(20)), name="Long", state=state(a="string"))
    picture = shown(
        *(done(f"s{at}", "x", output=output) for at in range(19)), began("s19", "x", "wait"), definition=many
    )

    for message in (messages.parent(picture), messages.progress(picture, after(60))):
        assert problems({"text": message.text, "blocks": message.blocks}, "message") == []


def test_the_inputs_of_a_flow_and_the_way_to_its_state_are_shown() -> None:
    picture = shown()

    assert '*rounds:* 3 · *tags:* ["a", "b"]' in messages.parent(picture).blocks[1]["elements"][0]["text"]
    buttons = messages.progress(picture, after(1)).blocks[-1]["elements"]
    assert [button["text"]["text"] for button in buttons] == ["Stop", "State"]


def test_the_picture_of_a_run_has_the_same_in_words(tmp_path: Path) -> None:
    program = tmp_path / "painter.py"
    program.write_text("import sys\nsys.stdin.read()\nsys.stdout.write('png')")
    picture = shown(done("draft", "Write the draft"), began("check", "Check the facts"))
    assert picture.steps

    png, words = of_run(Painter(program=program), LETTER, picture.steps.marks)
    assert png == b"png"
    assert words.startswith(
        "Weekly letter: 4 steps: 1 done, 1 in progress, 2 pending. 1. Write the draft (Research): done."
    )


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ([], "The bot was restarted; going on."),
        (["Write"], "The bot was restarted; going on with *Write*."),
        (["Write", "Check", "Send"], "The bot was restarted; going on with *Write*, *Check* and *Send*."),
        ([*"ABCDEF"], "The bot was restarted; going on with *A*, *B*, *C*, *D* and 2 more."),
    ],
)
def test_a_run_that_goes_on_after_a_restart_says_with_what(names: list[str], said: str) -> None:
    assert messages.notice({"why": "restart", "tasks": names, "by": None}).text == said
