"""Adding, editing, moving, testing and removing steps on a flow's page."""

from __future__ import annotations

from typing import Any

from slack_bolt import Ack, App
from slack_sdk import WebClient

from bot.services import Actor
from bot.services.flows import Flows
from bot.services.runs import Runs
from bot.slack import blocks
from bot.slack.blocks import Json, meta_of
from bot.slack.commands import Commands
from bot.slack.people import direct_channel
from bot.slack.text import escape
from handlers.injection import Reply
from handlers.pages import Pages
from handlers.state_form import ask_fields, asked_state
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
    app.view("step.test")(test_step)
    app.action("step.remove")(remove_step)


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
    pages.show(client, view["previous_view_id"], step.flow_id, by=actor, place=place, notice=notice, near=step.id)


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
        pages.show(client, body["view"]["id"], step.flow_id, by=actor, place=place, near=step.id)
        return
    client.views_push(trigger_id=body["trigger_id"], view=_window(what, step, flows, step_asking, actor, place))


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
    pages.show(client, view["previous_view_id"], step.flow_id, by=actor, place=place, notice=notice, near=step.id)


def test_step(
    ack: Ack, view: Json, client: WebClient, runs: Runs, actor: Actor, place: str | None, reply: Reply
) -> None:
    channel = place or direct_channel(client, actor.user)
    run = runs.try_step(meta_of(view)["step"], asked_state(view), by=actor, channel=channel, tell=reply)
    said = f"*{escape(run.crew_name)}* is on its way. Follow it in its thread in <#{channel}>."
    ack(response_action="update", view=blocks.modal("Test", [blocks.section(said)], callback_id="step.tested"))


def remove_step(
    ack: Ack, body: Json, action: Json, client: WebClient, flows: Flows, pages: Pages, actor: Actor, place: str | None
) -> None:
    ack()
    step = flows.remove_step(int(action["value"]), by=actor)
    said = f"*{escape(step.name)}* is removed."
    gone = blocks.modal("Step", [blocks.section(said)], callback_id="step.removed")
    client.views_update(view_id=body["view"]["id"], view=gone)
    pages.show(client, body["view"]["previous_view_id"], step.flow_id, by=actor, place=place, notice=said)


def _window(what: str, step: FlowStep, flows: Flows, step_asking: StepAsking, actor: Actor, place: str | None) -> Json:
    match what:
        case "edit":
            return step_asking.edit(step, by=actor, place=place)
        case "insert":
            return step_asking.first(step.flow_id, before=step.key, by=actor, place=place)
    return _test(*flows.asked_alone(step.id, by=actor), place)


def _test(step: FlowStep, schema: dict[str, Any] | None, place: str | None) -> Json:
    """What the step must be given to run alone, and the way to remove it."""
    known = "It runs alone, with what you fill in here; its result comes in a thread."
    meta = {"step": step.id, "place": place}
    view = ask_fields(f"{step.name}: {known}", schema, {}, meta=meta, action="step.test", title="Test")
    sure = blocks.confirm(
        "Remove this step?", "What comes after it goes on after what it comes after.", "Remove", danger=True
    )
    remove = blocks.button("Remove step", "step.remove", str(step.id), style="danger", confirm=sure)
    return view | {"blocks": [*view["blocks"], blocks.divider(), blocks.actions(remove)]}
