"""What people read of a run: the picture of it, its messages, and the thread in which they appear."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event as sql_event

from bot.engine.memory import TASK, Stored
from bot.events import (
    Fault,
    ModelCalled,
    RunCancelled,
    RunCompleted,
    RunEvent,
    RunFailed,
    RunStarted,
    RunWaiting,
    TaskFailed,
    TaskFile,
    TaskFinished,
    TaskStarted,
    ToolFinished,
    ToolStarted,
)
from bot.local_slack.validation import problems
from bot.progress import messages
from bot.progress.feed import Feed
from bot.progress.messages import Message
from bot.progress.picture import RunPicture
from bot.slack.gate import Gate
from store import logs, runs
from store.crews import CrewInstance
from store.database import Store
from store.runs import Execution, RunState
from tests.slack.northwind import ANA, BEN, BOARD, RESEARCH, Northwind, northwind
from tests.store.examples import Shelf

Json = dict[str, Any]
RANDOM = "C0RANDOM003"
SOON = 10
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOSTILE = "<!channel> *b* _i_ ~s~ `c` & <https://evil.example|ok> \N{RIGHT-TO-LEFT OVERRIDE}{x} 🦜 مرحبا"
AGENT = "Researcher"


@pytest.fixture
def shelf(tmp_path: Path) -> Iterator[Shelf]:
    with closing(Store(f"sqlite:///{tmp_path / 'crewcall.db'}")) as store:
        store.upgrade()
        yield Shelf(store)


def crew_of(shelf: Shelf, *names: str, name: str = "Market research") -> CrewInstance:
    crew = shelf.crew(name)
    agent = shelf.agent(crew, AGENT)
    for each in names or ("Find sources", "Write report"):
        shelf.task(crew, each, agent_id=agent.id)
    return crew


@pytest.fixture
def run(shelf: Shelf) -> Execution:
    return shelf.run(crew_of(shelf), {"topic": "batteries"}, by=ANA, thread_ts=None)


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def started(run: Execution, task: str = "Find sources", agent: str = AGENT, at: float = 0) -> TaskStarted:
    return TaskStarted(run_id=run.id, task=task, agent=agent, at=after(at))


def finished(run: Execution, task: str = "Find sources", output: str = "Five links", at: float = 5) -> TaskFinished:
    return TaskFinished(run_id=run.id, task=task, agent=AGENT, output=output, at=after(at))


def used(run: Execution, prompt: int = 100, completion: int = 20) -> ModelCalled:
    return ModelCalled(
        run_id=run.id,
        task="Find sources",
        agent=AGENT,
        model="openai/gpt-4.1",
        prompt_tokens=prompt,
        completion_tokens=completion,
    )


def web(kind: Callable[..., RunEvent], run: Execution, **facts: str) -> RunEvent:
    """The start or the end of the tool “Web” in the first task."""
    return kind(run_id=run.id, task="Find sources", agent=AGENT, tool="Web", **facts)


def picture_of(run: Execution, *events: RunEvent) -> RunPicture:
    picture = RunPicture.of(run)
    for event in (RunStarted(run_id=run.id, at=NOON), *events):
        picture.apply(event)
    return picture


def cards(message: Message | Json) -> list[Json]:
    blocks = message.blocks if isinstance(message, Message) else message["blocks"]
    (plan,) = [block for block in blocks if block["type"] == "plan"]
    return list(plan["tasks"])


def states(message: Message | Json) -> list[str]:
    return [card["status"] for card in cards(message)]


def words(node: Any) -> str:
    """Everything a message says."""
    return json.dumps(node.blocks if isinstance(node, Message) else node, ensure_ascii=False)


def buttons(message: Message | Json) -> list[str]:
    blocks = message.blocks if isinstance(message, Message) else message["blocks"]
    return [element["text"]["text"] for block in blocks if block["type"] == "actions" for element in block["elements"]]


def all_of(picture: RunPicture) -> list[Message]:
    every = [messages.parent(picture), messages.progress(picture, after(60))]
    return every + (messages.results(picture)[0] if picture.state.over else [])


# The picture


def test_a_run_that_waits_shows_its_tasks_and_a_way_to_stop_it(run: Execution) -> None:
    message = messages.progress(RunPicture.of(run), NOON)

    assert [(card["title"], card["status"]) for card in cards(message)] == [
        ("Find sources", "pending"),
        ("Write report", "pending"),
    ]
    assert buttons(message) == ["Stop"]
    assert "Waiting for its turn" in messages.parent(RunPicture.of(run)).text


def test_the_card_of_a_task_says_who_works_on_it_with_what_and_how_long(run: Execution) -> None:
    picture = picture_of(run, started(run), web(ToolStarted, run))

    message = messages.progress(picture, after(72))

    assert states(message) == ["in_progress", "pending"]
    assert "Researcher · using Web · 1 min 12 s" in words(message)
    assert "Working on Find sources" in words(message)
    assert messages.parent(picture).text == "Market research: Running"


def test_a_tool_is_named_only_while_it_is_used(run: Execution) -> None:
    picture = picture_of(run, started(run), web(ToolStarted, run), web(ToolFinished, run))

    assert "using" not in words(messages.progress(picture, NOON))


def test_a_finished_task_shows_the_beginning_of_its_output_and_the_time_it_took(run: Execution) -> None:
    picture = picture_of(run, started(run), finished(run, output="Five links " * 100))

    message = messages.progress(picture, after(600))

    assert states(message) == ["complete", "pending"]
    assert "Researcher · 5 s" in words(message)
    assert "Five links Five links" in words(cards(message)[0]["output"])


def test_tokens_are_added_up_and_the_time_runs_from_the_start(run: Execution) -> None:
    picture = picture_of(run, used(run), used(run, 1_000, 80))

    assert "1 min 5 s · 1,200 tokens" in words(messages.progress(picture, after(65)))


def test_a_failed_task_says_why_and_so_does_the_run(run: Execution) -> None:
    picture = picture_of(
        run,
        started(run),
        finished(run),
        started(run, "Write report"),
        TaskFailed(run_id=run.id, task="Write report", agent=AGENT, reason="No key <x>.", at=after(9)),
        RunFailed(run_id=run.id, reason="No key <x>.", task="Write report", at=after(9)),
    )

    (ending,), file = messages.results(picture)

    assert states(messages.progress(picture, after(99))) == ["complete", "error"]
    assert file is None
    assert "The run failed at *Write report*. No key &lt;x&gt;.\\nDone before that: Find sources." in words(ending)
    assert buttons(ending) == ["Retry from the failed task", "Run again", "Edit inputs", "Show log", "Schedule"]
    assert messages.parent(picture).text == "Market research: Failed at “Write report” after 9 s"


def test_a_failure_says_who_was_at_it(run: Execution) -> None:
    def said(**fault: Any) -> str:
        failed = RunFailed(run_id=run.id, reason="No key.", task="Write", fault=Fault(**fault))
        (ending,), _ = messages.results(picture_of(run, started(run), failed))
        return words(ending)

    assert "failed at *Write*. No key." in said()
    assert "failed at *Write* (&lt;Ann&gt;). No key." in said(agent="<Ann>")
    assert "failed at *Write* (Ann, tool *Web*). No key." in said(agent="Ann", tool="Web")
    assert "failed at *Write* (*Sub*, *Find*, Ann, tool *Web*). No key." in said(
        within=["Sub", "Find"], agent="Ann", tool="Web"
    )


def test_a_run_that_fails_in_the_middle_leaves_no_task_working(run: Execution) -> None:
    picture = picture_of(run, started(run), RunFailed(run_id=run.id, reason="The bot was stopped.", at=after(3)))

    assert states(messages.progress(picture, after(9))) == ["error", "pending"]
    assert "Failed after 3 s" in messages.parent(picture).text


def test_a_stopped_run_says_who_stopped_it_and_what_was_done(run: Execution) -> None:
    stopped = RunCancelled(run_id=run.id, by=BEN, at=after(7))
    picture = picture_of(run, started(run), finished(run), started(run, "Write report"), stopped)

    (ending,), _ = messages.results(picture)

    assert f"<@{BEN}> stopped this run.\\nDone before that: Find sources." in words(ending)
    assert states(messages.progress(picture, after(9))) == ["complete", "pending"]
    assert buttons(messages.progress(picture, after(9))) == []


def test_a_run_stopped_before_it_began_took_no_time(run: Execution) -> None:
    picture = RunPicture.of(run)
    picture.apply(RunCancelled(run_id=run.id, by=BEN))

    assert messages.parent(picture).text == "Market research: Stopped"


def test_work_under_a_name_of_its_own_gets_a_card_and_the_manager_shows_as_the_one_who_works(run: Execution) -> None:
    picture = picture_of(run, started(run, agent="Crew manager"), started(run, "Ask a colleague", agent="Editor"))

    message = messages.progress(picture, NOON)

    assert [card["title"] for card in cards(message)] == ["Find sources", "Write report", "Ask a colleague"]
    assert "Crew manager" in words(cards(message)[0])
    assert "Editor" in words(cards(message)[2])


def test_a_tool_used_between_two_tasks_gets_no_card(run: Execution) -> None:
    picture = picture_of(run, ToolStarted(run_id=run.id, task="", agent=AGENT, tool="Web"))

    assert len(cards(messages.progress(picture, NOON))) == 2


def test_an_event_nobody_knows_is_a_mistake_in_the_program(run: Execution) -> None:
    with pytest.raises(TypeError, match="no picture of RunEvent"):
        RunPicture.of(run).apply(RunEvent(run_id=run.id))


def test_the_picture_of_a_stored_run_is_the_one_its_events_drew(shelf: Shelf) -> None:
    run = shelf.claimed(crew_of(shelf))
    ended = shelf.write(runs.finish, run, RunState.FAILED, error="No key.", error_task="Find sources")
    assert ended is not None

    (ending,), _ = messages.results(RunPicture.of(ended))

    assert "The run failed at *Find sources*. No key." in words(ending)


# Results


def completed(run: Execution, result: str) -> RunPicture:
    return picture_of(run, RunCompleted(run_id=run.id, result=result, at=after(12)))


def paragraphs(size: int) -> str:
    """Markdown of about ``size`` characters whose paragraphs can be told apart."""
    return "\n\n".join(f"{number:06} {'word ' * 18}" for number in range(size // 98))


def test_a_short_result_is_one_message_and_no_file(run: Execution) -> None:
    (only,), file = messages.results(completed(run, "# Findings\n\n**Five** links"))

    assert only.blocks[0] == {"type": "markdown", "text": "# Findings\n\n**Five** links"}
    assert only.text == "Result of Market research: Findings Five links"
    assert buttons(only) == ["Run again", "Edit inputs", "Show log", "Schedule"]
    assert file is None


def test_a_result_of_two_parts_is_shown_whole_and_comes_as_a_file_too(run: Execution) -> None:
    whole = paragraphs(18_000)

    parts, file = messages.results(completed(run, whole))

    assert len(parts) == 2
    assert "".join(part.blocks[0]["text"] for part in parts).split() == whole.split()
    assert [bool(buttons(part)) for part in parts] == [False, True]
    assert file == whole


def test_a_longer_result_begins_in_the_thread_and_says_where_the_rest_is(run: Execution) -> None:
    whole = paragraphs(50_000)

    (beginning,), file = messages.results(completed(run, whole))

    assert whole.startswith(beginning.blocks[0]["text"][:5_000])
    assert f"This is the beginning. The whole result ({len(whole):,} characters) is in the file" in words(beginning)
    assert buttons(beginning) == ["Run again", "Edit inputs", "Show log", "Schedule"]
    assert file == whole


@pytest.mark.parametrize("nothing", ["", " \n "])
def test_an_empty_result_is_called_so(run: Execution, nothing: str) -> None:
    (only,), file = messages.results(completed(run, nothing))

    assert "The crew gave an empty result." in words(only)
    assert file is None


def test_a_run_of_a_deleted_crew_cannot_be_run_again(run: Execution) -> None:
    (only,), _ = messages.results(completed(run.model_copy(update={"crew_id": None}), "x"))

    assert buttons(only) == ["Show log"]


def test_a_run_without_inputs_has_none_to_edit(run: Execution) -> None:
    (only,), _ = messages.results(completed(run.model_copy(update={"inputs": {}}), "x"))

    assert buttons(only) == ["Run again", "Show log", "Schedule"]


RESULTS = {
    "hostile": HOSTILE,
    "code": "```python\n" + "print('<!here>')\n" * 2_000 + "```",
    "table": "| a | b |\n|---|---|\n" + "| <!channel> | 🦜 |\n" * 3_000,
    "one line": "🦜" * 30_000,
    "fifty kilobytes": paragraphs(50_000),
    "half a character": "x\ud83d",
}


@pytest.mark.parametrize("result", RESULTS.values(), ids=RESULTS)
def test_slack_takes_every_result_and_nobody_is_rung(run: Execution, result: str) -> None:
    parts, file = messages.results(completed(run, result))

    assert [problems(part._asdict(), "message") for part in parts] == [[]] * len(parts)
    assert "<!" not in words([part.blocks for part in parts])
    assert file is None or file == result


@pytest.fixture(params=["as people write", "hostile", "sixty tasks", "everything long"])
def odd_run(request: pytest.FixtureRequest, run: Execution) -> Execution:
    """The run with names, inputs and plans of every sort."""
    one = run.definition.tasks[0]
    sixty = [one.model_copy(update={"name": f"Task {number} {'x' * 60}"}) for number in range(60)]
    changes: dict[str, Json] = {
        "as people write": {},
        "hostile": {"crew_name": HOSTILE, "inputs": {"topic": HOSTILE, "b": "a\n\nb"}, "tasks": [HOSTILE]},
        "sixty tasks": {"tasks": [task.name for task in sixty]},
        "everything long": {
            "crew_name": "🦜" * 80,
            "inputs": {f"input_{number}": "<&>" * 2_000 for number in range(30)},
            "tasks": [f"{number}{'&' * 78}" for number in range(60)],
        },
    }
    changed = dict(changes[request.param])
    if names := changed.pop("tasks", None):
        tasks = [one.model_copy(update={"name": name, "agent": name}) for name in names]
        changed["definition"] = run.definition.model_copy(update={"tasks": tasks})
    return run.model_copy(update=changed)


def test_slack_takes_every_message_at_every_stage_and_nobody_is_rung(odd_run: Execution) -> None:
    names = [task.name for task in odd_run.definition.tasks]
    long = HOSTILE * 50
    facts = {"run_id": odd_run.id, "task": names[0], "agent": HOSTILE}
    working: list[RunEvent] = [
        *(finished(odd_run, name, output=long) for name in names[1:]),
        TaskStarted(**facts),  # type: ignore[arg-type]
        ToolStarted(**facts, tool=HOSTILE),  # type: ignore[arg-type]
    ]
    stages: list[list[RunEvent]] = [
        [],
        working,
        [*working, RunCompleted(run_id=odd_run.id, result=long)],
        [*working, RunFailed(run_id=odd_run.id, reason=long, task=names[0])],
        [*working, RunCancelled(run_id=odd_run.id, by=BEN)],
    ]
    shown = [message for stage in stages for message in all_of(picture_of(odd_run, *stage))]

    for message in shown:
        assert problems(message._asdict(), "message") == []
        mrkdwn = [text for text in strings(message.blocks, "mrkdwn") if "<!" in text]
        assert mrkdwn == []


def strings(node: Any, kind: str) -> Iterator[str]:
    """The texts of all text objects of this kind."""
    if isinstance(node, dict):
        if node.get("type") == kind:
            yield str(node["text"])
        for child in node.values():
            yield from strings(child, kind)
    elif isinstance(node, list):
        for child in node:
            yield from strings(child, kind)


def test_the_sixtieth_task_is_counted_where_there_is_no_room_for_its_card(run: Execution) -> None:
    one = run.definition.tasks[0]
    tasks = [one.model_copy(update={"name": f"Task {number}"}) for number in range(60)]
    many = run.model_copy(update={"definition": run.definition.model_copy(update={"tasks": tasks})})

    message = messages.progress(picture_of(many), NOON)

    assert cards(message)[-1]["title"] == "and 13 more"


# The thread


class Told:
    """What the feed calls back: words for one person, and runs that may begin."""

    def __init__(self) -> None:
        self.words: list[str] = []
        self.may_begin: list[int] = []
        self.something = threading.Event()

    def tell(self, sentence: str) -> None:
        self.words.append(sentence)
        self.something.set()

    def then(self, run_id: int) -> None:
        self.may_begin.append(run_id)
        self.something.set()

    def wait(self) -> None:
        assert self.something.wait(SOON)


@pytest.fixture
def workspace() -> Iterator[Northwind]:
    with northwind(rate_limits=False) as workspace:
        yield workspace


@pytest.fixture
def told() -> Told:
    return Told()


class Room:
    """The feed in a workspace."""

    def __init__(self, workspace: Northwind, store: Store) -> None:
        self.workspace = workspace
        self.gate = Gate(lambda _team: workspace.client)
        self.late: list[int] = []
        self.feed = Feed(store, self.gate, bot_name="crew", notify=print, ask=self.late.append)
        self._open = True

    def announces(self, run: Execution, told: Told) -> None:
        self.feed.announce(run, tell=told.tell, then=told.then)
        told.wait()

    def hears(self, *events: RunEvent) -> None:
        for event in events:
            self.feed(event)

    def says(self, text: str) -> Json:
        """The thread's message that holds this text, once it is there."""
        self.until(lambda: any(text in words(each) for each in self.thread()))
        return next(each for each in self.thread() if text in words(each))

    def until(self, condition: Callable[[], bool]) -> None:
        """Return once this holds, looking again whenever something happens in the workspace."""
        end = time.monotonic() + SOON
        seq = self.workspace._ask("state", user=ANA)["seq"]
        while not condition():
            assert time.monotonic() < end, f"it never happened: {words(self.workspace.messages())}"
            seq = self.workspace._ask("wait", user=ANA, since=str(seq), timeout="2")["seq"]

    def settles(self) -> None:
        """Everything still to be said is said."""
        if self._open:
            self._open = False
            self.feed.close()
            self.gate.close()

    @property
    def parent(self) -> Json:
        (message,) = self.workspace.messages()
        return message

    def thread(self) -> list[Json]:
        """The replies in the thread of the only run."""
        found = self.workspace.messages()
        return self.workspace.messages(thread_ts=found[0]["ts"])[1:] if found else []

    def parts(self) -> list[str]:
        """What each message of the run is, in the order in which they stand in the thread."""
        every = [self.parent, *self.thread()]
        return [
            each["metadata"]["event_payload"]["part"] if each.get("metadata") else f"file {each['files'][0]['name']}"
            for each in every
        ]


