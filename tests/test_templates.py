"""Templates: those that come with Crewcall are in order, and a workspace's own are for whom they are meant."""

from __future__ import annotations

import pytest

from bot.errors import Gone, NameTaken
from bot.projects.reader import read
from bot.projects.shelf import write_project
from bot.projects.source import Source, from_folder, from_zip
from bot.projects.templates import FOLDER, packaged_templates
from bot.projects.writing import packed
from bot.services.rights import NotAllowed
from bot.services.templates import FROM_YOUR_TEAM, NotYourTemplate, RunsOthers, Templates
from store.crews import CrewDraft
from store.definitions import Definition
from store.steps import StepDraft
from store.templates import TemplateDraft
from tests.support.office import ADMIN, BEN, OWNER, STRANGER, Office

each_template = pytest.mark.parametrize("slug", sorted(path.name for path in FOLDER.iterdir() if path.is_dir()))


@pytest.fixture
def templates(office: Office) -> Templates:
    return office.templates


def main(slug: str) -> Definition:
    return packaged_templates()[slug].bundle.found[-1].definition


class TestThoseThatComeWithCrewcall:
    def test_there_is_one_for_each_thing_that_teams_often_do(self) -> None:
        titles = [template.words.title for template in packaged_templates().values()]

        assert len(titles) == len(set(titles)) >= 12
        assert sum(main(slug).is_flow for slug in packaged_templates()) >= 3

    @each_template
    def test_nothing_in_it_is_lost_or_left_to_decide(self, slug: str) -> None:
        source = from_folder(FOLDER / slug)
        # What Crewcall's own file says covers up what is wrong in the others.
        plain = Source(source.name, {path: text for path, text in source.files.items() if path != "crewcall.yaml"})

        for bundle in (read(plain), packaged_templates()[slug].bundle):
            assert not [*bundle.left_out, *bundle.troubles]
            for found in bundle.found:
                assert not [*found.left_out, *found.troubles, *found.undecided]

    @each_template
    def test_a_copy_has_its_title_and_could_run_at_once(self, office: Office, templates: Templates, slug: str) -> None:
        copy = templates.copy(slug, by=BEN)
        sheet = office.crews.sheet(copy.id, by=BEN)

        assert (copy.name, copy.owner) == (packaged_templates()[slug].words.title, BEN.user)
        assert sheet.problems == []
        assert sheet.inputs
        assert copy.description

    @each_template
    def test_it_survives_an_export_and_an_import(self, slug: str) -> None:
        found = packaged_templates()[slug].bundle.found
        parts = {each.definition.name: each.definition for each in found[:-1]}
        whole = main(slug).model_copy(update={"parts": parts})

        again = read(from_zip(packed(write_project(whole)))).found
        assert {each.definition.name: each.definition for each in again} == {**parts, whole.name: main(slug)}

    @each_template
    def test_it_shows_what_it_is_for_and_what_comes_out(self, office: Office, templates: Templates, slug: str) -> None:
        sheet = templates.sheet(slug, by=BEN)

        assert len(sheet.shown.summary) > 60
        assert len(sheet.shown.example) > 200
        assert sheet.inputs
        assert not sheet.may_unpublish
        assert office.pictures.of_definition(sheet.shown.definition).svg.startswith("<svg")

    @each_template
    def test_agents_have_characters_and_tasks_say_what_is_wanted(self, slug: str) -> None:
        for found in packaged_templates()[slug].bundle.found:
            definition = found.definition
            assert definition.description
            assert all(len(agent.backstory) > 80 and agent.goals for agent in definition.agents)
            assert all(len(task.description) > 40 and task.expected_output for task in definition.tasks)
            assert all(not task.settings.uses_all for task in definition.tasks[1:])

    def test_a_key_that_is_missing_is_said(self, templates: Templates) -> None:
        needs = {need.name: here for need, here in templates.sheet("research-brief", by=BEN).needs}

        assert needs == {"SERPER_API_KEY": False}

    def test_a_second_copy_has_a_name_of_its_own(self, office: Office, templates: Templates) -> None:
        names = [templates.copy("weekly-report", by=BEN).name for _ in range(2)]

        assert names == ["Weekly report", "Weekly report 2"]
        second = {name: crew_id for crew_id, name in office.crews.names(by=BEN)}["Weekly report 2"]
        flow = office.crews.sheet(second, by=BEN).flow
        assert flow is not None
        assert [step.target for step in flow.definition.steps] == ["Weekly team summary 2", "Weekly report writer 2"]

    def test_what_is_no_template_is_gone(self, templates: Templates) -> None:
        for key in ("", "../secrets", "77", "٣"):
            with pytest.raises(Gone):
                templates.sheet(key, by=BEN)


