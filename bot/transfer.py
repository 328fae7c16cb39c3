"""``crewcall import | export``: projects into a workspace and out of it, without Slack."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bot.errors import UserError
from bot.settings import Settings, from_environment

if TYPE_CHECKING:
    from bot.projects.bundle import Bundle
    from bot.services import Actor
    from bot.services.projects import Decisions, Look, Outcome, Projects
    from store.database import Store

# What the demo calls its workspace and its first person; what is imported before any start is theirs.
_DEMO = ("T0NORTHWIND", "U0ANA000001")

REFUSED, UNDECIDED = 1, 2


class WhichWorkspace(UserError):
    """The database has {count} workspaces: {teams}. Say which one: --team {first}"""


class WhoseCrews(UserError):
    """Nobody in {team} has a crew yet. Say whose the crews shall be, by their Slack id: --owner U0123456789"""


class NothingNamed(UserError):
    """Say which crew to export, or --all for the whole workspace."""


class NotDecided(UserError):
    """“{word}” decides nothing: write it as Crew/Task=Agent with names from the dry run."""


_team = click.option("--team", default="", metavar="T…", help="The workspace’s id; default: the only one there is.")
_owner = click.option("--owner", default="", metavar="U…", help="Whose the crews are; default: who has most of them.")


@click.command("import")
@click.argument("path", type=click.Path(path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only say what would be created; nothing changes.")
@click.option("--json", "as_json", is_flag=True, help="Say it as JSON.")
@click.option("--decide", multiple=True, metavar="CREW/TASK=AGENT", help="Who does a task that has no agent.")
@click.option("--likely", is_flag=True, help="Tasks without an agent go to the likeliest one.")
@click.option(
    "--existing",
    type=click.Choice(["ask", "rename", "replace", "skip"]),
    default="ask",
    show_default=True,
    help="What to do with a crew whose name is taken.",
)
@_team
@_owner
def import_(
    path: Path,
    dry_run: bool,
    as_json: bool,
    decide: tuple[str, ...],
    likely: bool,
    existing: str,
    team: str,
    owner: str,
) -> None:
    """Bring the CrewAI project at PATH in: a folder, a ZIP or a single file. None of its code is run.

    Ends with status 0 when it is imported (or could be, with --dry-run), 1 when it is refused, and 2 when something
    has to be decided first.
    """
    logging.disable(logging.WARNING)
    try:
        _import(path, dry_run, as_json, (decide, likely, existing), team, owner)
    except UserError as refusal:
        if as_json:
            problem = {"crew": "", "file": "", "line": 0, "sentence": refusal.sentence}
            nothing: dict[str, list[Any]] = {
                name: [] for name in ("crews", "flows", "left_out", "needs", "decisions", "created")
            }
            told = {"status": "refused", "reason": refusal.sentence, **nothing, "problems": [problem]}
            click.echo(json.dumps(told, ensure_ascii=False, indent=2))
        else:
            click.echo(refusal.sentence, err=True)
        sys.exit(REFUSED)


def _import(
    path: Path, dry_run: bool, as_json: bool, told: tuple[tuple[str, ...], bool, str], team: str, owner: str
) -> None:
    from bot.projects.reader import read
    from bot.projects.source import from_path

    bundle = read(from_path(path))
    decisions = _decisions(bundle, *told)
    with _services(from_environment(), team, owner) as (projects, by):
        look = projects.look(bundle, decisions, by=by)
        outcome = None if dry_run or look.undecided else projects.create(bundle, decisions, by=by)
    if as_json:
        click.echo(json.dumps(_as_data(look, outcome), ensure_ascii=False, indent=2, default=str))
    else:
        click.echo("\n".join(_in_words(look, outcome)))
    sys.exit(UNDECIDED if look.undecided else 0)


def _decisions(bundle: Bundle, decide: tuple[str, ...], likely: bool, existing: str) -> Decisions:
    from bot.services.projects import Clash, Decisions

    undecided = [each for found in bundle.found for each in found.undecided]
    agents = {(each.crew, each.task): each.likely for each in undecided} if likely else {}
    for word in decide:
        where, equals, agent = word.rpartition("=")
        crew, slash, task = where.partition("/")
        if not equals or not slash or all((each.crew, each.task) != (crew, task) for each in undecided):
            raise NotDecided(word=word)
        agents[crew, task] = agent
    return Decisions(agents, otherwise=Clash(existing))


@click.command("export")
@click.argument("name", default="")
@click.option("--form", type=click.Choice(["classic", "json", "flow"]), help="Default: classic; for a flow: flow.")
@click.option("--all", "everything", is_flag=True, help="Every crew and flow of the workspace, for backup and moving.")
@click.option("--to", type=click.Path(path_type=Path), help="A new folder, or a file that ends in .zip.")
@_team
@_owner
def export(name: str, form: str | None, everything: bool, to: Path | None, team: str, owner: str) -> None:
    """Write the crew or flow NAME as a project that runs with CrewAI alone. No key is in it, ever."""
    from bot.projects.shelf import Form
    from bot.projects.writing import unpacked

    logging.disable(logging.WARNING)
    if not name and not everything:
        raise NothingNamed
    with _services(from_environment(), team, owner) as (projects, by):
        if everything:
            written = projects.export_all(by=by)
        else:
            crew = projects.named(name, by=by)
            written = projects.export(crew.id, Form(form) if form else None, by=by)
    click.echo(f"Written to {unpacked(written, to or Path(written.name))}.")
    for sentence in written.lost:
        click.echo(f"Without Crewcall: {sentence}")


@contextmanager
def _services(settings: Settings, team: str, owner: str) -> Iterator[tuple[Projects, Actor]]:
    """The service over the database, and the person in whose name it acts; whoever is at the server may do all."""
    from bot.engine.llms import Models
    from bot.services import Actor
    from bot.services.admins import Admins
    from bot.services.models import Connections
    from bot.services.projects import Projects
    from bot.services.rights import Rights
    from store import health
    from store.secrets import Keyring

    with closing(health.open_store(settings.database)) as store:
        health.upgrade(store)
        people = _AtTheServer()
        models = Models(settings.default_model, settings.data_dir)
        keyring = Keyring(settings.keys, settings.secret_file)
        connections = Connections(store, keyring, models, Admins(people))
        team = team or _only_team(store, settings)
        actor = Actor(team, owner or _likely_owner(store, team))
        yield Projects(store, Rights(people), connections.problem), actor


class _AtTheServer:
    """Whoever types on the server holds the database itself."""

    def is_admin(self, team: str, user: str) -> bool:
        return True

    def channels(self, team: str, user: str) -> tuple[str, ...]:
        return ()

    def reaches(self, team: str, channel: str) -> bool:
        return False

    def admins(self, team: str) -> list[str]:
        return []


def _only_team(store: Store, settings: Settings) -> str:
    from store import crews

    with store.reading() as session:
        teams = crews.teams(session)
    if len(teams) > 1:
        raise WhichWorkspace(count=len(teams), teams=", ".join(teams), first=teams[0])
    return teams[0] if teams else _own_team(settings)


def _own_team(settings: Settings) -> str:
    """The workspace that the bot token is of; the demo's where there is none."""
    if settings.bot_token is None:
        return _DEMO[0]
    from slack_sdk import WebClient
    from slack_sdk.errors import SlackApiError, SlackClientError

    client = WebClient(settings.bot_token.get_secret_value(), base_url=settings.slack_api_url, timeout=10)
    try:
        return str(client.auth_test()["team_id"])
    except (SlackApiError, SlackClientError, OSError):
        raise WhichWorkspace(count=0, teams="none", first="T0123456789") from None


