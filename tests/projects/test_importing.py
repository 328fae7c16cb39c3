"""Importing into a workspace: a look first, then all of it or nothing."""

from __future__ import annotations

import pytest

from bot.errors import Gone
from bot.projects.bundle import Bundle
from bot.projects.reader import read
from bot.projects.shelf import Form, NoSuchForm
from bot.projects.source import from_zip
from bot.projects.writing import packed
from bot.services.projects import Clash, Decisions, Deed, NoSuchCrew, Projects, StillUndecided
from bot.services.rights import NotAllowed
from bot.services.sharing import Access, ShareDraft
from bot.services.unseen import HoldsOthers
from store import tools
from store.crews import CrewDraft
from store.tools import ToolDraft
from tests.projects.conftest import AGENTS, TASKS, Files, bundle_of
from tests.projects.test_flows import FLOW
from tests.projects.test_there_and_back import RICH
from tests.support.office import ADMIN, BEN, OWNER, TEAM, Office


@pytest.fixture
def projects(office: Office) -> Projects:
    return Projects(office.store, office.crews.rights, environ={"SERPER_API_KEY": "set"})


def names(office: Office) -> list[str]:
    return sorted(name for _, name in office.crews.names(by=ADMIN))


def test_a_look_says_what_would_happen_and_changes_nothing(projects: Projects, office: Office, classic: Files) -> None:
    before = names(office)
    look = projects.look(bundle_of(classic), by=OWNER)

    assert [(plan.deed, plan.definition.name) for plan in look.plans] == [(Deed.CREATE, "Market News")]
    assert [(need.name, here) for need, here in look.needs] == [("SERPER_API_KEY", True)]
    assert not look.undecided
    assert names(office) == before


def test_an_import_creates_the_crew_with_its_tools(projects: Projects, office: Office, classic: Files) -> None:
    [crew] = projects.create(bundle_of(classic), by=BEN).created
    sheet = office.crews.sheet(crew.id, by=BEN)

    assert crew.owner == BEN.user
    assert [task.name for task in sheet.tasks] == ["research", "report"]
    assert [tool.tool_type for tool in sheet.tools[sheet.agents[0].id]] == ["SerperDevTool"]
    assert office.history.versions(crew.id, by=BEN)[0].summary == "Imported."


def test_a_tool_that_is_there_already_is_used(projects: Projects, office: Office, classic: Files) -> None:
    with office.store.transaction() as session:
        known = tools.add(session, ToolDraft(name="Google", tool_type="SerperDevTool"), team=TEAM, by=OWNER.user)
    [crew] = projects.create(bundle_of(classic), by=BEN).created
    sheet = office.crews.sheet(crew.id, by=BEN)

    assert [tool.id for tool in sheet.tools[sheet.agents[0].id]] == [known.id]
    assert projects.look(bundle_of(classic), by=BEN).plans[0].deed is Deed.SAME


def test_nothing_is_created_while_something_is_undecided(projects: Projects, office: Office) -> None:
    files = {
        "one_agents.yaml": AGENTS,
        "one_tasks.yaml": TASKS,
        "two_agents.yaml": AGENTS,
        "two_tasks.yaml": TASKS.replace("  agent: writer\n", ""),
    }
    bundle, before = bundle_of(files), names(office)

    assert projects.look(bundle, by=OWNER).undecided
    with pytest.raises(StillUndecided, match="“report” of “Two” has no agent"):
        projects.create(bundle, by=OWNER)
    assert names(office) == before

    outcome = projects.create(bundle, Decisions(agents={("Two", "report"): "writer"}), by=OWNER)
    assert [crew.name for crew in outcome.created] == ["One", "Two"]


@pytest.mark.parametrize(
    ("clash", "expected"),
    [
        (Clash.RENAME, (["Market News 2"], [], [])),
        (Clash.REPLACE, ([], ["Market News"], [])),
        (Clash.SKIP, ([], [], ["Market News"])),
    ],
)
def test_a_taken_name_is_asked_about(
    projects: Projects, office: Office, classic: Files, clash: Clash, expected: tuple[list[str], ...]
) -> None:
    projects.create(bundle_of(classic), by=OWNER)
    classic["src/market_news/config/tasks.yaml"] = TASKS.replace("Write a report.", "Write a long report.")
    bundle = bundle_of(classic)

    look = projects.look(bundle, by=OWNER)
    assert look.undecided
    assert [change.sentence for change in look.plans[0].differences] == [
        "Task “report”: what to do changed from “Write a report.” to “Write a long report.”."
    ]
    outcome = projects.create(bundle, Decisions(otherwise=clash), by=OWNER)

    created, replaced = [crew.name for crew in outcome.created], [crew.name for crew in outcome.replaced]
    assert (created, replaced, outcome.left) == expected


