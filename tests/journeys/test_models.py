"""Models: which there are, connections with keys that never show again, and the default."""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from bot.app import Crewcall
from bot.local_slack import LocalSlack
from bot.services import Actor
from bot.services.admins import AdministratorsOnly
from bot.services.models import ConnectionAnswers, DefaultModel
from store import connections, workspace_settings
from tests.journeys.conftest import CrewMaker
from tests.support.people import Person
from tests.support.scripted_model import KEY, ScriptedModel

WRONG_KEY = "sk-mistyped-0123456789"
TEAM = "T0NORTHWIND"
BEN = Actor(TEAM, "U0BEN000002")


@pytest.fixture
def allowed_errors() -> set[str]:
    """A result may be there before Slack shows the window that it replaces; it is sent again."""
    return {"not_found"}


@pytest.fixture(autouse=True)
def no_key_ever_shows(
    crewcall: Crewcall, workspace: LocalSlack, ana: Person, caplog: pytest.LogCaptureFixture
) -> Iterator[None]:
    """Whatever a journey does: no key is sent to Slack, shown to anybody or logged, and none is stored in clear."""
    caplog.set_level(logging.INFO)
    yield
    sent = json.dumps(workspace.calls())
    # What somebody is still typing is between them and Slack.
    windows = [{part: view[part] for part in view if part != "state"} for view in ana.windows]
    shown = json.dumps([windows, ana.messages()])
    database = "".join(file.read_bytes().decode("latin-1") for file in crewcall.settings.data_dir.glob("crewcall.db*"))
    for key in (KEY, WRONG_KEY):
        for place in (sent, shown, caplog.text, database):
            assert key not in place


def fills_in(person: Person, llm: ScriptedModel, *, key: str = KEY) -> None:
    """Answer all that a connection to the scripted model needs."""
    person.types("/crew models")
    person.presses("Add connection")
    person.fills("Name", "Research")
    person.chooses("Provider", "OpenAI, or a server that speaks like it")
    person.fills("Address", llm.base_url)
    person.fills("Key", key)
    person.fills("Models", "scripted\nscripted-large")


def test_ana_connects_a_model_and_an_agent_works_with_it(ana: Person, llm: ScriptedModel, a_crew: object) -> None:
    llm.when("Research tides.").says("They come and go.")
    fills_in(ana, llm)
    ana.fills("Context window", "32000")
    ana.fills("Price of a million prompt tokens", "0.5")
    ana.submits()
    ana.sees("Research answers and is saved.")
    llm.heard("Answer with the single word")

    ana.closes(everything=False)
    ana.sees("Connections (1)", "key stored · 32,000 tokens · $0.5 / $0 a million tokens", "Research/scripted-large")
    ana.closes()
    ana.types("/crew show market")
    ana.picks("Researcher", "Edit")
    ana.chooses("Model", "Research/scripted-large")
    ana.submits()
    ana.sees("Researcher is saved.", "Research/scripted-large")
    ana.closes()
    ana.types("/crew run market topic=tides")

    assert "They come and go." in ana.reads_thread(of="Market research", until="They come and go.")[-1]
    assert llm.heard("Research tides.").body["model"] == "scripted-large"


def test_a_key_that_is_refused_is_told_at_its_field_and_nothing_typed_is_lost(ana: Person, llm: ScriptedModel) -> None:
    llm.rejects = f"Incorrect API key provided: {WRONG_KEY}."
    fills_in(ana, llm, key=WRONG_KEY)
    ana.submits()

    where = llm.base_url.removeprefix("http://").removesuffix("/v1")
    seen = ana.sees("It is not saved yet.", f"{where} refused this key.", "One is stored; leave this empty to keep it.")
    assert seen.index("refused this key") < seen.index("Stored encrypted and never shown again")
    assert (ana.field("Name"), ana.field("Address")) == ("Research", llm.base_url)
    assert (ana.field("Key"), ana.field("Models")) == ("", "scripted\nscripted-large")

    ana.fills("Key", KEY)
    ana.submits()
    ana.sees("Research answers and is saved.")


