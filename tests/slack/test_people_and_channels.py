"""Forms that ask for people and channels: Slack offers them, the answers are their ids."""

from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field

from bot.errors import FormRefused
from bot.local_slack.validation import problems
from bot.slack.forms import Channels, Form, People, error_view


class Invitation(BaseModel):
    """Who is invited, and where from."""

    guests: list[Annotated[str, Field(pattern="^U")]] = Field(title="Guests", min_length=1, max_length=2)
    rooms: list[str] = Field([], title="Rooms")


FORM = Form(Invitation, callback_id="invite", title="Invite", widgets={"guests": People(), "rooms": Channels()})


def answered(guests: list[str], rooms: list[str]) -> dict[str, Any]:
    """The submission as Slack sends it."""
    states = {
        "guests": {"invite.guests": {"type": "multi_users_select", "selected_users": guests}},
        "rooms": {"invite.rooms": {"type": "multi_conversations_select", "selected_conversations": rooms}},
    }
    return FORM.view() | {"state": {"values": states}}


def elements(view: dict[str, Any]) -> list[dict[str, Any]]:
    return [block["element"] for block in view["blocks"] if block["type"] == "input"]


def test_slack_takes_the_form_empty_and_filled() -> None:
    for values in ({}, {"guests": ["U1", "U2"], "rooms": ["C1"]}):
        assert problems(FORM.view(values), "modal") == []


def test_what_is_chosen_is_shown_and_comes_back() -> None:
    guests, rooms = elements(FORM.view(Invitation(guests=["U1"], rooms=["C1", "G2"])))

    assert guests["initial_users"] == ["U1"]
    assert rooms["initial_conversations"] == ["C1", "G2"]
    assert FORM.read(answered(["U1"], ["C1", "G2"])) == Invitation(guests=["U1"], rooms=["C1", "G2"])


def test_nothing_chosen_is_no_answer() -> None:
    assert FORM.read(answered(["U1"], [])).rooms == []
    with pytest.raises(FormRefused) as refusal:
        FORM.read(answered([], []))
    assert refusal.value.fields == {"guests": "Choose at least one person."}


@pytest.mark.parametrize("guests", [["U1", "U2", "U3"], ["C1"]], ids=["too many", "no person"])
def test_wrong_answers_are_refused_under_their_field(guests: list[str]) -> None:
    with pytest.raises(FormRefused) as refusal:
        FORM.read(answered(guests, []))
    assert list(refusal.value.fields) == ["guests"]


def test_a_refused_form_keeps_what_was_chosen() -> None:
    view = error_view(answered(["U1"], ["C1"]), "Too late.")

    assert [(each.get("initial_users"), each.get("initial_conversations")) for each in elements(view)] == [
        (["U1"], None),
        (None, ["C1"]),
    ]
    assert problems(view, "modal") == []
