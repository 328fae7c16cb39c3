"""Fields that never show what was typed, and fields with suggestions."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import BaseModel, Field, SecretStr

from bot.local_slack.validation import problems
from bot.slack.forms import Form, Suggested, error_view

KEY = "sk-of-this-test"


class Draft(BaseModel):
    name: str = Field(title="Name", min_length=1, max_length=80)
    key: SecretStr | None = Field(None, title="Key", max_length=100, description="The provider’s.")
    model: str = Field("", title="Model", max_length=200)


FORM = Form(
    Draft,
    callback_id="connection.create",
    title="New connection",
    widgets={"model": Suggested(nothing="The default", other="Another model")},
)
OFFERED = {"model": [("a/b", "A B"), ("x" * 76, "Too long an id for a menu")]}


def typed(view: dict[str, Any], **answers: dict[str, Any]) -> dict[str, Any]:
    """The view as Slack sends it when somebody has answered."""
    inputs = {block["block_id"]: block["element"]["action_id"] for block in view["blocks"] if block["type"] == "input"}
    return {**view, "state": {"values": {block: {inputs[block]: answer} for block, answer in answers.items()}}}


def element(view: dict[str, Any], block_id: str) -> dict[str, Any]:
    return next(block["element"] for block in view["blocks"] if block.get("block_id") == block_id)


def test_a_secret_is_read_and_never_shown() -> None:
    view = FORM.view(Draft(name="Research", key=SecretStr(KEY)), options=OFFERED)
    answered = typed(view, name={"value": "Research"}, key={"value": f" {KEY} "})

    assert KEY not in str(view)
    assert FORM.read(answered).key == SecretStr(KEY)
    assert KEY not in str(error_view(answered, "Somebody else was faster."))
    assert "initial_value" in element(error_view(answered, "Somebody else was faster."), "name")
    assert problems(view, "modal") == []


def test_that_there_is_a_secret_is_said_and_an_empty_answer_means_none() -> None:
    [with_one, without] = [FORM.view(key=there)["blocks"][1]["hint"]["text"] for there in (True, False)]

    assert with_one == "The provider’s. One is stored; leave this empty to keep it."
    assert without == "The provider’s."
    assert FORM.read(typed(FORM.view(), name={"value": "Research"}, key={"value": " "})).key is None


@pytest.mark.parametrize(
    ("value", "chosen", "written"), [("", "The default", None), ("a/b", "A B", None), ("c/d", None, "c/d")]
)
def test_what_is_suggested_is_chosen_and_anything_else_is_written_below(
    value: str, chosen: str | None, written: str | None
) -> None:
    view = FORM.view(options=OFFERED, model=value)

    menu = element(view, "model")
    assert [option["text"]["text"] for option in menu["options"]] == ["The default", "A B"]
    assert menu.get("initial_option", {}).get("text", {}).get("text") == chosen
    assert element(view, "model.2").get("initial_value") == written
    assert problems(view, "modal") == []


@pytest.mark.parametrize(
    ("chosen", "written", "read"), [("-", None, ""), ("a/b", None, "a/b"), ("a/b", " c/d ", "c/d"), (None, None, "")]
)
def test_what_is_written_goes_before_what_is_chosen(chosen: str | None, written: str | None, read: str) -> None:
    view = FORM.view(options=OFFERED)
    option = {"selected_option": {"value": chosen} if chosen else None}
    answered = typed(view, name={"value": "Research"}, model=option, **{"model.2": {"value": written}})

    assert FORM.read(answered).model == read


def test_without_suggestions_there_is_one_input() -> None:
    view = FORM.view(model="c/d")

    assert element(view, "model")["initial_value"] == "c/d"
    assert "model.2" not in [block.get("block_id") for block in view["blocks"]]
    assert FORM.read(typed(view, name={"value": "Research"}, model={"value": "e/f"})).model == "e/f"


def test_faults_stand_above_their_fields_and_go_with_the_next_try() -> None:
    view = FORM.view(Draft(name="Research"), faults={"key": "Refused <this> key."}, notice="Not saved yet.")

    ids = [block.get("block_id") for block in view["blocks"]]
    assert ids[:4] == ["notice", "name", "problem.key", "key"]
    assert view["blocks"][2]["text"]["text"] == "Refused &lt;this&gt; key."
    assert problems(view, "modal") == []
