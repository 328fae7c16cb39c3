"""Who wrote a result, so that it can be changed: of a flow the one crew whose words it is."""

from __future__ import annotations

from typing import Any

from bot.services.follow_ups import changing, written
from tests.support.flows import crew, flow, state, step


def kept(*done: tuple[str, str], changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """What is finished, by the key of each step and its text, in this order; ``changes`` are the first one’s."""
    return {
        f"step:{key}": {
            "step": key.partition("#")[0],
            "number": number,
            "raw": raw,
            "outcome": "",
            "seen": {"raw": raw},
            "changes": (changes or {}) if number == 1 else {},
        }
        for number, (key, raw) in enumerate(done, 1)
    }


def test_a_crew_wrote_its_own_result() -> None:
    author = written(crew(), {"topic": "tides"}, "They rise.", {})

    assert author
    assert (author.by, author.inputs) == (crew(), {"topic": "tides"})


def test_of_a_flow_it_is_the_last_crew_with_its_inputs_as_they_were() -> None:
    weekly = flow(
        step("gather", "crew", inputs={"about": "state.topic"}, result="found"),
        step("write", "crew", "gather", inputs={"about": "state.found + '/' + outputs.gather.raw", "none": " "}),
        state=state(topic="string", found="string"),
    )
    done = kept(("gather", "Facts"), ("write", "They rise."), changes={"found": "Facts"})

    author = written(weekly, {"topic": "tides"}, "They rise.", done)

    assert author
    assert (author.by.name, author.inputs) == ("Research", {"about": "Facts/Facts"})


def test_of_a_loop_it_is_the_round_that_wrote_it() -> None:
    loop = flow(step("draft", "crew", inputs={"about": "outputs.draft.raw"}), state=state(topic="string"))
    done = kept(("draft", "First"), ("draft#2", "Second"))

    author = written(loop, {}, "Second", done)

    assert author
    assert author.inputs == {"about": "First"}


def test_nobody_wrote_what_several_steps_came_to() -> None:
    both = flow(step("one"), step("two"))

    assert written(both, {}, "## One\n\nA\n\n## Two\n\nB", kept(("one", "A"), ("two", "B"))) is None


def test_nobody_is_known_for_what_a_flow_inside_wrote_or_where_inputs_are_lost() -> None:
    inner = flow(step("gather"), name="Inner")
    outer = flow(step("inner", "flow", target="Inner"), parts=[inner])
    within = {"step:inner/step:gather": {"step": "gather", "number": 1, "raw": "A", "seen": {}, "changes": {}}}
    lost = flow(step("gather", "crew", inputs={"about": "outputs.gone.raw"}))

    assert written(outer, {}, "A", within | kept(("inner", "A"))) is None
    assert written(lost, {}, "A", kept(("gather", "A"))) is None


def test_what_happened_in_a_flow_inside_is_not_what_happened_in_the_flow() -> None:
    inner = flow(step("gather"), name="Inner")
    parts = [crew(), inner]
    outer = flow(
        step("inner", "flow", target="Inner"), step("write", "crew", inputs={"about": "state.topic"}), parts=parts
    )
    outer = outer.model_copy(update={"state": state(topic="string")})
    inside = {
        "step:inner/step:gather": {"step": "gather", "number": 1, "raw": "A", "seen": {}, "changes": {"topic": "x"}}
    }

    author = written(outer, {"topic": "tides"}, "B", inside | kept(("inner", "A"), ("write", "B")))

    assert author
    assert author.inputs == {"about": "tides"}


def test_only_the_last_task_changes_the_result() -> None:
    changed = changing(crew("Research", "Gather", "Write"), "They rise.", "Shorter")

    [task] = changed.tasks
    assert (task.name, task.context) == ("Write", [])
    assert list(task.given.values()) == ["They rise.", "Shorter"]
