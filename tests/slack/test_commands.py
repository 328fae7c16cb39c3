"""Commands as people type them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slack_bolt import Ack, App, BoltRequest
from slack_bolt.authorization import AuthorizeResult

from bot.slack.commands import Commands, Words

# The same examples every time, on a slow machine too.
ALWAYS_THE_SAME = settings(derandomize=True, deadline=None)


def test_a_bare_command_asks_for_help():
    assert Words.parse("").subcommand == "help"
    assert Words.parse("   ").subcommand == "help"


def test_the_subcommand_is_found_in_any_case_and_after_any_white_space():
    words = Words.parse("  Create\tMarket  research ")
    assert (words.subcommand, words.rest, words.args) == ("create", "Market  research", ["Market", "research"])
    assert words.name == "Market research"


@pytest.mark.parametrize("quoted", ['"Market research"', "“Market research”", "'Market research'", "‘Market research’"])
def test_quotes_of_every_kind_hold_a_name_together(quoted):
    words = Words.parse(f"run {quoted} topic=AI")
    assert words.args == ["Market research"]
    assert words.inputs == {"topic": "AI"}
    assert Words.parse(f"create {quoted}").rest == "Market research"


@pytest.mark.parametrize("name", ["Ana's crew", "Ana’s crew", "rock 'n roll", "the 90's", "5 o' clock"])
def test_an_apostrophe_is_an_apostrophe(name):
    assert Words.parse(f"run {name}").name == name
    assert Words.parse(f'run "{name}" a=1').args == [name]


def test_an_apostrophe_inside_single_quotes_does_not_end_them():
    assert Words.parse("run 'Ana's crew' a=1").args == ["Ana's crew"]
    assert Words.parse("run ‘Ana’s crew’ a=1").args == ["Ana’s crew"]


def test_a_quote_that_is_never_closed_ends_with_the_text():
    assert Words.parse('run "Market research').args == ["Market research"]
    assert Words.parse('run Blog topic="two words').inputs == {"topic": "two words"}


def test_inputs_may_hold_spaces_equals_signs_quotes_and_nothing():
    words = Words.parse(r'run Blog topic="two words" formula=a=b=c said="he said \"hi\"" empty= größe=3')
    assert words.inputs == {
        "topic": "two words",
        "formula": "a=b=c",
        "said": 'he said "hi"',
        "empty": "",
        "größe": "3",
    }
    assert words.args == ["Blog"]


def test_a_link_is_no_input():
    assert Words.parse("run Blog https://example.com/?a=b").args == ["Blog", "https://example.com/?a=b"]


def test_what_slack_escapes_arrives_as_it_was_typed():
    assert Words.parse("create R&amp;D &lt;new&gt;").rest == "R&D <new>"
    assert Words.parse("create &amp;lt;").rest == "&lt;"


@ALWAYS_THE_SAME
@given(st.text(alphabet="ab \"'“”‘’\\&;\t\n"))
def test_any_text_yields_words_and_loses_no_letter(text):
    words = Words.parse(f"run {text}")
    assert words.subcommand == "run"
    assert re.sub(r"[^ab]", "", "".join(words.args)) == re.sub(r"[^ab]", "", text)


@pytest.fixture
def app():
    return App(authorize=lambda: AuthorizeResult(enterprise_id=None, team_id="T1", bot_token="xoxb-1"))


@pytest.fixture
def commands(app):
    commands = Commands(app, "/crew")
    commands.add("create", _says("create"), example="/crew create Blog", summary="Make a new crew")
    commands.add("run", _says("run"), example="/crew run Blog")
    commands.add("runs", _says("runs"))
    commands.add("help", _says("help"))
    commands.add("debug", _says("debug"), hidden=True)
    commands.register_unknown(_says("unknown"))
    return commands


def _says(name):
    def handler(ack: Ack, words: Words) -> None:
        ack(f"{name}: {words.subcommand}|{words.rest}|{words.channel}|{words.trigger_id}")

    return handler


def _type(app, text, command="/crew"):
    body = {"command": command, "text": text, "channel_id": "C1", "user_id": "U1", "team_id": "T1", "trigger_id": "t1"}
    return app.dispatch(BoltRequest(mode="socket_mode", body=body))


def test_each_subcommand_reaches_its_handler_with_its_words(app, commands):
    assert _type(app, "create Market research").body == "create: create|Market research|C1|t1"
    assert _type(app, "RUN blog").body.startswith("run: run|blog")
    assert _type(app, "runs").body.startswith("runs: ")
    assert _type(app, "debug").body.startswith("debug: ")
    assert _type(app, "").body.startswith("help: help|")


def test_an_unknown_word_gets_an_answer(app, commands):
    assert _type(app, "craete Blog").body.startswith("unknown: craete|Blog")


def test_another_command_is_left_alone(app, commands):
    assert _type(app, "create", command="/other").status == 404


def test_help_lists_what_is_not_hidden(commands):
    listing = commands.listing()
    assert [entry.name for entry in listing] == ["create", "run", "runs", "help"]
    assert (listing[0].example, listing[0].summary) == ("/crew create Blog", "Make a new crew")
    assert listing[2].example == "/crew runs"


def test_what_is_for_administrators_is_mentioned_to_them_alone(app):
    commands = Commands(app, "/crew")
    commands.add("run", _says("run"))
    commands.add("audit", _says("audit"), admins_only=True)

    assert [entry.name for entry in commands.listing()] == ["run"]
    assert [entry.name for entry in commands.listing(admin=True)] == ["run", "audit"]
    assert commands.closest("audi") == []
    assert commands.closest("audi", admin=True) == ["audit"]


def test_a_slip_finds_the_subcommand_that_was_meant(commands):
    assert commands.closest("craete") == ["create"]
    assert commands.closest("ru")[:2] == ["run", "runs"]
    assert commands.closest("xyzzy") == []
    assert "debug" not in commands.closest("debugg")


def test_a_subcommand_that_would_never_be_reached_is_refused(app):
    commands = Commands(app, "/crew")
    commands.add("run", _says("run"))
    with pytest.raises(ValueError, match="/crew run"):
        commands.add("run", _says("run"))
    commands.register_unknown(_says("unknown"))
    with pytest.raises(ValueError, match="/crew list"):
        commands.add("list", _says("list"))
