"""What people want who write to the bot in words of their own."""

from __future__ import annotations

import pytest

from bot.slack.wishes import Wants, meant, understand

CREWS = [(1, "Market research"), (2, "Market watch"), (3, "Blog"), (4, "On the news"), (5, "Ana’s weekly report")]


@pytest.mark.parametrize(
    ("said", "wants", "words"),
    [
        ("run market research about tides", Wants.RUN, "market research about tides"),
        ("Please run  Blog", Wants.RUN, "Blog"),
        ("could you start blog: tides?", Wants.RUN, "blog: tides?"),
        ("run it again", Wants.AGAIN, ""),
        ("rerun", Wants.AGAIN, ""),
        ("again!", Wants.AGAIN, ""),
        ("please retry this.", Wants.RETRY, ""),
        ("stop", Wants.STOP, ""),
        ("stop it", Wants.STOP, ""),
        ("stop Blog", Wants.STOP, "Blog"),
        ("what can you do?", Wants.HELP, ""),
        ("Hi", Wants.HELP, ""),
        ("help", Wants.HELP, ""),
        ("Thank you very much!", Wants.THANKS, ""),
        ("great, but make it shorter", Wants.SOMETHING, "great, but make it shorter"),
        ("run", Wants.RUN, ""),
        ("What is running?", Wants.RUNNING, ""),
        ("what runs now?", Wants.RUNNING, ""),
        ("what's going on", Wants.RUNNING, ""),
        ("what is waiting for me?", Wants.WAITING, ""),
        ("show market research", Wants.SHOW, "market research"),
        ("what does Blog do?", Wants.SHOW, "Blog"),
        ("list", Wants.LIST, ""),
        ("show me all crews", Wants.LIST, ""),
        ("which crews are there?", Wants.LIST, ""),
        ("show the last runs", Wants.RUNS, ""),
        ("show my schedules", Wants.SCHEDULES, ""),
        ("what’s scheduled?", Wants.SCHEDULES, ""),
        ("create a crew called Podcast", Wants.CREATE, "Podcast"),
        ("make me a new flow", Wants.CREATE, ""),
        ("import", Wants.IMPORT, ""),
        ("please import this project", Wants.IMPORT, ""),
        ("important news", Wants.SOMETHING, "important news"),
        ("make it shorter", Wants.SOMETHING, "make it shorter"),
        ("the weather is nice", Wants.SOMETHING, "the weather is nice"),
        ("please schedule Blog", Wants.SOMETHING, "schedule Blog"),
        ("", Wants.SOMETHING, ""),
        ("running late today", Wants.SOMETHING, "running late today"),
    ],
)
def test_a_sentence_is_a_wish(said: str, wants: Wants, words: str) -> None:
    wish = understand(said)

    assert (wish.wants, wish.words) == (wants, words)


@pytest.mark.parametrize(
    ("said", "crew", "about", "certain"),
    [
        ("market research about solid-state batteries", 1, "solid-state batteries", True),
        ("Market Research", 1, "", False),
        ("market research on tides and currents", 1, "tides and currents", True),
        ("market research: tides", 1, "tides", True),
        ("market research crew for tides", 1, "tides", True),
        ("the blog crew", 3, "", False),
        ("blog tides", 3, "tides", False),
        ("on the news about tides", 4, "tides", True),
        ("“market research” about tides", 1, "tides", True),
        ("bl about tides", 3, "tides", True),
        ("ana’s weekly", 5, "", False),
        ("market watch", 2, "", False),
    ],
)
def test_a_crew_is_found_at_the_beginning_of_the_words(said: str, crew: int, about: str, certain: bool) -> None:
    found = meant(said, CREWS)

    assert found.found is not None
    assert (found.found[0], found.about, found.certain) == (crew, about, certain)


def test_what_could_be_several_or_is_misspelt_is_asked_about() -> None:
    assert [name for _, name in meant("market about tides", CREWS).close] == ["Market research", "Market watch"]
    assert next(name for _, name in meant("marcet research about tides", CREWS).close) == "Market research"
    assert meant("marcet research about tides", CREWS).about == "tides"
    assert meant("xyz", CREWS).close == []
    assert meant("", CREWS).found is None


def test_inputs_can_be_written_out() -> None:
    found = meant('market research topic="solid state" year=2026', CREWS)

    assert found.found == (1, "Market research")
    assert found.inputs == {"topic": "solid state", "year": "2026"}


def test_the_beginning_of_a_name_needs_an_end_of_the_name() -> None:
    """“bl” may begin Blog, but “bl tides” may be anything."""
    assert meant("bl tides", CREWS).found is None