def test_somebody_elses_crew_is_not_replaced(projects: Projects, office: Office, classic: Files) -> None:
    projects.create(bundle_of(classic), by=OWNER)
    before = names(office)

    with pytest.raises(NotAllowed):
        projects.create(bundle_of(classic), Decisions(otherwise=Clash.REPLACE), by=BEN)
    look = projects.look(bundle_of(classic), by=BEN)
    assert (look.plans[0].deed, look.plans[0].differences) == (Deed.ASK, [])
    assert names(office) == before


def test_a_flow_runs_the_crews_that_came_with_it_under_their_new_names(projects: Projects, office: Office) -> None:
    from bot.projects.flow_form import as_flow

    bundle = read(from_zip(packed(as_flow(FLOW))))
    [_, flow] = projects.create(bundle, Decisions(otherwise=Clash.RENAME), by=OWNER).created

    again = read(from_zip(packed(projects.export(flow.id, by=OWNER)))).found
    assert [found.definition.name for found in again] == ["Market research 2", "Post about it"]
    assert again[1].definition.steps[0].target == "Market research 2"


def test_a_flow_cannot_reach_a_crew_that_is_not_shared(projects: Projects, office: Office) -> None:
    private = office.crews.create(CrewDraft(name="Private"), by=OWNER)
    step = FLOW.steps[0].model_copy(update={"target": private.name, "inputs": {}})
    flow = FLOW.model_copy(update={"steps": [step], "parts": {}, "name": "Spy"})
    from bot.projects.bundle import Found

    [spy] = projects.create(Bundle("x", [Found(flow, "flow.yaml", "Spy")]), by=BEN).created

    exported = read(from_zip(packed(projects.export(spy.id, by=BEN)))).found
    assert [step.target for step in exported[0].definition.steps] == [None]


def test_a_whole_workspace_moves(projects: Projects, office: Office) -> None:
    from bot.projects.bundle import Found
    from bot.projects.flow_form import as_flow

    projects.create(Bundle("x", [Found(RICH, "crew.py", "Rich")]), by=ADMIN)
    projects.create(read(from_zip(packed(as_flow(FLOW)))), Decisions(otherwise=Clash.RENAME), by=OWNER)
    written = projects.export_all(by=ADMIN)

    bundle = read(from_zip(packed(written)))

    assert sorted(found.definition.name for found in bundle.found) == names(office)
    look = projects.look(bundle, by=ADMIN)
    assert {plan.definition.name: plan.deed for plan in look.plans} == dict.fromkeys(names(office), Deed.SAME)


def test_export_keeps_to_the_rights(projects: Projects, office: Office) -> None:
    with pytest.raises(NotAllowed):
        projects.export(office.crew.id, by=BEN)
    with pytest.raises(NotAllowed):
        projects.named("market research", by=BEN)
    with pytest.raises(NoSuchCrew, match="no crew or flow called “Marketing”"):
        projects.named("Marketing", by=OWNER)
    with pytest.raises(Gone):
        projects.export(4_711, by=OWNER)


def test_a_flow_is_not_exported_with_crews_that_one_may_not_use(projects: Projects, office: Office) -> None:
    from bot.projects.flow_form import as_flow

    bundle = read(from_zip(packed(as_flow(FLOW))))
    flow = projects.create(bundle, Decisions(otherwise=Clash.RENAME), by=OWNER).created[-1]
    office.sharing.share(flow.id, ShareDraft(everybody=Access.RUN), by=OWNER)

    with pytest.raises(HoldsOthers, match=r"runs a crew you can’t see\. Ask <@U0OWNER> to share"):
        projects.export(flow.id, by=BEN)
    everything = "\n".join(projects.export_all(by=BEN).files.values())
    assert flow.name not in everything
    assert flow.name in "\n".join(projects.export_all(by=OWNER).files.values())


def test_a_flow_has_one_form(projects: Projects, office: Office) -> None:
    flow = office.crews.create(CrewDraft(name="A flow", is_flow=True), by=OWNER)

    with pytest.raises(NoSuchForm):
        projects.export(flow.id, Form.CLASSIC, by=OWNER)