def _likely_owner(store: Store, team: str) -> str:
    from store import crews

    with store.reading() as session:
        owners = crews.owners(session, team=team)
    if owners:
        return owners[0]
    if team == _DEMO[0]:
        return _DEMO[1]
    raise WhoseCrews(team=team)


# --- What is said --------------------------------------------------------------------------------------------------


def _as_data(look: Look, outcome: Outcome | None) -> dict[str, Any]:
    from bot.projects.telling import found_as_data, lost_as_data, trouble_as_data

    told = [
        {
            **found_as_data(plan.found),
            "name": plan.definition.name,
            "deed": plan.deed.value,
            "differences": [change.sentence for change in plan.differences],
        }
        for plan in look.plans
    ]
    of = [(found.definition.name, found) for found in look.bundle.found]
    lost = [lost_as_data(each, name) for name, found in of for each in found.left_out]
    troubles = [trouble_as_data(each, name) for name, found in of for each in found.troubles]
    return {
        "status": "undecided" if look.undecided else "imported" if outcome else "ready",
        "project": look.bundle.name,
        "crews": [each for each in told if each["kind"] == "crew"],
        "flows": [each for each in told if each["kind"] == "flow"],
        "left_out": [*lost, *(lost_as_data(each) for each in look.bundle.left_out)],
        "needs": [{**vars(need), "here": here} for need, here in look.needs],
        "decisions": list(_open_questions(look)),
        "problems": [*troubles, *(trouble_as_data(each) for each in look.bundle.troubles)],
        "created": [crew.name for crew in outcome.created] if outcome else [],
        "replaced": [crew.name for crew in outcome.replaced] if outcome else [],
        "unchanged": outcome.left if outcome else [],
    }