class TestThoseOfTheTeam:
    def test_everybody_in_the_workspace_may_copy_what_somebody_published(
        self, office: Office, templates: Templates
    ) -> None:
        published = templates.publish(office.crew.id, TemplateDraft(name="Our research"), by=OWNER)
        first = templates.gallery(by=BEN)[0]
        copy = templates.copy(str(published.id), by=BEN)

        assert (first.title, first.work, first.publisher) == ("Our research", FROM_YOUR_TEAM, OWNER.user)
        assert (copy.name, copy.owner) == ("Our research", BEN.user)
        sheet = office.crews.sheet(copy.id, by=BEN)
        assert [agent.name for agent in sheet.agents] == ["Researcher"]
        assert [task.name for task in sheet.tasks] == ["Research"]

    def test_a_template_stays_what_it_was_when_the_crew_changes_or_goes(
        self, office: Office, templates: Templates
    ) -> None:
        published = templates.publish(office.crew.id, TemplateDraft(name="Our research"), by=OWNER)
        office.crews.delete(office.crew.id, by=OWNER)

        assert templates.copy(str(published.id), by=OWNER).name == "Our research"

    def test_nobody_in_another_workspace_sees_it(self, office: Office, templates: Templates) -> None:
        published = templates.publish(office.crew.id, TemplateDraft(name="Our research"), by=OWNER)

        assert all(shown.publisher is None for shown in templates.gallery(by=STRANGER))
        for act in (templates.sheet, templates.copy):
            with pytest.raises(Gone):
                act(str(published.id), by=STRANGER)
        with pytest.raises(Gone):
            templates.unpublish(published.id, by=STRANGER)

    def test_only_owners_publish(self, office: Office, templates: Templates) -> None:
        with pytest.raises(NotAllowed):
            templates.publish(office.other.id, TemplateDraft(name="Mine now"), by=BEN)

    def test_a_flow_does_not_give_away_what_others_own(self, office: Office, templates: Templates) -> None:
        flow = office.crews.create(CrewDraft(name="Ben’s flow", is_flow=True), by=BEN)
        step = StepDraft(name="Look", kind="crew", target_id=office.other.id)
        office.flows.add_step(flow.id, step, by=BEN)

        with pytest.raises(RunsOthers, match="Ask its owner"):
            templates.publish(flow.id, TemplateDraft(name="Ben’s flow"), by=BEN)

    def test_a_flow_is_copied_with_all_that_it_runs(self, office: Office, templates: Templates) -> None:
        flow = office.crews.create(CrewDraft(name="A flow", is_flow=True), by=OWNER)
        office.flows.add_step(flow.id, StepDraft(name="Look", kind="crew", target_id=office.crew.id), by=OWNER)
        published = templates.publish(flow.id, TemplateDraft(name="Flow for all"), by=OWNER)
        copy = office.crews.sheet(templates.copy(str(published.id), by=BEN).id, by=BEN)

        assert copy.crew.name == "Flow for all"
        assert copy.flow is not None
        assert copy.flow.definition.steps[0].target == "Market research 2"

    def test_a_title_that_is_taken_is_refused(self, office: Office, templates: Templates) -> None:
        templates.publish(office.crew.id, TemplateDraft(name="Our research"), by=OWNER)

        with pytest.raises(NameTaken, match="already a template called"):
            templates.publish(office.other.id, TemplateDraft(name="our  RESEARCH"), by=OWNER)

    def test_publishers_and_administrators_take_templates_away(self, office: Office, templates: Templates) -> None:
        first = templates.publish(office.crew.id, TemplateDraft(name="First"), by=OWNER)
        second = templates.publish(office.crew.id, TemplateDraft(name="Second"), by=OWNER)
        with pytest.raises(NotYourTemplate):
            templates.unpublish(first.id, by=BEN)
        templates.unpublish(first.id, by=OWNER)
        templates.unpublish(second.id, by=ADMIN)

        assert all(shown.publisher is None for shown in templates.gallery(by=OWNER))

    def test_it_is_written_in_the_audit_log(self, office: Office, templates: Templates) -> None:
        published = templates.publish(office.crew.id, TemplateDraft(name="Our research"), by=OWNER)
        templates.copy(str(published.id), by=BEN)
        templates.unpublish(published.id, by=OWNER)

        said = [(entry.actor, entry.verb, entry.name) for entry in office.audit.page(by=ADMIN)[:3]]
        assert said == [
            (OWNER.user, "unpublished", "Our research"),
            (BEN.user, "copied", "Our research"),
            (OWNER.user, "published", "Our research"),
        ]
