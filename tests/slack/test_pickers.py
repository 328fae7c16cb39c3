"""Names as people type them."""

from __future__ import annotations

from bot.slack.pickers import pick

CREWS = [(1, "Market research"), (2, "Market report"), (3, "Blog"), (4, "Straße")]


def test_a_name_is_found_whatever_its_case_spacing_or_unicode_spelling():
    assert pick("  market   RESEARCH ", CREWS).found == (1, "Market research")
    assert pick("\uff22\uff4c\uff4f\uff47", CREWS).found == (3, "Blog")
    assert pick("strasse", CREWS).found == (4, "Straße")


def test_a_unique_beginning_is_enough():
    assert pick("market rep", CREWS).found == (2, "Market report")


def test_an_exact_name_wins_over_a_longer_one_that_begins_with_it():
    assert pick("blog", [*CREWS, (5, "Blog posts")]).found == (3, "Blog")


def test_a_beginning_of_several_names_offers_them():
    picked = pick("market", CREWS)
    assert picked.found is None
    assert picked.close == [(1, "Market research"), (2, "Market report")]


def test_a_slip_of_the_finger_offers_the_nearest_names():
    picked = pick("marktet reserch", CREWS)
    assert picked.found is None
    assert picked.close[0] == (1, "Market research")


def test_something_else_altogether_offers_nothing():
    assert pick("zzz", CREWS).close == []


def test_no_name_never_picks_even_when_there_is_only_one():
    assert pick("", [(3, "Blog")]).found is None
    assert pick(" ", [(3, "Blog")]).close == [(3, "Blog")]
    assert pick("x", []).close == []


def test_two_names_that_read_the_same_are_both_offered():
    twins = [(1, "Straße"), (2, "Strasse")]
    assert pick("strasse", twins).close == twins


def test_at_most_five_are_offered():
    assert len(pick("crew", [(number, f"Crew {number}") for number in range(9)]).close) == 5