@pytest.fixture
def room(workspace: Northwind, shelf: Shelf) -> Iterator[Room]:
    room = Room(workspace, shelf.store)
    yield room
    room.settles()


@pytest.fixture
def posted(shelf: Shelf) -> Execution:
    """A queued run in #research that nobody has announced yet."""
    run = shelf.run(crew_of(shelf), {"topic": "batteries"}, by=ANA, thread_ts=None)
    shelf.sql("UPDATE executions SET channel = :channel", channel=RESEARCH)
    return shelf.read(runs.fetch, run.id)


def story(run: Execution, result: str = "Five links") -> list[RunEvent]:
    """A run from beginning to end."""
    return [
        RunStarted(run_id=run.id),
        started(run),
        used(run),
        finished(run),
        started(run, "Write report"),
        used(run, 50, 5),
        finished(run, "Write report", output=result),
        RunCompleted(run_id=run.id, result=result),
    ]


def test_a_run_is_told_in_one_thread_parent_progress_result(room: Room, posted: Execution, told: Told) -> None:
    room.announces(posted, told)
    room.hears(*story(posted))
    room.says("Result of Market research")
    room.settles()

    assert (told.may_begin, told.words) == ([posted.id], [])
    assert room.parts() == ["parent", "progress", "result"]
    progress, result = room.thread()
    assert states(progress) == ["complete", "complete"]
    assert "175 tokens" in words(progress)
    assert buttons(progress) == []
    assert "Five links" in words(result["blocks"][0])
    assert "Done" in room.parent["text"]
    assert "*topic:* batteries" in words(room.parent)


