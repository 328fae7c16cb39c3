"""Adding, editing, moving and removing steps on a flow's page."""

from __future__ import annotations

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.services import Actor
from bot.services.flows import Flows
from bot.slack import blocks
from bot.slack.blocks import Json, meta_of
from bot.slack.commands import Commands
from bot.slack.text import escape
from handlers.pages import Pages
from handlers.step_asking import StepAsking
from handlers.step_forms import AT_THE_END, NEW_STEP, read_first, read_step
from store.steps import FlowStep


def register(app: App, commands: Commands) -> None:
    """Answer the forms and buttons about steps."""
    app.action("step.add")(ask_for_step)
    app.view(NEW_STEP.callback_id)(choose_kind)
    app.view("step.create")(add_step)
    app.action("step.menu")(choose)
    app.action("step.mend")(choose)
    app.view("step.change")(change_step)
    app.view("step.remove")(remove_step)


def ask_for_step(
    ack: Ack, body: Json, action: Json, client: WebClient, step_asking: StepAsking, actor: Actor, place: str | None
) -> None:
    ack()
    view = step_asking.first(int(action["value"].partition(":")[0]), by=actor, place=place)
    client.views_push(trigger_id=body["trigger_id"], view=view)


def choose_kind(ack: Ack, view: Json, step_asking: StepAsking, actor: Actor) -> None:
    kind, first = read_first(view)
    ack(response_action="update", view=step_asking.new(kind, first, meta_of(view), by=actor))


def add_step(
    ack: Ack, view: Json, client: WebClient, flows: Flows, pages: Pages, actor: Actor, place: str | None
) -> None:
    meta = meta_of(view)
    draft = read_step(view, flows.sheet(meta["crew"], by=actor), new=True)
    before = None if meta["before"] == AT_THE_END else meta["before"]
    step = flows.add_step(meta["crew"], draft, by=actor, before=before)
    ack()
    notice = f"*{escape(step.name)}* is added."
    pages.show(client, view["previous_view_id"], step.flow_id, by=actor, place=place, notice=notice)


def choose(
    ack: Ack,
    body: Json,
    action: Json,
    client: WebClient,
    flows: Flows,
    step_asking: StepAsking,
    pages: Pages,
    actor: Actor,
    place: str | None,
) -> None:
    ack()
    # The place that follows makes the same choice at another place another click.
    what, step_id, *_ = action.get("selected_option", action)["value"].split(":")
    step = flows.get_step(int(step_id), by=actor)
    if what in ("earlier", "later"):
        flows.move_step(step.id, later=what == "later", by=actor)
        pages.show(client, body["view"]["id"], step.flow_id, by=actor, place=place)
        return
    client.views_push(trigger_id=body["trigger_id"], view=_window(what, step, step_asking, actor, place))


def change_step(
    ack: Ack,
    view: Json,
    client: WebClient,
    flows: Flows,
    step_asking: StepAsking,
    pages: Pages,
    actor: Actor,
    place: str | None,
) -> None:
    meta = meta_of(view)
    draft = read_step(view, flows.sheet(meta["crew"], by=actor), new=False)
    step = flows.change_step(meta["step"], draft, version=meta["version"], by=actor)
    again = step_asking.left(step, meta["needs"], by=actor, place=place)
    ack(response_action="update", view=again) if again else ack()
    notice = f"*{escape(step.name)}* is saved."
    pages.show(client, view["previous_view_id"], step.flow_id, by=actor, place=place, notice=notice)


def remove_step(
    ack: Ack, view: Json, client: WebClient, flows: Flows, pages: Pages, actor: Actor, place: str | None
) -> None:
    step = flows.remove_step(meta_of(view)["step"], by=actor)
    ack()
    notice = f"*{escape(step.name)}* is removed."
    pages.show(client, view["previous_view_id"], step.flow_id, by=actor, place=place, notice=notice)


def _window(what: str, step: FlowStep, step_asking: StepAsking, actor: Actor, place: str | None) -> Json:
    match what:
        case "edit":
            return step_asking.edit(step, by=actor, place=place)
        case "insert":
            return step_asking.first(step.flow_id, before=step.key, by=actor, place=place)
    return _removal(step, place)


def _removal(step: FlowStep, place: str | None) -> Json:
    sure = f"Remove *{escape(step.name)}*? What comes after it goes on after what it comes after."
    meta = {"step": step.id, "place": place}
    rows = [blocks.section(sure)]
    return blocks.modal("Remove step", rows, callback_id="step.remove", submit="Remove", close="Cancel", meta=meta)
