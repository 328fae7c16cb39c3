"""The forms made from the catalogue: Slack takes each of them, and what is typed comes back."""

from __future__ import annotations

import pytest

from bot.engine.tools import mcp
from bot.engine.tools.catalogue import Entry, packaged
from bot.local_slack.inputs import values_of
from bot.local_slack.validation import problems
from handlers.tool_forms import CHANGE, answered, filled, settings_form, trial_view
from handlers.tool_page import about, kind_options, kinds_page
from store.tools import Tool

ENTRIES = [mcp.ENTRY, *packaged().values()]


def test_slack_takes_the_page_on_which_kinds_are_searched() -> None:
    assert problems(kinds_page(ENTRIES, place=None), "modal") == []
    assert len(kind_options(ENTRIES, "web")["options"]) <= 100
    assert sum(len(group["options"]) for group in kind_options(ENTRIES, "")["option_groups"]) == len(ENTRIES)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_kind_has_a_form_that_slack_takes_and_that_says_what_it_holds(entry: Entry) -> None:
    filled_in = {"text": "words", "secret": "CREWCALL_TOOL_X", "integer": 3, "number": 1.5, "boolean": True}
    config = {
        each.name: each.choices[-1]
        if each.choices
        else ["a", "b"]
        if each.type == "lines"
        else filled_in["secret" if each.secret else each.type]
        for each in entry.settings
    }
    tool = Tool(id=1, name="Mine", description="", tool_type=entry.name, config=config, changed_by="", version=1)
    form = settings_form(entry, CHANGE)
    offered = {"setting_tools": [("a", "a"), ("b", "b")]} if entry is mcp.ENTRY else {}
    view = form.view(filled(tool), options=offered, notice=about(entry, ["It needs X."]))

    assert problems(view, "modal") == []
    assert problems(trial_view(entry, tool, {}), "modal") == []
    again = answered(entry, view | {"state": {"values": values_of(view["blocks"])}})
    defaults = {each.name: each.default for each in entry.settings}
    assert defaults | again.config == defaults | config