def test_while_a_run_goes_on_its_messages_show_it(room: Room, posted: Execution, told: Told) -> None:
    room.announces(posted, told)
    room.hears(*story(posted)[:2])
    room.until(lambda: "Running" in room.parent["text"])
    room.until(lambda: states(room.thread()[0]) == ["in_progress", "pending"])

    assert buttons(room.thread()[0]) == ["Stop"]


def test_the_store_knows_where_a_run_is_told(room: Room, shelf: Shelf, posted: Execution, told: Told) -> None:
    room.announces(posted, told)
    room.hears(*story(posted))
    room.says("Result of Market research")
    room.settles()

    known = shelf.read(runs.fetch, posted.id)
    assert (known.thread_ts, known.progress_ts) == (room.parent["ts"], room.thread()[0]["ts"])


def test_the_log_is_written_in_order(room: Room, shelf: Shelf, posted: Execution, told: Told) -> None:
    room.announces(posted, told)
    room.hears(*story(posted)[:2], web(ToolStarted, posted), web(ToolFinished, posted, error="timed out"))
    room.hears(*story(posted)[2:])
    room.settles()

    log = shelf.read(logs.of_run, posted.id)
    assert [(entry.log_type, entry.task, entry.message) for entry in log] == [
        ("RunStarted", None, ""),
        ("TaskStarted", "Find sources", ""),
        ("ToolStarted", "Find sources", "Web"),
        ("ToolFinished", "Find sources", "Web: timed out"),
        ("ModelCalled", "Find sources", "openai/gpt-4.1: 100 tokens in, 20 out"),
        ("TaskFinished", "Find sources", "Five links"),
        ("TaskStarted", "Write report", ""),
        ("ModelCalled", "Find sources", "openai/gpt-4.1: 50 tokens in, 5 out"),
        ("TaskFinished", "Write report", "Five links"),
        ("RunCompleted", None, "Five links"),
    ]


