"""A run that asks people loses nothing when its process is killed: it asks once, and goes on with what was decided."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from bot.services import Actor
from bot.services.admins import Admins
from bot.services.limits import Limits, NewLimit
from bot.services.reviews import Reviews
from bot.services.rights import NoPeople, Rights
from store import limits, reviews, runs
from store.database import Store
from store.limits import CrewLimits
from store.more_settings import ReviewSettings, TaskSettings
from store.reviews import Review
from store.runs import Execution, RunState
from tests.engine.crews import agent, crew, task
from tests.slack.northwind import Northwind
from tests.store.databases import postgres_database
from tests.store.examples import ANA, NORTHWIND, Shelf
from tests.support.mortal import Nursery
from tests.support.scripted_model import ScriptedModel
from tests.test_killed import northwind, nursery, started, told

__all__ = ["northwind", "nursery"]

REVIEWED = crew(
    [agent("Ann")],
    [
        task("Write", "Write it.", "Ann", settings=TaskSettings(review=ReviewSettings())),
        task("Print", "Print it.", "Ann", uses=["Write"]),
    ],
)
WRITTEN = crew([agent("Ann")], [task("Write", "Write it.", "Ann"), task("Print", "Print it.", "Ann", uses=["Write"])])
# When the first process dies, which asks, and when the second, which has the answer.
SOME = [(6, 3), (11, 17), (14, 22), (17, 8), (20, 12), (23, 14), (26, 5)]
FEW = [(15, 4), (20, 9), (24, 18)]
MORE = [(asking, answered) for asking in range(3, 30) for answered in (0, 3, 8, 20)]


class Elsewhere:
    """Stands for the thread and the processes of others: nothing is told here."""

    def show(self, review: Review) -> None:
        pass

    def remind(self, review: Review) -> None:
        pass

    def resume(self, run_id: int) -> None:
        pass

    def stop(self, run: Execution, by: str) -> None:
        pass


class NoAdministrators(NoPeople):
    """Where nobody administers anything."""

    def admins(self, team: str) -> list[str]:
        return []


class NoGroups:
    """Where there are no user groups."""

    def groups(self, team: str) -> list[tuple[str, str]]:
        return []

    def group_members(self, team: str, group: str) -> list[str]:
        return []


def survives(url: str, northwind: Northwind, llm: ScriptedModel, nursery: Nursery, asking: int, answered: int) -> None:
    """Kill the process that asks and the one that goes on with the answer, each at its moment."""
    llm.when("Current Task: Write it.").says("A poem.")
    llm.when("Current Task: Print it.").says("Printed.")
    with closing(Store(url)) as store:
        store.upgrade()
        shelf = Shelf(store)
        run = started(shelf, REVIEWED)
        life = {
            "database": url,
            "slack": northwind.slack.api_url,
            "token": northwind.slack.bot_token,
            "model": llm.env(),
        }
        deaths = [nursery.lives(die_at=asking, **life), nursery.lives(**life)]
        assert shelf.read(runs.get, run.id, team=NORTHWIND).status is RunState.WAITING
        [review] = shelf.read(reviews.of_run, run.id)
        drafts = len([request for request in llm.requests if "Write it." in request.prompt])
        assert drafts <= 1 + sum(deaths)
        elsewhere = Elsewhere()
        service = Reviews(store, Rights(NoPeople()), NoGroups(), elsewhere, elsewhere)
        service.approve(review.id, review.revision, by=Actor(NORTHWIND, ANA))
        nursery.lives(die_at=answered, **life)
        nursery.lives(**life)
        ended = shelf.read(runs.get, run.id, team=NORTHWIND)
    assert (ended.status, ended.results) == (RunState.COMPLETED, "Printed.")
    # What was approved is not written once more.
    assert len([request for request in llm.requests if "Current Task: Write it." in request.prompt]) == drafts
    parts = told(northwind, 0)
    assert [parts.count(part) for part in ("parent", "progress", f"question:{review.id}", "result")] == [1, 1, 1, 1]
    assert len(set(parts)) == len(parts)


@pytest.mark.parametrize(("asking", "answered"), SOME)
def test_a_run_that_asks_survives_the_death_of_its_process(
    asking: int, answered: int, tmp_path: Path, northwind: Northwind, llm: ScriptedModel, nursery: Nursery
) -> None:
    survives(f"sqlite:///{tmp_path / 'crewcall.db'}", northwind, llm, nursery, asking, answered)


@pytest.mark.parametrize(("asking", "answered"), FEW)
def test_a_run_that_asks_survives_the_death_of_its_process_on_postgresql(
    asking: int, answered: int, northwind: Northwind, llm: ScriptedModel, nursery: Nursery
) -> None:
    with postgres_database() as url:
        survives(url, northwind, llm, nursery, asking, answered)


@pytest.mark.parametrize(("pausing", "raised"), [(15, 0), (19, 8), (22, 14)])
def test_a_run_at_a_limit_survives_the_death_of_its_process(
    pausing: int, raised: int, tmp_path: Path, northwind: Northwind, llm: ScriptedModel, nursery: Nursery
) -> None:
    llm.when("Current Task: Write it.").says("A poem.")
    llm.when("Current Task: Print it.").says("Printed.")
    with closing(Store(f"sqlite:///{tmp_path / 'crewcall.db'}")) as store:
        store.upgrade()
        shelf = Shelf(store)
        run = started(shelf, WRITTEN)
        shelf.write(limits.set_of_crew, run.crew_id, CrewLimits(run_tokens=10), team=NORTHWIND, by=ANA)
        life = {
            "database": store.engine.url.render_as_string(hide_password=False),
            "slack": northwind.slack.api_url,
            "token": northwind.slack.bot_token,
            "model": llm.env(),
        }
        nursery.lives(die_at=pausing, **life)
        nursery.lives(**life)
        assert shelf.read(runs.get, run.id, team=NORTHWIND).status is RunState.WAITING
        pause = shelf.read(limits.last_pause, run.id)
        service = Limits(store, Rights(NoPeople()), Admins(NoAdministrators()), lambda _run_id: None)
        service.allow(run.id, pause.id, NewLimit(most=100_000), by=Actor(NORTHWIND, ANA))
        nursery.lives(die_at=raised, **life)
        nursery.lives(**life)
        ended = shelf.read(runs.get, run.id, team=NORTHWIND)
    assert (ended.status, ended.results) == (RunState.COMPLETED, "Printed.")
    parts = told(northwind, 0)
    assert [parts.count(part) for part in ("parent", "progress", f"limit:{pause.id}", "result")] == [1, 1, 1, 1]
    assert len(set(parts)) == len(parts)
    settled = [each["text"] for each in northwind.messages(thread_ts=northwind.messages()[0]["ts"])]
    assert any("The limit is raised." in text for text in settled)


@pytest.mark.soak
@pytest.mark.parametrize(("asking", "answered"), MORE)
def test_a_run_that_asks_survives_the_death_of_its_process_at_every_moment(
    asking: int, answered: int, tmp_path: Path, northwind: Northwind, llm: ScriptedModel, nursery: Nursery
) -> None:
    survives(f"sqlite:///{tmp_path / 'crewcall.db'}", northwind, llm, nursery, asking, answered)