def _open_questions(look: Look) -> Iterator[dict[str, Any]]:
    from bot.services.projects import Deed

    for plan in look.plans:
        if plan.deed is Deed.ASK:
            yield {"kind": "name", "crew": plan.definition.name, "options": ["rename", "replace", "skip"]}
        for each in plan.undecided:
            yield {
                "kind": "agent",
                "crew": each.crew,
                "task": each.task,
                "options": each.agents,
                "likely": each.likely,
            }


def _in_words(look: Look, outcome: Outcome | None) -> Iterator[str]:
    for plan in look.plans:
        definition = plan.definition
        yield f"{definition.name} ({plan.found.file}): {_deed(plan.deed, outcome)}"
        for agent in definition.agents:
            yield f"  agent {agent.name}: {agent.role}"
        for number, task in enumerate(definition.tasks, 1):
            told = ", ".join(task.context) or ("everything before" if task.settings.uses_all else "")
            uses = f", uses {told}" if told else ""
            yield f"  {number}. {task.name} by {task.agent or 'nobody yet'}{uses}"
        for step in definition.steps:
            runs = f", runs {step.target}" if step.target else ""
            after = ", ".join(f"{one.step} ({one.outcome})" if one.outcome else one.step for one in step.after)
            yield f"  step {step.key}: {step.kind}{runs}{f', after {after}' if after else ''}"
        yield from (f"  changed: {change.sentence}" for change in plan.differences)
    yield from _notes(look)
    for question in _open_questions(look):
        if question["kind"] == "name":
            yield f"Decide: “{question['crew']}” exists already. Add --existing rename, replace or skip."
        else:
            first = question["likely"] or "AGENT"
            yield f"Decide: --decide “{question['crew']}/{question['task']}={first}” or --likely"


def _notes(look: Look) -> Iterator[str]:
    lost = [*look.bundle.left_out, *(each for found in look.bundle.found for each in found.left_out)]
    troubles = [*look.bundle.troubles, *(each for found in look.bundle.found for each in found.troubles)]
    yield from (f"Left out: {each.what} of {each.where}. {each.why}" for each in lost)
    yield from (f"Problem: {each.file}, line {each.line}: {each.sentence}" for each in troubles)
    yield from (f"Needs: {need.name}. {need.why}" for need, here in look.needs if not here)


def _deed(deed: str, outcome: Outcome | None) -> str:
    done = outcome is not None
    words = {
        "create": "created" if done else "would be created",
        "replace": "replaced" if done else "would be replaced",
        "same": "is here already, just so",
        "skip": "skipped",
        "ask": "the name is taken",
    }
    return words[deed]