def test_the_log_is_written_while_the_run_goes_on(room: Room, shelf: Shelf, posted: Execution, told: Told) -> None:
    room.announces(posted, told)
    written = threading.Condition()

    def connection_comes_back(_driver: object, _record: object) -> None:
        with written:
            written.notify_all()

    sql_event.listen(shelf.store.engine, "checkin", connection_comes_back)
    room.hears(RunStarted(run_id=posted.id), used(posted))

    with written:
        assert written.wait_for(lambda: len(shelf.read(logs.of_run, posted.id)) == 2, SOON)


def test_a_long_result_comes_as_a_file_after_its_beginning(room: Room, posted: Execution, told: Told) -> None:
    whole = paragraphs(50_000)
    room.announces(posted, told)
    room.hears(*story(posted, whole))
    room.says(".md")
    room.settles()

    name = f"Market research {posted.id}.md"
    assert room.parts() == ["parent", "progress", "result", f"file {name}"]
    assert room.workspace.file(room.thread()[-1]) == whole


@pytest.mark.parametrize("channel", [RANDOM, BOARD])
def test_in_a_channel_without_the_bot_the_person_is_told_and_there_is_no_run(
    room: Room, shelf: Shelf, posted: Execution, told: Told, channel: str
) -> None:
    room.announces(posted.model_copy(update={"channel": channel}), told)

    (sentence,) = told.words
    assert sentence.startswith("I’m not in this channel, so I can’t post the run here. Invite me with /invite @crew")
    assert told.may_begin == []
    assert shelf.write(runs.claim, posted.id, owner="here") is None
    assert shelf.count("executions") == 0


