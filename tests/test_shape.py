"""The doors' shape: handlers get what they ask for, stay short, and every button leads somewhere."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from slack_bolt import BoltRequest, BoltResponse
from slack_bolt.kwargs_injection.args import Args
from slack_bolt.listener import Listener

from bot.slack.forms import Form
from tests.support.people import Person

if TYPE_CHECKING:
    from bot.app import Crewcall

HANDLERS = Path(__file__).parent.parent / "handlers"
DRAWING = [*HANDLERS.glob("*.py"), *(HANDLERS.parent / "bot" / "progress").glob("*.py")]
LONGEST_BODY = 14

# Bolt hands these to every listener but fills in only the one of the payload at hand; the others are None.
PAYLOADS = {"action", "view", "command", "event", "message", "options", "shortcut", "step", "words"}
PAYLOADS_OF = {
    "command": {"command", "words"},
    # A button that stands for a subcommand has its words.
    "action": {"action", "words"},
    "shortcut": {"shortcut"},
    "global_shortcut": {"shortcut"},
    "message_shortcut": {"shortcut"},
    "options": {"options"},
    "view_submission": {"view"},
    "event": {"event"},
    "function_executed": {"event"},
}


@pytest.fixture
def given(crewcall: Crewcall, ana: Person) -> set[str]:
    """The names a handler can ask for: Bolt's own, and what our middleware adds to a request."""
    about = {"team_id": "T0NORTHWIND", "user_id": ana.id, "channel_id": ana.channel}
    request = BoltRequest(body={"command": "/crew", "text": "help", **about}, mode="socket_mode")
    assert crewcall.bolt.dispatch(request).status == 200
    return {*inspect.signature(Args).parameters, *request.context}


@pytest.fixture
def listeners(crewcall: Crewcall) -> list[Listener]:
    """Everything that is registered."""
    found = crewcall.bolt._listeners
    assert len(found) > 30
    return found


def test_handlers_ask_only_for_what_they_are_given(given: set[str], listeners: list[Listener]) -> None:
    for listener in listeners:
        asked = set(inspect.signature(function_of(listener)).parameters)
        assert asked <= given, name_of(listener)
        assert asked & PAYLOADS <= payloads_of(listener), name_of(listener)


def test_handlers_are_short(listeners: list[Listener]) -> None:
    lengths = {name_of(listener): body_lines(function_of(listener)) for listener in listeners}

    assert {name: lines for name, lines in lengths.items() if lines > LONGEST_BODY} == {}


def test_every_button_and_menu_leads_to_a_handler(listeners: list[Listener]) -> None:
    drawn = {action_id for path in DRAWING for action_id in action_ids(path)}

    assert len(drawn) > 15
    assert {action_id for action_id in drawn if not answered(listeners, pressed(action_id))} == set()


def test_every_form_has_a_handler(listeners: list[Listener]) -> None:
    forms = {form.callback_id for path in HANDLERS.glob("[!_]*.py") for form in forms_of(path)}
    confirmations = {callback_id for path in DRAWING for callback_id in submitted_modals(path)}

    assert len(forms) >= 6
    assert confirmations
    assert {one for one in forms | confirmations if not answered(listeners, submitted(one))} == set()


# --- What is registered --------------------------------------------------------------------------------------------


def function_of(listener: Listener) -> Any:
    return listener.ack_function


def name_of(listener: Listener) -> str:
    function = function_of(listener)
    return f"{function.__module__}.{function.__name__}"


def payloads_of(listener: Listener) -> set[str]:
    """The payloads that the listener's requests have, by the name of Bolt's function that chooses them."""
    chooser = listener.matchers[0].func.__qualname__  # type: ignore[attr-defined]  # Bolt's own matchers have it
    return PAYLOADS_OF[chooser.partition(".")[0]]


def answered(listeners: list[Listener], body: dict[str, Any]) -> bool:
    request = BoltRequest(body=body, mode="socket_mode")
    return any(listener.matches(req=request, resp=BoltResponse(status=200)) for listener in listeners)


def pressed(action_id: str) -> dict[str, Any]:
    return {"type": "block_actions", "actions": [{"type": "button", "action_id": action_id, "block_id": "any"}]}


def submitted(callback_id: str) -> dict[str, Any]:
    return {"type": "view_submission", "view": {"type": "modal", "callback_id": callback_id}}


def body_lines(function: Any) -> int:
    """The lines of a function without its signature and docstring."""
    (definition,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    assert isinstance(definition, ast.FunctionDef)
    body = definition.body[1:] if ast.get_docstring(definition) else definition.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


# --- What is drawn -------------------------------------------------------------------------------------------------


def calls(path: Path, name: str) -> Iterator[ast.Call]:
    """The calls of ``blocks.name`` in a file."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == name:
            yield node


def action_ids(path: Path) -> Iterator[str]:
    """The action ids written out where buttons and menus are drawn."""
    for name, place in (("button", 1), ("overflow", 0)):
        for call in calls(path, name):
            if len(call.args) > place and isinstance(said := call.args[place], ast.Constant):
                yield str(said.value)


def submitted_modals(path: Path) -> Iterator[str]:
    """The callback ids of windows with a button to submit them."""
    for call in calls(path, "modal"):
        said = {word.arg: word.value for word in call.keywords}
        if "submit" in said and isinstance(callback := said["callback_id"], ast.Constant):
            yield str(callback.value)


def forms_of(path: Path) -> list[Form[Any]]:
    module = import_module(f"handlers.{path.stem}")
    return [value for value in vars(module).values() if isinstance(value, Form)]