def test_what_was_typed_as_the_key_serves_the_next_try_too(ana: Person, llm: ScriptedModel) -> None:
    llm.when("Answer with the single word").fails(404, error="The model `scripted` does not exist").says("yes")
    fills_in(ana, llm)
    ana.submits()
    ana.sees("does not know the model “scripted”.")

    ana.submits()

    ana.sees("Research answers and is saved.")


def test_a_server_out_of_reach_is_told_at_the_address_and_can_be_saved_in_any_case(
    ana: Person, llm: ScriptedModel, crewcall: Crewcall
) -> None:
    fills_in(ana, llm)
    ana.fills("Address", "http://127.0.0.1:9/v1")
    ana.submits()
    ana.sees("127.0.0.1:9 cannot be reached from the server.", "It is not saved yet.")
    assert stored(crewcall) == []

    ana.chooses("Save in any case", "Yes")
    ana.submits()

    ana.sees("Research is saved, but: 127.0.0.1:9 cannot be reached")
    [saved] = stored(crewcall)
    assert crewcall.connections._stored_key(saved.id, TEAM) == SecretStr(KEY)


def test_whoever_closes_the_window_meanwhile_reads_in_a_message_how_it_ended(
    ana: Person, llm: ScriptedModel, gate: threading.Event
) -> None:
    llm.when("Answer with the single word").says("yes", after=gate)
    fills_in(ana, llm)
    ana.submits()
    ana.sees("Asking scripted for a word…")
    ana.closes()
    gate.set()

    ana.goes_to("Crew")
    said = ana.sees("The connection “Research” answers and is saved.")
    assert "went wrong" not in said


def test_answers_that_cannot_be_are_refused_under_their_fields(ana: Person, llm: ScriptedModel) -> None:
    fills_in(ana, llm)
    ana.fills("Name", "openai")
    ana.submits()
    assert ana.sees_error("Name") == "“openai” is a provider’s own name. Choose another name."

    ana.fills("Name", "Re/search")
    ana.fills("Address", "ftp://models.example.com")
    ana.submits()
    assert ana.sees_error("Name") == "Leave out the “/”: agents name a model as CONNECTION/model."
    assert ana.sees_error("Address").startswith("Write an address that starts with http:// or https://")

    ana.fills("Name", "Research")
    ana.fills("Address", f"http://me:{WRONG_KEY}@models.example.com/v1")
    ana.submits()
    assert ana.sees_error("Address").startswith("Write the address alone, without a name, a password")

    ana.fills("Address", "")
    ana.fills("Key", "")
    ana.submits()
    assert ana.sees_error("Key") == "OpenAI wants a key. Paste it here; it is not shown again."


def test_an_edit_keeps_the_key_but_takes_it_nowhere_else(ana: Person, llm: ScriptedModel) -> None:
    fills_in(ana, llm)
    ana.submits()
    ana.sees("Research answers and is saved.")
    ana.closes(everything=False)

    ana.picks("Research", "Edit")
    ana.sees("One is stored; leave this empty to keep it.")
    assert ana.field("Key") == ""
    ana.fills("Address", "http://127.0.0.1:9/v1")
    ana.submits()
    assert ana.sees_error("Key") == "The provider or the address is another one now: paste the key again."

    ana.fills("Address", llm.base_url)
    ana.fills("Name", "Research desk")
    ana.submits()
    ana.sees("Research desk answers and is saved.")


def test_two_administrators_do_not_overwrite_each_other_and_no_key_is_shown_again(
    ana: Person, llm: ScriptedModel, crewcall: Crewcall
) -> None:
    fills_in(ana, llm)
    ana.submits()
    ana.sees("Research answers and is saved.")
    ana.closes(everything=False)
    ana.picks("Research", "Edit")
    ana.fills("Key", WRONG_KEY)
    [connection] = stored(crewcall)
    with crewcall.store.transaction() as session:
        draft = connection.draft().model_copy(update={"models": ["scripted"]})
        change = {"team": TEAM, "version": connection.version, "by": BEN.user, "keyring": crewcall.keyring}
        connections.change(session, connection.id, draft, **change)  # type: ignore[arg-type]

    ana.submits()

    ana.sees("That didn’t work: @Ben Okafor changed this connection")