def test_when_slack_refuses_the_parent_the_person_is_told_why(
    room: Room, shelf: Shelf, posted: Execution, told: Told
) -> None:
    room.workspace.slack.misbehave({"methods": {"chat.postMessage": {"error": "restricted_action"}}})
    room.announces(posted, told)

    assert told.words == ["Slack did not take the message (restricted_action), so the run did not start."]
    assert shelf.count("executions") == 0


def test_a_run_that_ends_before_its_progress_message_is_there_still_gets_it_finished(
    room: Room, posted: Execution, told: Told
) -> None:
    # The run begins and ends while the progress message is still on its way.
    def run_through(_run_id: int) -> None:
        room.hears(*story(posted))
        told.something.set()

    room.workspace.slack.misbehave({"slow_ms": 150})
    room.feed.announce(posted, tell=told.tell, then=run_through)
    told.wait()
    room.says("Result of Market research")
    room.until(lambda: states(room.thread()[0]) == ["complete", "complete"])
    room.settles()

    assert room.parts() == ["parent", "progress", "result"]
    assert "Done" in room.parent["text"]


def test_a_run_stopped_while_it_is_announced_says_so_and_never_begins(
    room: Room, shelf: Shelf, posted: Execution, told: Told
) -> None:
    room.workspace.slack.misbehave({"slow_ms": 150})
    room.feed.announce(posted, tell=told.tell, then=told.then)
    shelf.write(runs.finish, posted, RunState.CANCELLED, cancelled_by=BEN)
    room.hears(RunCancelled(run_id=posted.id, by=BEN))
    room.says(f"<@{BEN}> stopped this run.")
    room.settles()

    assert told.may_begin == []
    assert room.parts() == ["parent", "result"]
    assert "Stopped" in room.parent["text"]


