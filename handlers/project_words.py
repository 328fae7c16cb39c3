"""An import in words: what was found, what would happen, what is asked, and what came of it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from pydantic import BaseModel, Field, create_model

from bot.services.projects import Clash, Decisions, Deed, Look, Outcome, Plan
from bot.slack import blocks
from bot.slack.blocks import Json, modal
from bot.slack.forms import Form, Select
from bot.slack.text import escape, fit_escaped

DECIDE = "project.decide"
# One message takes no more; what is left is counted.
_LINES = 25
_DEEDS = {
    Deed.CREATE: "would be created",
    Deed.REPLACE: "would become a new version",
    Deed.SAME: "is here already, just so",
    Deed.SKIP: "would be left out",
    Deed.ASK: "exists already",
}
_CLASHES = {
    Clash.RENAME: "Create it under a new name",
    Clash.REPLACE: "Make it a new version of that one",
    Clash.SKIP: "Leave it out",
}


def title(look: Look) -> str:
    """The message that the thread hangs on."""
    return f"*Import* of {fit_escaped(look.bundle.name, 100)}: {_count(look)}. Nothing has been created yet."


def report(look: Look) -> Iterator[str]:
    """The messages of the thread: each crew, what is lost, what is needed, what is wrong."""
    for plan in look.plans:
        yield "\n".join([f"*{escape(plan.definition.name)}* {_DEEDS[plan.deed]}.", *_some(_lines(plan))])
    lost = [f"{each.what} of {each.where}: {each.why}" for each in _lost(look)]
    needs = [f"{need.name}. {need.why}" for need, here in look.needs if not here]
    troubles = [f"{each.file}, line {each.line}: {each.sentence}" for each in _troubles(look)]
    for head, found in (("What can’t be carried over", lost), ("What is needed", needs), ("What to look at", troubles)):
        if found:
            yield "\n".join([f"*{head}*", *_some(f"• {fit_escaped(line, 400)}" for line in found)])


def question(look: Look) -> str:
    """What is asked at the end of the thread."""
    if not _to_do(look):
        return "Everything is here already. There is nothing to create."
    return "Something has to be decided first." if look.undecided else "Create it? All of it is created, or nothing."


def buttons(look: Look, ids: Sequence[str], thread: str) -> list[Json]:
    """The question with its button."""
    rows = [blocks.section(question(look))]
    if _to_do(look):
        value = json.dumps({"files": list(ids), "thread": thread}, separators=(",", ":"))
        label = "Decide and create" if look.undecided else "Create"
        rows.append(blocks.actions(blocks.button(label, "project.create", value, style="primary")))
    return rows


def looked(look: Look) -> Json:
    """The window once the thread is written."""
    said = f"{_count(look)[:1].upper()}{_count(look)[1:]}. Everything else is in your direct messages with the bot."
    return modal("Import", [blocks.section(escape(said))], callback_id="project.looked")


def decisions_form(look: Look) -> Form[BaseModel]:
    """A menu for each thing that has to be decided."""
    fields: dict[str, Any] = {}
    labels: dict[str, str] = {clash.value: words for clash, words in _CLASHES.items()}
    widgets = {}
    for name, plan in _clashes(look):
        allowed = [clash for clash in _CLASHES if clash is not Clash.REPLACE or plan.may_replace]
        said = f"There is already a crew called {plan.definition.name}"
        fields[name] = (Literal[tuple(clash.value for clash in allowed)], Field(title=said[:150]))
        widgets[name] = Select(labels=labels)
    for name, task, agents in _questions(look):
        fields[name] = (Literal[tuple(agents)], Field(title=f"Who does {task}?"[:150]))
        widgets[name] = Select(labels={agent: agent for agent in agents})
    draft = create_model("DecisionsDraft", **fields)
    return Form(draft, callback_id=DECIDE, title="Decide", submit="Create", widgets=widgets)


def suggested(look: Look) -> dict[str, object]:
    """What is chosen before anybody chooses: the likeliest agents, and new names."""
    likely = {f"agent_{number}": each.likely for number, each in enumerate(_undecided(look))}
    return {**likely, **{name: Clash.RENAME.value for name, _ in _clashes(look)}}


def decided(look: Look, view: Json) -> Decisions:
    """What somebody chose in the form."""
    told = decisions_form(look).read(view).model_dump()
    agents = {
        (each.crew, each.task): str(told[f"agent_{number}"])
        for number, each in enumerate(_undecided(look))
        if f"agent_{number}" in told
    }
    clashes = {plan.definition.name: Clash(told[name]) for name, plan in _clashes(look)}
    return Decisions(agents, clashes)


def outcome(done: Outcome) -> str:
    """What came of it."""
    parts = [
        (done.created, "Created"),
        (done.replaced, "New versions of"),
    ]
    said = [f"{word} {', '.join(f'*{escape(crew.name)}*' for crew in crews)}." for crews, word in parts if crews]
    said += [f"Left as it was: {', '.join(map(escape, done.left))}."] if done.left else []
    return " ".join(said) or "There was nothing to create."


def sent(lost: Sequence[str]) -> str:
    """Where an export is, and what CrewAI alone does not do."""
    without = "".join(f"\n• {fit_escaped(sentence, 250)}" for sentence in lost[:10])
    return f"The project is on its way to you as a ZIP, in your direct messages with the bot.{without}"


def sent_window(lost: Sequence[str]) -> Json:
    """The same as a window."""
    return modal("Export", [blocks.section(sent(lost))], callback_id="project.sent")


def created(done: Outcome, said: str) -> Json:
    """The window after an import, with a way to each crew."""
    crews = [*done.created, *done.replaced][:5]
    opens = [
        blocks.button(f"Open {crew.name}", f"crew.open.{number}", str(crew.id)) for number, crew in enumerate(crews)
    ]
    rows = [blocks.section(said), *([blocks.actions(*opens, block_id="found")] if opens else [])]
    return modal("Import", rows, callback_id="project.created")


def _lines(plan: Plan) -> Iterator[str]:
    definition = plan.definition
    for agent in definition.agents:
        yield f"• {fit_escaped(agent.name, 80)}: {fit_escaped(' '.join(agent.role.split()), 120)}"
    for number, task in enumerate(definition.tasks, 1):
        told = ", ".join(task.context) or ("everything before" if task.settings.uses_all else "")
        uses = f", uses {told}" if told else ""
        yield f"{number}. {fit_escaped(task.name, 80)} by {fit_escaped(task.agent or 'nobody yet', 80)}{escape(uses)}"
    for step in definition.steps:
        runs = f", runs {step.target}" if step.target else ""
        yield f"• {fit_escaped(step.name, 80)}: {step.kind}{escape(runs)}"
    yield from (f"_{fit_escaped(change.sentence, 300)}_" for change in plan.differences)


def _some(lines: Iterator[str]) -> list[str]:
    found = list(lines)
    more = [f"… and {len(found) - _LINES} more."] if len(found) > _LINES else []
    return [*found[:_LINES], *more]


def _lost(look: Look) -> list[Any]:
    return [*look.bundle.left_out, *(each for found in look.bundle.found for each in found.left_out)]


def _troubles(look: Look) -> list[Any]:
    return [*look.bundle.troubles, *(each for found in look.bundle.found for each in found.troubles)]


def _count(look: Look) -> str:
    flows = sum(plan.definition.is_flow for plan in look.plans)
    crews = len(look.plans) - flows
    told = [f"{crews} {'crew' if crews == 1 else 'crews'}"] if crews else []
    told += [f"{flows} {'flow' if flows == 1 else 'flows'}"] if flows else []
    return f"{' and '.join(told) or 'nothing'} found"


def _to_do(look: Look) -> bool:
    return any(plan.deed not in (Deed.SAME, Deed.SKIP) for plan in look.plans)


def _undecided(look: Look) -> list[Any]:
    return [each for plan in look.plans for each in plan.undecided]


def _questions(look: Look) -> Iterator[tuple[str, str, list[str]]]:
    for number, each in enumerate(_undecided(look)):
        if each.agents:
            yield f"agent_{number}", each.task, each.agents


def _clashes(look: Look) -> Iterator[tuple[str, Plan]]:
    return ((f"clash_{number}", plan) for number, plan in enumerate(look.plans) if plan.deed is Deed.ASK)