def test_a_connection_can_be_tested_again_and_deleted_with_what_goes_with_it(
    ana: Person, llm: ScriptedModel, crewcall: Crewcall, crew_of: CrewMaker
) -> None:
    crew_of("Market research")
    fills_in(ana, llm)
    ana.submits()
    ana.sees("Research answers and is saved.")
    ana.closes()
    ana.types("/crew show market")
    ana.picks("Researcher", "Edit")
    ana.fills("Another model", "research/scripted")
    ana.submits()
    ana.sees("Researcher is saved.")
    ana.closes()

    ana.types("/crew models")
    llm.when("Answer with the single word").fails(503)
    ana.picks("Research", "Test")
    ana.sees("had a failure of its own (503).")
    ana.closes(everything=False)
    ana.picks("Research", "Delete")
    ana.sees("Delete Research and its key?", "These agents then need another model: Researcher.")
    ana.submits()
    ana.sees("Research and its key are deleted.", "Connections (0)")

    ana.closes()
    ana.types("/crew run market topic=tides")
    ana.sees("There is no model provider called “research”.")


def test_ana_chooses_the_default_model_of_the_workspace(
    ana: Person, llm: ScriptedModel, crewcall: Crewcall, a_crew: object
) -> None:
    llm.when("Research tides.").says("They come and go.")
    fills_in(ana, llm)
    ana.submits()
    ana.sees("Research answers and is saved.")
    ana.closes(everything=False)
    ana.sees("openai/scripted (from the server’s settings)")

    ana.presses("Change")
    ana.fills("Another model", "nobody/knows")
    ana.submits()
    assert "There is no model provider called “nobody”." in ana.sees_error("Another model")
    ana.fills("Another model", "")
    ana.chooses("Default model", "Research/scripted-large")
    ana.submits()
    ana.sees("Saved.", "Research/scripted-large (chosen for this workspace)")
    ana.closes()
    ana.types("/crew run market topic=tides")
    ana.reads_thread(of="Market research", until="They come and go.")

    assert llm.heard("Research tides.").body["model"] == "scripted-large"


def test_ben_sees_the_models_and_whom_to_ask_but_changes_nothing(
    ben: Person, llm: ScriptedModel, crewcall: Crewcall
) -> None:
    ben.types("/crew models")
    seen = ben.sees("Default model", "Ask Ana Ferreira.")

    assert "Add connection" not in seen
    assert "Change" not in seen
    draft = ConnectionAnswers(name="Mine", provider="openai", base_url=llm.base_url, models=["scripted"])
    for attempt in (
        lambda: crewcall.connections.prepared(draft, by=BEN),
        lambda: crewcall.connections.save(draft, by=BEN),
        lambda: crewcall.connections.test(1, by=BEN),
        lambda: crewcall.connections.remove(1, by=BEN),
        lambda: crewcall.connections.providers(by=BEN),
        lambda: crewcall.connections.choose_default(DefaultModel(llm="openai/x"), by=BEN),
    ):
        with pytest.raises(AdministratorsOnly) as refused:
            attempt()
        assert refused.value.sentence == (
            "Only administrators of this workspace may change the models. Ask Ana Ferreira."
        )
    assert stored(crewcall) == []


def test_a_connection_of_another_workspace_is_nobodys_business(
    ana: Person, llm: ScriptedModel, crewcall: Crewcall
) -> None:
    with crewcall.store.transaction() as session:
        draft = ConnectionAnswers(name="Theirs", provider="openai", key=SecretStr(WRONG_KEY), models=["secret-model"])
        connections.add(session, draft, team="T0CONTOSO", by="U0EVE", keyring=crewcall.keyring)
        workspace_settings.change(session, "T0CONTOSO", default_model="Theirs/secret-model")

    ana.types("/crew models")
    seen = ana.sees("Connections (0)", "openai/scripted (from the server’s settings)")

    assert "Theirs" not in seen
    assert "Theirs" not in (crewcall.connections.problem("Theirs/x", TEAM) or "").partition("Use one of")[2]
    assert crewcall.connections.problem("Theirs/secret-model", "T0CONTOSO") is None


def stored(crewcall: Crewcall) -> list[connections.Connection]:
    with crewcall.store.reading() as session:
        return connections.list_all(session, team=TEAM)