def test_the_end_of_a_run_that_another_process_announced_is_told_in_its_thread(
    room: Room, shelf: Shelf, posted: Execution
) -> None:
    thread_ts = room.workspace.posted("Ana started Market research")
    progress = room.workspace.client.chat_postMessage(channel=RESEARCH, text="Running", thread_ts=thread_ts)["ts"]
    shelf.write(runs.place, posted.id, thread_ts=thread_ts, progress_ts=progress)
    claimed = shelf.write(runs.claim, posted.id, owner="dead")
    assert claimed is not None
    shelf.write(runs.finish, claimed, RunState.FAILED, error="The bot was stopped.")

    room.hears(RunFailed(run_id=posted.id, reason="The bot was stopped."))
    room.says("The run failed. The bot was stopped.")
    room.settles()

    assert [each["text"].split(" after")[0] for each in room.thread()] == ["Market research: Failed", "Failed"]
    assert "Failed" in room.parent["text"]


def test_a_run_that_nobody_could_announce_before_a_restart_is_announced_when_it_begins(
    room: Room, shelf: Shelf, posted: Execution
) -> None:
    shelf.write(runs.claim, posted.id, owner="here")

    room.hears(*story(posted))
    room.says("Result of Market research")
    room.settles()

    assert "Done" in room.parent["text"]
    assert room.parts()[0] == "parent"
    assert room.parts()[-1] == "result"


