"""What people are told of crews and flows that are not shared with them: how many there are, and whom to ask."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from bot.errors import UserError
from bot.services.freezing import everything_in
from bot.services.rights import Viewer
from bot.words import listed
from store import crews
from store.crews import CrewInstance
from store.definitions import Definition, StepPlan

if TYPE_CHECKING:
    from store.database import Session

# In earlier versions stand names of crews that have another name now, or none.
_GONE_OR_UNSEEN = "one that is gone or not shared with you"


class HoldsOthers(UserError):
    """“{name}” runs {what}. Ask {whom} to share that with you, then you can take all of it along."""

    people = ("owners",)


def shown(session: Session, crew: CrewInstance, viewer: Viewer) -> CrewInstance:
    """The crew as the person may know of it: without its name and description where it is not shared with them."""
    if viewer.level(session, crew):
        return crew
    return crew.model_copy(update={"name": unseen(1, crew.kind), "description": ""})


def unseen(many: int, kind: str) -> str:
    """“a flow you can’t see”, or “2 flows you can’t see”."""
    return f"a {kind} you can’t see" if many == 1 else f"{many} {kind}s you can’t see"


def whom(owners: Sequence[str]) -> str:
    """Whom to ask about those of these owners: “<@U1> or <@U2>”, each once."""
    return " or ".join(f"<@{owner}>" for owner in dict.fromkeys(owners))


def unseen_in(session: Session, crew: CrewInstance, viewer: Viewer) -> list[CrewInstance]:
    """What a flow runs, or flows inside it run, and the person may not use."""
    inside = everything_in(session, crew) if crew.is_flow else []
    return [part for part in inside if viewer.level(session, part) is None]


def refuse_unseen(session: Session, crew: CrewInstance, viewer: Viewer) -> None:
    """Raise ``HoldsOthers`` where whoever may run the flow would see all of what it runs, too, and may not."""
    if hidden := unseen_in(session, crew, viewer):
        many = [(sum(part.is_flow is flow for part in hidden), "flow" if flow else "crew") for flow in (False, True)]
        owners = [part.owner for part in hidden]
        what = listed([unseen(number, kind) for number, kind in many if number])
        raise HoldsOthers(name=crew.name, what=what, whom=whom(owners), owners=owners)


def told(session: Session, viewer: Viewer, *definitions: Definition) -> list[Definition]:
    """The definitions without the names of crews and tasks that are not shared with the person.

    The same name is the same words in all of them.
    """
    if viewer.seer is None:
        return list(definitions)
    named = {each.parent for each in definitions} | {step.target for each in definitions for step in each.steps}
    hidden = sorted(name for name in named if name and not _is_seen(session, name, viewer))
    words = {name: _GONE_OR_UNSEEN + (f" ({number})" if number > 1 else "") for number, name in enumerate(hidden, 1)}
    return [_without(each, words) for each in definitions]


def _is_seen(session: Session, name: str, viewer: Viewer) -> bool:
    crew = crews.named(session, name, team=viewer.actor.team)
    return crew is not None and viewer.level(session, crew) is not None


def _without(definition: Definition, words: dict[str, str]) -> Definition:
    hidden = {step.key for step in definition.steps if step.target in words}

    def step(plan: StepPlan) -> StepPlan:
        links = [link for link in plan.links if not {plan.key, link.step} & hidden]
        return plan.model_copy(update={"target": words.get(plan.target or "", plan.target), "links": links})

    parent = words.get(definition.parent or "", definition.parent)
    return definition.model_copy(update={"parent": parent, "steps": [step(plan) for plan in definition.steps]})
