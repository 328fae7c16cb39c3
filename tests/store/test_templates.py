"""Templates of a workspace: whose they are, and what their titles and definitions must be."""

from __future__ import annotations

import pytest

from bot.errors import Gone, NameTaken
from store import templates
from store.definitions import AgentPlan, Definition
from store.templates import Template, TemplateDraft
from tests.store.examples import CONTOSO, NORTHWIND, Shelf

INSIDE = Definition(name="Research", agents=[AgentPlan(name="Ada", role="Analyst", goals=["Find"], backstory="Reads.")])
WHOLE = Definition(name="Letter", is_flow=True, parts={"Research": INSIDE})


def published(shelf: Shelf, name: str = "Our letter", team: str = NORTHWIND) -> Template:
    draft = TemplateDraft(name=name, summary="For Fridays.")
    added: Template = shelf.write(templates.add, draft, WHOLE, team=team, by="U0ANA")
    return added


def test_a_template_is_read_back_with_all_that_is_in_it(shelf: Shelf) -> None:
    template = published(shelf)

    assert shelf.read(templates.get, template.id, team=NORTHWIND) == template
    assert (template.definition, template.summary, template.published_by) == (WHOLE, "For Fridays.", "U0ANA")


def test_the_newest_come_first_and_only_those_of_the_workspace(shelf: Shelf) -> None:
    for name in ("First", "Second"):
        published(shelf, name)
    published(shelf, "Theirs", team=CONTOSO)

    assert [each.name for each in shelf.read(templates.list_all, team=NORTHWIND)] == ["Second", "First"]


def test_a_title_is_there_once_in_a_workspace(shelf: Shelf) -> None:
    published(shelf)
    published(shelf, team=CONTOSO)

    with pytest.raises(NameTaken):
        published(shelf, "OUR  letter")


def test_it_is_removed_by_its_own_workspace_alone(shelf: Shelf) -> None:
    template = published(shelf)
    shelf.write(templates.remove, template.id, team=CONTOSO)
    with pytest.raises(Gone):
        shelf.read(templates.get, template.id, team=CONTOSO)
    assert shelf.read(templates.list_all, team=NORTHWIND) == [template]

    shelf.write(templates.remove, template.id, team=NORTHWIND)
    assert shelf.read(templates.list_all, team=NORTHWIND) == []