def test_a_file_made_before_the_thread_is_there_is_posted_into_it(room: Room, shelf: Shelf, posted: Execution) -> None:
    claimed = shelf.write(runs.claim, posted.id, owner="here")
    room.workspace.slack.misbehave({"slow_ms": 150})

    found = {"raw": "Five links", "json": None, "agent": "Researcher", "skipped": False, "file": "links.md"}
    Stored(shelf.store, claimed).keep(TASK + "Find sources", found)
    file = TaskFile(run_id=posted.id, task="Find sources", agent="Researcher", name="links.md")
    room.hears(*story(posted)[:4], file, *story(posted)[4:])
    room.says("Result of Market research")
    room.settles()

    assert [part for part in room.parts() if part != "progress"] == ["parent", "file links.md", "result"]


def test_a_run_announced_before_a_restart_gets_its_progress_message_when_it_begins(
    room: Room, shelf: Shelf, posted: Execution
) -> None:
    shelf.write(runs.place, posted.id, thread_ts=room.workspace.posted("Ana started Market research"))
    shelf.write(runs.claim, posted.id, owner="here")

    room.hears(*story(posted))
    room.says("Result of Market research")
    room.until(lambda: states(room.thread()[0]) == ["complete", "complete"])
    room.settles()

    assert [each["metadata"]["event_payload"]["part"] for each in room.thread()] == ["progress", "result"]


def test_what_is_heard_after_the_end_tells_nothing_twice(
    room: Room, shelf: Shelf, posted: Execution, told: Told
) -> None:
    room.announces(posted, told)
    claimed = shelf.write(runs.claim, posted.id, owner="here")
    assert claimed is not None
    shelf.write(runs.finish, claimed, RunState.COMPLETED, results="Five links")
    room.hears(*story(posted))
    room.says("Result of Market research")
    room.hears(used(posted, 1, 1), web(ToolFinished, posted))
    room.settles()

    assert room.parts() == ["parent", "progress", "result"]
    assert states(room.thread()[0]) == ["complete", "complete"]


def test_a_log_that_cannot_be_written_keeps_no_result_from_people(
    room: Room, shelf: Shelf, posted: Execution, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.sql("CREATE TRIGGER full BEFORE INSERT ON execution_logs BEGIN SELECT RAISE(ABORT, 'disk full'); END")
    room.announces(posted, told)
    room.hears(*story(posted))

    assert "Five links" in words(room.says("Result of Market research"))
    assert "disk full" in caplog.text


def test_trouble_with_one_run_does_not_silence_the_others(
    room: Room, shelf: Shelf, posted: Execution, told: Told, caplog: pytest.LogCaptureFixture
) -> None:
    room.announces(posted, told)
    room.hears(RunStarted(run_id=4711), *story(posted), RunCompleted(run_id=4711, result="of nothing"))
    room.says("Result of Market research")
    room.settles()

    assert "the feed could not do a job" in caplog.text
    assert len(shelf.read(logs.of_run, posted.id)) == 8


def test_two_runs_at_once_are_told_apart(room: Room, shelf: Shelf, posted: Execution) -> None:
    other = shelf.run(crew_of(shelf, "Only task", name="Support answers"), by=BEN, thread_ts=None)
    shelf.sql("UPDATE executions SET channel = :channel", channel=RESEARCH)
    both: list[tuple[Execution, Callable[[], Told]]] = [(posted, Told), (other, Told)]
    for run, new in both:
        room.announces(shelf.read(runs.fetch, run.id), new())
    room.hears(*(event for pair in zip(story(posted), story(other, "Two answers"), strict=True) for event in pair))
    room.until(lambda: all("Done" in text for text in room.workspace.texts()))
    room.settles()

    first, second = room.workspace.messages()
    assert [text.split(":")[0] for text in room.workspace.texts()] == ["Market research", "Support answers"]
    assert "Five links" in room.workspace.texts(thread_ts=first["ts"])[-1]
    assert "Two answers" in room.workspace.texts(thread_ts=second["ts"])[-1]
    assert [len(shelf.read(logs.of_run, run.id)) for run in (posted, other)] == [8, 8]


@pytest.fixture
def hushed(shelf: Shelf, posted: Execution) -> Execution:
    """A run that is told about only if its result is new."""
    shelf.sql("UPDATE executions SET telling = :telling", telling=runs.NEWS_ONLY)
    return shelf.read(runs.fetch, posted.id)


def test_a_run_with_news_is_told_about_when_it_is_over(room: Room, shelf: Shelf, hushed: Execution, told: Told) -> None:
    room.announces(hushed, told)
    room.hears(*story(hushed)[:-1])
    shelf.write(runs.keep_quiet, hushed.id, nothing_new=False)
    room.hears(story(hushed)[-1])
    room.says("Result of Market research")
    room.settles()

    assert told.may_begin == [hushed.id]
    assert room.parts() == ["parent", "result"]
    assert "Done" in room.parent["text"]


def test_a_run_without_news_leaves_its_log_and_no_message(
    room: Room, shelf: Shelf, hushed: Execution, told: Told
) -> None:
    room.announces(hushed, told)
    room.hears(*story(hushed)[:-1])
    shelf.write(runs.keep_quiet, hushed.id, nothing_new=True)
    room.hears(story(hushed)[-1])
    room.settles()

    assert room.workspace.messages() == []
    assert [entry.log_type for entry in shelf.read(logs.of_run, hushed.id)][-1] == "RunCompleted"


@pytest.mark.parametrize("known_here", [True, False], ids=["announced here", "taken up from another process"])
def test_a_run_that_waits_for_a_person_is_told_about_at_once(
    room: Room, shelf: Shelf, hushed: Execution, told: Told, known_here: bool
) -> None:
    if known_here:
        room.announces(hushed, told)
    room.hears(*story(hushed)[:4], RunWaiting(run_id=hushed.id, key="task:Write report", task="Write report"))
    room.until(lambda: bool(room.thread()))
    room.hears(*story(hushed)[4:])
    room.says("Result of Market research")
    room.settles()

    assert room.parts() == ["parent", "progress", "result"]
    assert shelf.read(runs.fetch, hushed.id).telling is None
    # Its question could not be posted before.
    assert room.late == [hushed.id]


def test_a_failure_is_told_about_whatever_was_to_be_kept_quiet(room: Room, hushed: Execution, told: Told) -> None:
    room.announces(hushed, told)
    room.hears(RunStarted(run_id=hushed.id), RunFailed(run_id=hushed.id, reason="No model.", task=None))
    room.says("No model.")
    room.settles()

    assert "Failed" in room.parent["text"]
